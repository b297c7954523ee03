"""Campaigns for programs and spreadsheets, and which of them an address asks for."""

import csv
import io
import json
from typing import Any

import pytest

from exporter.api import Stats
from exporter.config import Campaign, Config, Links
from exporter.errors import Failure, Reason
from exporter.exposition import METRICS_OF
from exporter.store import State
from exporter.web.campaigns import render_csv, render_json, render_one
from exporter.web.evaluation import Condition, Seen, Since, evaluate_all
from exporter.web.overview import Selection
from tests.web.serving import DOCUMENTED, NOW, TIMEOUT, look_up, overview

LABELS = (("client", ""), ("team", "growth"))
VP_SALES = State(Campaign("acme", "camp_123", "VP Sales", LABELS), DOCUMENTED, NOW - 12.5, up=True)
WAITING = State(Campaign("globex", "new", "new", LABELS))
HYPERLINK = Campaign("acme", "failed", "=HYPERLINK(1)", (("client", "+1"), ("team", "sdr")))
FAILED = State(HYPERLINK, up=False, error=TIMEOUT)
BURNING = State(Campaign("globex", "burning", "Burning", LABELS), Stats(sent=1000, bounced=90), NOW, up=True)
SMALL = State(Campaign("globex", "small", "Small", LABELS), Stats(sent=52, bounced=3), NOW, up=True)
LINKS = Links("https://grafana.example/d/c?var-campaign_id={campaign_id}")
ALL = (VP_SALES, WAITING, FAILED, BURNING, SMALL)
FAILING = (Condition.FAILING, Since(NOW - 60, is_exact=True))
SEEN = {("acme", "campaign", "failed"): Seen((FAILING,), 7, Since(NOW - 3600, is_exact=False))}


def fields(*states: State) -> list[dict[str, Any]]:
    known = overview(*states, seen=SEEN, config=Config((), links=LINKS))
    document = json.loads(render_json(known, known.evaluations))
    assert document["time"] == "2026-11-22T20:00:00.000Z"
    found: list[dict[str, Any]] = document["campaigns"]
    return found


def test_the_json_of_a_reading() -> None:
    none = {"info": None, "warning": None, "critical": None}
    limits = {
        "bounce_ratio": {"info": None, "warning": 0.03, "critical": 0.05}, "emails_queued": none,
        "queue_stalled": {**none, "warning": 172800.0}, "queue_drain": none, "reply_ratio": none,
        "min_emails_bounced": 5,
    }  # fmt: skip
    assert fields(VP_SALES) == [{
        "workspace": "acme", "campaign_id": "camp_123", "campaign": "VP Sales",
        "labels": {"client": "", "team": "growth"},
        "state": "ok", "since": None, "conditions": {"ok": None}, "up": True,
        "last_success": "2026-11-22T19:59:47.500Z",
        "leads_enrolled": 500, "emails_sent": 480, "emails_delivered": 471, "emails_bounced": 9, "leads_replied": 38,
        "emails_queued": 20, "open_ratio": 0.42, "reply_ratio": 0.08, "bounce_ratio": 9 / 480,
        "nothing_sent_since": None, "limits": limits, "link": "https://grafana.example/d/c?var-campaign_id=camp_123",
        "error": None,
    }]  # fmt: skip


def test_the_json_of_a_failure_and_of_one_that_waits_for_all_readings_of_the_metric_table() -> None:
    failed, waiting = fields(FAILED, WAITING)
    assert failed["error"] == {"reason": "timeout", "detail": "no whole answer within 10 s"}
    assert (failed["state"], failed["since"], failed["up"]) == ("failing", "2026-11-22T19:59:00.000Z", False)
    assert failed["nothing_sent_since"] == "2026-11-22T19:00:00.000Z"
    names = {metric.name.removeprefix("leadterra_campaign_") for metric in METRICS_OF[Campaign.kind] if metric.field}
    assert {name for name, value in waiting.items() if value is None} >= names | {"up", "last_success", "bounce_ratio"}


def _one(state: State, failures: tuple[tuple[float, Failure], ...] = ()) -> dict[str, Any]:
    (evaluation,) = evaluate_all([state], look_up(SEEN), NOW)
    one: dict[str, Any] = json.loads(render_one(evaluation, LINKS, next_poll=NOW + 30, failures=failures))
    return one


