"""The status page as text and markup; test_browser has it in a browser."""
# ruff: noqa: RUF001  # the page's dash for what is not known

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.api import Pool, Stats
from exporter.config import Campaign, Config, Links, SenderList, Source, TargetKey
from exporter.errors import Failure, Reason
from exporter.shard import Shard
from exporter.sources import SourceState
from exporter.store import State
from exporter.web.campaigns import render_json
from exporter.web.evaluation import Condition, Seen, Since
from exporter.web.overview import Selection, Supply
from exporter.web.status import render_page
from tests.web.serving import DOCUMENTED, NOW, TIMEOUT, overview


def state(
    stats: Stats | None, name: str = "camp_123", *, workspace: str = "acme", up: bool | None = True, **labels: str
) -> State:
    last_success = NOW - 12 if stats else None
    campaign = Campaign(workspace, name, name, tuple(labels.items()))
    return State(campaign, stats, last_success, up=up, error=TIMEOUT if up is False else None)


OK, FAILING, BURNING = state(DOCUMENTED), state(None, up=False), state(Stats(sent=1000, bounced=90))


def page(
    *states: State,
    query: dict[str, str] | None = None,
    seen: dict[TargetKey, Seen] | None = None,
    telemetry_path: str = "/metrics",
    **options: Any,
) -> str:
    known = overview(*states, seen=seen or {}, **options)
    return render_page(known, Selection(query or {}), telemetry_path).decode()


def text_of(fragment: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", fragment)).split())


def rows_of(document: str) -> list[str]:
    return [text_of(row) for row in re.findall(r"(?s)<tr\b.*?</tr>", document)]


EXACT, PERHAPS_LONGER = Since(NOW - 7200, is_exact=True), Since(NOW - 7200, is_exact=False)


@pytest.mark.parametrize(
    ("shown", "seen", "words"),
    [
        (OK, Seen(((Condition.OK, EXACT),), 480, Since(NOW - 60, is_exact=True)), [
            "✓ ok camp_123 acme copy id 12 s ago 19:59:48 480 9 1.88 % warning 3 %, critical 5 %",
            "20 no limit 8.07 % no limit 38 replied",
        ]),
        (FAILING, Seen(((Condition.FAILING, EXACT),), 480, PERHAPS_LONGER), [
            "✕ failing for 2 h camp_123 acme copy id never - none for 2 h or more - - - -",
            "timeout no whole answer within 10 s",
        ]),
        (BURNING, Seen(((Condition.CRITICAL, PERHAPS_LONGER),)), [
            "▲ critical for 2 h or more camp_123 acme copy id 12 s ago 19:59:48 1,000 90",
            "9.00 % ▲ 90 of 1,000 bounced: surely above 5 % - not reported - not reported",
        ]),
    ],
)  # fmt: skip
def test_a_row_says_what_is_known(shown: State, seen: Seen, words: list[str]) -> None:
    text = rows_of(page(shown, seen={shown.target.key: seen}))[-1]
    assert text.replace("\N{EN DASH}", "-") == " ".join(words)


def test_the_last_success_is_an_age_and_an_exact_time() -> None:
    ages = {-5: "0 s", 0: "0 s", 59: "59 s", 60: "1 min", 3600: "1 h", 90000: "1 d"}
    pages = {seconds: page(State(OK.target, None, NOW - seconds, up=True)) for seconds in ages}
    assert [seconds for seconds, age in ages.items() if f">{age} ago<small>" not in pages[seconds]] == []
    assert '<time datetime="2026-11-21T19:00:00.000Z">' in pages[90000]
    assert "<small>2026-11-21 19:00:00</small>" in pages[90000]


def test_the_tiles_count_each_condition_of_the_workspace_and_select_it() -> None:
    past_and_failing = State(BURNING.target, BURNING.reading, NOW, up=False, error=TIMEOUT)
    stale = State(OK.target, None, NOW, up=True)
    states = [past_and_failing, FAILING, *[stale] * 3, *[state(None, up=None)] * 4, *[OK] * 2]
    document = page(*states, state(DOCUMENTED, workspace="globex"), query={"workspace": "acme", "state": "stale"})
    tiles = re.findall(r'href="(\S*)"( aria-current="true")?><b>([\d,]+)</b>.*?([a-z ]+)</a></li>', document)
    assert tiles == [
        ("?state=over_a_limit&amp;workspace=acme", "", "1", "over a limit"),
        ("?state=failing&amp;workspace=acme", "", "2", "failing"),
        ("?state=stale&amp;workspace=acme", ' aria-current="true"', "3", "stale"),
        ("?state=waiting&amp;workspace=acme", "", "4", "waiting"),
        ("?state=finished&amp;workspace=acme", "", "0", "finished"),
        ("?workspace=acme", "", "11", "campaigns"),
    ]
    assert "<title>1 over a limit · Leadterra campaigns</title>" in document
    assert "3 of 12 campaigns" in document


def test_workspaces_and_labels_are_offered_where_there_is_a_choice() -> None:
    states = [state(DOCUMENTED, client="hooli", team="a", many=str(number)) for number in range(201)]
    states += [state(DOCUMENTED, workspace="globex", client="<b>", team="a", many="")]
    document = page(*states, query={"label.client": "hooli", "sort": "-emails_sent", "state": "ok"})
    assert re.findall(r"<select name=\"(.*?)\">", document) == ["workspace", "label.client"]
    assert '<option value="">all</option><option>&lt;b&gt;</option><option selected>hooli</option>' in document
    assert '<input type="hidden" name="state" value="ok">' in document
    assert '<input type="hidden" name="sort" value="-emails_sent">' in document


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}"


