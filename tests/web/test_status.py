import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from exporter.config import Campaign, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.stats import Stats
from exporter.store import State
from exporter.web.evaluation import Condition, Row, rows
from exporter.web.status import CONTENT_SECURITY_POLICY, render_json, render_page

NOW = 1_795_377_600.0  # 2026-11-22 20:00:00 UTC
DOCUMENTED = Stats(500, 480, 471, 9, 38, 20, 0.42, 0.08)
TIMEOUT = Failure(Reason.TIMEOUT, "no whole answer within 10 s")


def campaign(name: str = "camp_123", *, workspace: str = "acme", **limits: Any) -> Campaign:
    return Campaign(workspace, name, name, thresholds=Thresholds(**limits))


def read(stats: Stats, **limits: Any) -> State:
    return State(campaign(**limits), stats, NOW - 12, up=True)


def bounced(sent: int, count: int) -> Stats:
    return Stats(sent=sent, bounced=count)


def judged(state: State) -> Row:
    return rows([state])[0]


def page(*states: State, **options: Any) -> str:
    return render_page(rows(states), **{"now": NOW, "version": "1.2.3", **options})


def campaigns_of(*states: State) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(render_json(rows(states), now=NOW))["campaigns"]
    return found


class _Text(HTMLParser):
    """Collect each table row's text and all elements' names, as a browser would see them."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.rows: list[str] = []
        self.text = ""
        self._in_row = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag == "tr":
            self.rows.append("")
            self._in_row = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._in_row = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_row:
            self.rows[-1] = " ".join(f"{self.rows[-1]} {data}".split())


@pytest.mark.parametrize(
    ("state", "conditions"),
    [
        (State(campaign()), ["waiting"]),
        (read(DOCUMENTED), ["ok"]),
        (read(Stats()), ["ok"]),
        (read(bounced(100, 4)), ["warning"]),
        (read(bounced(100, 6)), ["critical"]),
        (State(campaign(), bounced(100, 6), NOW, up=False, error=TIMEOUT), ["critical", "failing"]),
        (State(campaign(), bounced(100, 4), NOW, up=False, error=TIMEOUT), ["warning", "failing"]),
        (State(campaign(), DOCUMENTED, NOW, up=False, error=TIMEOUT), ["failing"]),
        (State(campaign(), None, None, up=False, error=TIMEOUT), ["failing"]),
        (State(campaign(), None, NOW - 600, up=False, error=TIMEOUT), ["stale", "failing"]),
        (State(campaign(), None, NOW - 600, up=True), ["stale"]),
        (read(Stats(delivered=200, replied=1), reply_ratio=Threshold(info=0.02)), ["info"]),
        (read(Stats(sent=100, bounced=4, queued=11), emails_queued=Threshold(critical=10)), ["critical", "warning"]),
    ],
)
def test_a_row_says_all_that_applies_the_worst_first(state: State, conditions: list[str]) -> None:
    assert list(judged(state).conditions) == conditions
    row = _Text(page(state)).rows[-1]
    assert all(condition in row for condition in conditions)


@pytest.mark.parametrize(
    ("stats", "note", "severity", "is_judged"),
    [
        (bounced(100, 3), "warning 3 %, critical 5 %", None, True),  # at a limit is not over it
        (bounced(100, 4), "over warning 3 %", "warning", True),
        (bounced(100, 5), "over warning 3 %", "warning", True),
        (bounced(100, 6), "over critical 5 %", "critical", True),
        (bounced(49, 49), "too few sent to judge: 49 of 50", None, False),
        (bounced(50, 50), "over critical 5 %", "critical", True),
        (bounced(0, 0), "nothing sent", None, True),
        (Stats(bounced=9), "not reported", None, True),
        (Stats(sent=480), "not reported", None, True),
    ],
)
def test_the_bounce_ratio_is_held_against_its_limits(
    stats: Stats, note: str, severity: str | None, *, is_judged: bool
) -> None:
    figure = judged(read(stats)).bounce_ratio
    assert (figure.note.replace("\N{NO-BREAK SPACE}", " "), figure.severity) == (note, severity)
    assert figure.judged == is_judged


@pytest.mark.parametrize(
    ("queued", "limits", "note", "severity"),
    [
        (None, Threshold(warning=500), "not reported", None),
        (9, Threshold(), "no limit", None),
        (500, Threshold(warning=500), "warning 500", None),
        (501, Threshold(warning=500), "over warning 500", "warning"),
        (2001, Threshold(warning=500, critical=2000.0), "over critical 2,000", "critical"),
        (2001, Threshold(critical=2000.5), "over critical 2,000.5", "critical"),
    ],
)
def test_the_queue_is_held_against_its_limits(
    queued: int | None, limits: Threshold, note: str, severity: str | None
) -> None:
    figure = judged(read(Stats(queued=queued), emails_queued=limits)).emails_queued
    assert (figure.value, figure.note, figure.severity) == (queued, note, severity)


@pytest.mark.parametrize(
    ("stats", "note", "severity"),
    [
        (Stats(delivered=200, replied=4), "floor 2 %", None),
        (Stats(delivered=200, replied=3), "under floor 2 %", "info"),
        (Stats(delivered=199, replied=0), "too few delivered to judge: 199 of 200", None),
        (Stats(delivered=0, replied=0), "nothing delivered", None),
        (Stats(delivered=200), "not reported", None),
        (Stats(replied=3), "not reported", None),
    ],
)
def test_the_reply_ratio_is_held_against_its_floor(stats: Stats, note: str, severity: str | None) -> None:
    figure = judged(read(stats, reply_ratio=Threshold(info=0.02))).reply_ratio
    assert (figure.note.replace("\N{NO-BREAK SPACE}", " "), figure.severity) == (note, severity)


def test_too_few_do_not_matter_where_there_is_no_limit() -> None:
    row = judged(read(Stats(sent=10, delivered=9, bounced=1, replied=1), bounce_ratio=Threshold()))
    assert (row.bounce_ratio.note, row.reply_ratio.note) == ("no limit", "no limit")


def test_the_worst_come_first_and_equals_by_name() -> None:
    states = [
        State(campaign("waiting")),
        State(campaign("ok b"), DOCUMENTED, NOW, up=True),
        State(campaign("ok a"), DOCUMENTED, NOW, up=True),
        State(campaign("ok a", workspace="aaa"), DOCUMENTED, NOW, up=True),
        State(campaign("failing"), DOCUMENTED, NOW, up=False, error=TIMEOUT),
        State(campaign("warning"), bounced(100, 4), NOW, up=True),
        State(campaign("stale"), None, NOW, up=True),
        State(campaign("critical"), bounced(100, 6), NOW, up=True),
        State(campaign("critical, failing"), bounced(100, 6), NOW, up=False, error=TIMEOUT),
    ]
    assert [f"{row.state.campaign.workspace}/{row.state.campaign.name}" for row in rows(states)] == [
        "acme/critical, failing",
        "acme/critical",
        "acme/stale",
        "acme/warning",
        "acme/failing",
        "acme/waiting",
        "aaa/ok a",
        "acme/ok a",
        "acme/ok b",
    ]


def test_what_is_a_problem() -> None:
    assert [row.is_problem for row in rows([read(bounced(100, 4)), State(campaign()), read(DOCUMENTED)])] == [
        True,
        False,
        False,
    ]


def test_the_page_shows_the_documented_example() -> None:
    row = _Text(page(read(DOCUMENTED))).rows[-1]
    assert row == (
        "✓ ok camp_123 acme 12 s ago 19:59:48 480 9 1.88 % warning 3 %, critical 5 % 20 no limit "
        "8.07 % no limit 38 replied"
    )


def test_the_page_shows_why_a_poll_failed_and_what_is_not_known() -> None:
    row = _Text(page(State(campaign(), None, None, up=False, error=TIMEOUT))).rows[-1]
    assert (
        row.replace("\N{EN DASH}", "-") == "✕ failing camp_123 acme never - - - - - timeout no whole answer within 10 s"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (0, "just now"), (59, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"), (90000, "1 d ago")],
)
def test_the_last_success_is_an_age_and_an_exact_time(seconds: float, words: str) -> None:
    document = page(State(campaign(), None, NOW - seconds, up=True))
    assert f">{words}<small>" in document
    if seconds == 90000:
        assert '<time datetime="2026-11-21T19:00:00.000Z">' in document
        assert "<small>2026-11-21 19:00:00</small>" in document


def test_the_summary_counts_each_condition() -> None:
    past_and_failing = State(campaign(), bounced(100, 6), NOW, up=False, error=TIMEOUT)
    failing = State(campaign(), None, None, up=False, error=TIMEOUT)
    stale = State(campaign(), None, NOW, up=True)
    waiting = State(campaign())
    text = _Text(page(past_and_failing, failing, *[stale] * 3, *[waiting] * 4, *[read(DOCUMENTED)] * 2)).text
    counts = re.findall(r"(\d+)\W*(past a limit|failing|stale|waiting|campaigns)$", text, re.MULTILINE)
    assert counts == [("1", "past a limit"), ("2", "failing"), ("3", "stale"), ("4", "waiting"), ("11", "campaigns")]


def test_the_title_says_how_many_are_past_a_limit() -> None:
    assert "<title>1 past a limit · Leadterra campaigns</title>" in page(read(bounced(100, 6)))
    assert "<title>Leadterra campaigns</title>" in page(read(DOCUMENTED))


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}"


def test_nothing_from_outside_becomes_markup() -> None:
    hostile = Campaign(HOSTILE, HOSTILE + "id", HOSTILE, labels=(("client", HOSTILE),))
    state = State(hostile, DOCUMENTED, NOW, up=False, error=Failure(Reason.TIMEOUT, HOSTILE))
    seen = _Text(page(state, version=HOSTILE, telemetry_path=f"/{HOSTILE}"))
    assert seen.elements.count("script") == 1
    assert "img" not in seen.elements
    assert seen.rows[-1].count(HOSTILE) == 5  # name, workspace, id, label, error
    assert f"leadterra-exporter {HOSTILE}" in seen.text


def test_a_campaign_without_any_label_value_has_no_label_text() -> None:
    assert "client=" not in page(State(Campaign("acme", "a", "a", labels=(("client", ""),))))


def test_the_policy_names_the_hashes_of_what_is_rendered() -> None:
    document = page(read(DOCUMENTED))
    for element in ("style", "script"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}';" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert CONTENT_SECURITY_POLICY.endswith("base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def test_links_lead_to_the_rest_wherever_it_is() -> None:
    document = page(telemetry_path="/probe")
    for path in ("/probe", "/api/v1/campaigns", "/config", "/-/healthy", "/-/ready"):
        assert f'<a href=".{path}">' in document
    assert "leadterra-exporter 1.2.3" in document


def test_a_shard_says_that_it_is_not_all() -> None:
    assert "Only the campaigns of shard 0 of 3" in page(shard=(0, 3))
    assert "shard" not in _Text(page()).text.split('"use strict"')[0]


def test_no_campaign_is_said() -> None:
    assert "There is no campaign to show." in page()
    assert "There is no campaign to show." not in page(read(DOCUMENTED))


def test_ten_thousand_campaigns_are_cut_to_the_worst_thousand() -> None:
    states = [State(campaign(f"camp_{index}"), DOCUMENTED, NOW, up=True) for index in range(9_999)]
    states.append(State(campaign("zzz"), bounced(100, 6), NOW, up=True))
    seen = _Text(page(*states))
    assert len(seen.rows) == 1 + 1000
    assert "zzz" in seen.rows[1]
    assert "The worst 1,000 of 10,000 campaigns are listed; 9,000 are not shown." in seen.text
    assert "10,000campaigns" in seen.text
    assert len(campaigns_of(*states)) == 10_000


def test_the_json_of_a_reading() -> None:
    labelled = Campaign("acme", "camp_123", "VP Sales", labels=(("client", ""), ("team", "growth")))
    body = render_json(rows([State(labelled, DOCUMENTED, NOW - 12.5, up=True)]), now=NOW)
    assert json.loads(body) == {
        "time": "2026-11-22T20:00:00.000Z",
        "campaigns": [
            {
                "workspace": "acme",
                "campaign_id": "camp_123",
                "campaign": "VP Sales",
                "labels": {"client": "", "team": "growth"},
                "state": "ok",
                "up": True,
                "last_success": "2026-11-22T19:59:47.500Z",
                "leads_enrolled": 500,
                "emails_sent": 480,
                "emails_delivered": 471,
                "emails_bounced": 9,
                "leads_replied": 38,
                "emails_queued": 20,
                "open_ratio": 0.42,
                "reply_ratio": 0.08,
                "bounce_ratio": 9 / 480,
                "limits": {
                    "bounce_ratio": {"info": None, "warning": 0.03, "critical": 0.05},
                    "emails_queued": {"info": None, "warning": None, "critical": None},
                    "reply_ratio": {"info": None, "warning": None, "critical": None},
                    "min_emails_sent": 50,
                },
                "error": None,
            }
        ],
    }


def test_the_json_of_what_is_not_known_is_null() -> None:
    (waiting,) = campaigns_of(State(campaign()))
    unknown = {name for name, value in waiting.items() if value is None}
    figures = {"leads_enrolled", "emails_sent", "emails_delivered", "emails_bounced", "leads_replied", "emails_queued"}
    assert unknown == figures | {"up", "last_success", "open_ratio", "reply_ratio", "bounce_ratio", "error"}


def test_the_json_of_a_failure() -> None:
    (failed,) = campaigns_of(State(campaign(), bounced(100, 6), NOW, up=False, error=TIMEOUT))
    assert failed["error"] == {"reason": "timeout", "detail": "no whole answer within 10 s"}
    assert (failed["state"], failed["up"]) == (Condition.CRITICAL, False)