def test_one_campaign_has_its_settings_its_polls_and_the_beginning_of_an_answer_that_was_refused() -> None:
    one = _one(VP_SALES._replace(seconds=0.0421, size=172))
    settings = one.pop("settings")
    assert settings["poll"] == {"interval": "1m", "stale_after": "5m"}
    assert settings["sending"]["hours"] == ["00:00-24:00"]
    assert one.pop("next_poll") == "2026-11-22T20:00:30.000Z"
    assert one.pop("last_poll") == {"status": "200", "seconds": 0.042, "bytes": 172}
    assert one.pop("failures") == []
    assert [one] == fields(VP_SALES)
    assert _one(WAITING)["last_poll"] == {"status": None, "seconds": None, "bytes": None}

    failure = Failure(Reason.INVALID_RESPONSE, "not JSON", "200", excerpt="<html>Sign in", seconds=0.25)
    one = _one(VP_SALES._replace(error=failure, seconds=0.1, size=172), ((NOW - 60, failure),))
    assert one["last_poll"] == {"status": "200", "seconds": 0.25, "bytes": None}
    assert one["failures"] == [
        {"time": "2026-11-22T19:59:00.000Z", "reason": "invalid_response", "detail": "not JSON", "code": "200",
         "retry_after": None, "excerpt": "<html>Sign in", "seconds": 0.25}
    ]  # fmt: skip


def test_a_spreadsheet_gets_a_table_in_which_nothing_is_executed() -> None:
    table = render_csv(evaluate_all(ALL, look_up(SEEN), NOW), LINKS).decode("utf-8-sig")
    rows = {row["campaign_id"]: row for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert rows["camp_123"]["emails_sent"] == "480"
    assert rows["camp_123"]["up"] == "true"
    assert rows["camp_123"]["label.team"] == "growth"
    assert rows["new"]["emails_sent"] == rows["new"]["error.reason"] == ""
    assert rows["failed"]["error.detail"] == "no whole answer within 10 s"
    assert (rows["failed"]["campaign"], rows["failed"]["label.client"]) == ("'=HYPERLINK(1)", "'+1")
    assert render_csv([], LINKS).decode("utf-8-sig") == "workspace,campaign_id\r\n"
    for text in (f"{start}1" for start in "=+-@\t\r\n"):
        state = State(Campaign("acme", text, text, (("client", text),)), error=Failure(Reason.TIMEOUT, text))
        table = render_csv(evaluate_all([state], look_up({}), NOW), LINKS).decode("utf-8-sig")
        _, row = csv.reader(io.StringIO(table, newline=""))
        assert (row.count(text), row.count(f"'{text}")) == (0, 4)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Burning", "=HYPERLINK(1)", "new", "VP Sales", "Small"]),
        ({"q": "GLOBEX"}, ["Burning", "new", "Small"]),
        ({"q": "growth  camp_"}, ["VP Sales"]),
        ({"q": "team=sdr timeout"}, ["=HYPERLINK(1)"]),
        ({"q": "critical"}, ["Burning"]),
        ({"q": " ".join("globex" for _ in range(10)) + " eleventh"}, ["Burning", "new", "Small"]),
        ({"problems": "1"}, ["Burning", "=HYPERLINK(1)"]),
        ({"problems": "0", "state": "", "sort": ""}, ["Burning", "=HYPERLINK(1)", "new", "VP Sales", "Small"]),
        ({"state": "over_a_limit"}, ["Burning"]),
        ({"state": "failing"}, ["=HYPERLINK(1)"]),
        ({"state": "ok", "workspace": "globex"}, ["Small"]),
        ({"label.team": "growth", "label.client": ""}, ["Burning", "new", "VP Sales", "Small"]),
        ({"label.team": "growth", "label.client": "+1"}, []),
        ({"sort": "-emails_sent"}, ["Burning", "VP Sales", "Small", "=HYPERLINK(1)", "new"]),
        ({"sort": "emails_sent"}, ["Small", "VP Sales", "Burning", "=HYPERLINK(1)", "new"]),
        ({"sort": "-bounce_ratio"}, ["Burning", "VP Sales", "=HYPERLINK(1)", "new", "Small"]),  # not sure: last
        ({"sort": "campaign"}, ["=HYPERLINK(1)", "Burning", "new", "Small", "VP Sales"]),
        ({"sort": "error"}, ["=HYPERLINK(1)", "Burning", "new", "VP Sales", "Small"]),
        ({"sort": "last_success"}, ["VP Sales", "Burning", "Small", "=HYPERLINK(1)", "new"]),
    ],
)
def test_an_address_selects_and_sorts(query: dict[str, str], found: list[str]) -> None:
    selection = Selection(query)
    shown = selection.of_all(evaluate_all(ALL, look_up(SEEN), NOW))
    assert [evaluation.state.target.name for evaluation in shown] == found


def test_an_address_says_what_is_selected() -> None:
    selection = Selection({"q": "a b", "problems": "1", "label.client": "Müller & Co"})
    assert selection.address() == "?q=a+b&problems=1&label.client=M%C3%BCller+%26+Co"
    changed = selection.address(q="", sort="-emails_sent", problems="")
    assert changed == "?sort=-emails_sent&label.client=M%C3%BCller+%26+Co"
    assert Selection({}).address() == "?"
    assert [Selection({}).sorted_by(column) for column in ("campaign", "emails_sent")] == ["campaign", "-emails_sent"]