def test_nothing_from_outside_becomes_markup() -> None:
    hostile = Campaign(HOSTILE, HOSTILE + "id", HOSTILE, labels=(("client", HOSTILE),))
    shown = State(hostile, DOCUMENTED, NOW, up=False, error=Failure(Reason.TIMEOUT, HOSTILE))
    document = page(shown, OK, query={"q": HOSTILE}, telemetry_path=f"/{HOSTILE}", notices=[HOSTILE])
    assert document.count("<script") == 1
    assert not re.search(r"<img|<[^>]*\son\w+=", re.sub('"[^"]*"', '""', document))
    assert page(shown).count('href="./api/v1/campaigns/%3Cscript%3E') == 1
    assert rows_of(page(shown))[-1].count(HOSTILE) == 5  # name, workspace, id, label, error
    assert f"✕ {HOSTILE}" in text_of(document)


def test_a_campaign_links_to_where_the_configuration_says_and_the_page_to_the_rest() -> None:
    dashboard = Links("https://grafana.example/d/c?var-campaign_id={campaign_id}&var-workspace={workspace}")
    document = page(state(DOCUMENTED, HOSTILE, client=""), config=Config((), links=dashboard), telemetry_path="/probe")
    (address,) = re.findall(r'<a href="(https://.*?)" rel="noreferrer">dashboard</a>', document)
    assert html.unescape(address) == dashboard.of_campaign(state(DOCUMENTED, HOSTILE).target)
    assert "client=" not in document  # a label without a value
    for path in ("/probe", "/api/v1/campaigns", "/api/v1/campaigns?format=csv", "/config", "/-/healthy", "/-/ready"):
        assert f'<a href=".{path}">' in document
    assert "dashboard</a>" not in page(OK)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (page(shard=Shard(0, 3)), "Only the campaigns of shard 0 of 3"),
        (page(), "There is no campaign to show."),
        (page(OK, query={"q": "nothing"}), "0 of 1 campaigns: show all"),
    ],
)
def test_what_is_said_only_where_it_is_so(document: str, words: str) -> None:
    assert words in text_of(document)
    assert words not in text_of(page(OK))


def test_ten_thousand_campaigns_are_cut_to_the_worst_thousand_and_searched_as_a_whole() -> None:
    states = [state(DOCUMENTED, f"camp_{index}") for index in range(9_999)]
    states.append(state(Stats(sent=1000, bounced=90), "zzz"))
    document = page(*states)
    assert len(rows_of(document)) == 1 + 1000
    assert "zzz" in rows_of(document)[1]
    assert "The first 1,000 are listed" in text_of(document)
    found = page(*states, query={"q": "camp_9998"})
    assert len(rows_of(found)) == 2
    assert "1 of 10,000 campaigns" in text_of(found)


POOLS = (Pool("p1", "Primary", 2000, 0, 8), Pool("p2", "<b>Warm-Up", 300, 300, 3))
ACCOUNTS = {"active": 10, "paused": 1, "warming": 0}
GONE = Failure(Reason.UNEXPECTED_STATUS, "HTTP 404: the API has no such endpoint")


def of_senders(reading: object, endpoint: str, workspace: str = "acme", error: Failure | None = None) -> State:
    return State(SenderList(workspace, endpoint), reading, error=error)


def queued(count: int | None, workspace: str = "acme") -> State:
    return State(Campaign(workspace, "c", "c"), Stats(queued=count))


SENDERS = [
    of_senders(POOLS, "sender_pools"),
    of_senders(ACCOUNTS, "sender_accounts"),
    of_senders(None, "sender_pools", "globex", GONE),
]
SOURCES = [
    SourceState("acme", Source("clients/*.csv", Path("c")), True, NOW - 7200, 1200),  # noqa: FBT003
    SourceState("acme", Source("https://crm/<x>", url="https://crm"), False, None, None, ("<i>:1:2: a", "b", "c")),  # noqa: FBT003
    SourceState("globex", Source("https://crm", url="https://crm")),
]


def test_a_queue_is_held_against_the_pools_full_capacity_and_what_is_not_known_is_not_said() -> None:
    """A shard has not all campaigns of a workspace, and a pool may not say what is left."""
    acme, globex = overview(queued(4000), queued(600), queued(None), queued(9, "globex"), senders=SENDERS).supplies
    assert (acme.daily_capacity, acme.remaining, acme.emails_queued, acme.queue_days) == (2300, 300, 4600, 2.0)
    assert globex == Supply("globex", None, None, 9, (GONE,))
    assert (globex.daily_capacity, globex.remaining, globex.queue_days) == (None, None, None)
    acme, _ = overview(queued(4000), senders=SENDERS, shard=Shard(0, 2)).supplies
    assert (acme.emails_queued, acme.queue_days) == (None, None)
    assert Supply("a", [replace(POOLS[0], remaining=None), POOLS[1]]).remaining is None
    assert Supply("a", [replace(POOLS[0], daily_capacity=0)], emails_queued=5).queue_days is None


def test_the_page_shows_them_below_the_campaigns() -> None:
    shown = page(queued(4600), senders=SENDERS, sources=SOURCES)
    assert "✕ 1 of the lists of campaigns cannot be read" in text_of(shown)
    assert rows_of(shown)[-9:] == [
        "Workspace, pool Capacity in 24 h Remaining Accounts Queue Error",
        "acme 2,300 300 10 active 1 paused 4,600 2.0 days at full capacity",
        "Primary p1 2,000 0 used up 8",
        "<b>Warm-Up p2 300 300 3",
        "globex – – – – unexpected_status HTTP 404: the API has no such endpoint",
        "State List Last good Campaigns Error",
        "✓ ok clients/*.csv acme 2 h ago 18:00:00 1,200",
        "✕ failing https://crm/<x> acme never – <i>:1:2: a and 2 more in the log",
        "… waiting https://crm globex never –",
    ]
    assert "Senders" not in text_of(page(queued(1)))


def test_the_json_has_them() -> None:
    document = json.loads(render_json(overview(queued(4600), senders=SENDERS, sources=SOURCES), []))
    pool = {"id": "p1", "name": "Primary", "daily_capacity": 2000, "remaining": 0, "accounts": 8}
    assert document["senders"][0].pop("pools")[0] == pool
    known = {"workspace": "acme", "accounts": ACCOUNTS, "emails_queued": 4600, "queue_days": 2.0, "errors": []}
    assert document["senders"][0] == known
    assert document["senders"][1]["pools"] is None
    assert document["sources"][1] == {
        "workspace": "acme", "source": "https://crm/<x>", "up": False, "last_success": None, "campaigns": None,
        "problems": ["<i>:1:2: a", "b", "c"],
    }  # fmt: skip
