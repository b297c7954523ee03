"""The dashboards are what the code says, use only what is exported, hold together, and pass Grafana's linter."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from exporter.config import Campaign
from exporter.exposition import METRICS, METRICS_OF
from grafana.board import variable
from grafana.build import generated
from grafana.promql import Scope
from tests.grafana.boards import (
    FOLDER,
    ROOT,
    UIDS,
    Asked,
    every_query,
    load,
    matched,
    panels,
)
from tests.rules.exported import nodes, selectors, strangers
from tests.tools import need

EVERY = every_query()
_MADE = {"limit", "state", "le"}  # by label_replace, and by the client library


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_the_committed_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_bytes() == generated()[path], "out of date: run `python -m grafana.build`"


def test_a_misspelt_metric_stops_the_build() -> None:
    with pytest.raises(KeyError, match="leadterra_campaign_emails_snet"):
        Scope().select("leadterra_campaign_emails_snet")
    with pytest.raises(KeyError, match="leadterra_campaign_upp"):
        variable("job", "Job", "leadterra_campaign_upp")


def test_a_label_that_the_metric_has_not_stops_the_build() -> None:
    with pytest.raises(ValueError, match="leadterra_campaign_up has no label reason"):
        Scope().select("leadterra_campaign_up", reason='="timeout"')


def _strangers(expr: str) -> set[str]:
    """Name what nobody exports; what rules record counts as such, as dashboards work without them."""
    return (strangers(expr) | {each.name for each in selectors(expr) if ":" in each.name}) - _MADE


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_the_query_parses_and_uses_only_what_is_exported(query: Asked) -> None:
    assert _strangers(query.filled()) == set()


def test_the_check_finds_strangers() -> None:
    assert _strangers('sum by (team) (leadterra_campaign_upp{job="x"} + leadterra_campaign_up{reason="y"})') == {
        "team",
        "leadterra_campaign_upp",
        "reason",
    }
    assert _strangers("campaign:leadterra_campaign_emails_sent:max") == {"campaign:leadterra_campaign_emails_sent:max"}


def test_every_campaign_metric_is_on_a_dashboard() -> None:
    shown = {selector.name for query in EVERY for selector in selectors(query.filled())}
    rounded = {"leadterra_campaign_reply_ratio"}  # by the API: dashboards divide the totals
    assert {metric.name for metric in METRICS_OF[Campaign.kind]} - shown - rounded == set()


_UNIT_OF = {metric.name: metric.unit for metric in METRICS}
_REPLY_RATIO = ["leadterra_campaign_leads_replied", "leadterra_campaign_emails_delivered"]


def _units(node: Any) -> set[str]:
    """Return what an expression counts, where that is leads or emails; a quotient counts nothing."""
    if isinstance(node, promql_parser.VectorSelector):
        return {_UNIT_OF.get(node.name or "", "")} & {"leads", "emails"}
    if not isinstance(node, promql_parser.BinaryExpr):
        children = (getattr(node, name, None) for name in ("expr", "vector_selector", "args"))
        flat = (each for child in children for each in (child if isinstance(child, list) else [child]))
        return set().union(*(_units(each) for each in flat if each is not None))
    left, right = _units(node.lhs), _units(node.rhs)
    together = [selector.name for selector in selectors(node.prettify())]
    assert together == _REPLY_RATIO or str(node.op) == "or" or not {"leads", "emails"} <= left | right, node.prettify()
    return {"/": set(), "and": left, "unless": left}.get(str(node.op), left | right)


@pytest.mark.parametrize("uid", UIDS)
def test_leads_and_emails_are_never_mixed(uid: str) -> None:
    for panel in panels(load(uid)):
        of_panel = [q for q in EVERY if (q.board, q.panel) == (uid, panel["title"])]
        units = [_units(promql_parser.parse(query.filled())) for query in of_panel]
        if panel["type"] != "table":  # whose columns and rows are apart
            assert not {"leads", "emails"} <= set().union(*units), panel["title"]


_NUMBERS: dict[str, set[float]] = {
    "nothing, at the limit, and what a state is worth": {0, 1, 2, 0.5, 9.99},
    "the Wilson interval": {1.353, 1.645, 0.6765, 2.706},
    "units": {60, 3600, 7, 86400, 1000},
    "how many lines": {1, 2, 3, 4, 5},
    "guards of alerts that no configuration sets": {0.001, 0.1, 10, 20, 50, 200},
    "quantiles": {0.5, 0.95, 0.99},
}


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_no_number_stands_in_for_a_limit(query: Asked) -> None:
    numbers = {
        node.val for node in nodes(promql_parser.parse(query.filled())) if isinstance(node, promql_parser.NumberLiteral)
    }
    assert numbers <= set().union(*_NUMBERS.values())


@pytest.mark.parametrize("uid", UIDS)
def test_the_panels_are_numbered_and_do_not_overlap(uid: str) -> None:
    board = load(uid)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) == len(board["panels"])
    assert 0 not in ids
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        refs = [target["refId"] for target in panel.get("targets", [])]
        assert all(refs)
        assert len(set(refs)) == len(refs)
    cells = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("uid", UIDS)
def test_the_form_is_that_of_grafana_10(uid: str) -> None:
    board = load(uid)
    assert (board["uid"], board["id"], board["schemaVersion"]) == (uid, None, 38)
    assert "__inputs" not in board
    assert "elements" not in board


@pytest.mark.parametrize("uid", UIDS)
def test_every_link_leads_somewhere(uid: str) -> None:
    text = (ROOT / "grafana" / "dashboards" / f"{uid}.json").read_text("utf-8")
    boards = set(re.findall(r'"/d/([\w-]+)', text))
    pages = set(re.findall(r"https://[^\s\"]+/(docs/[^\s\"]+\.md)", text))
    assert boards <= set(UIDS)
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    assert len(re.findall(r"https?://", text)) == len(re.findall(r"https://[^\s\"]+/docs/[^\s\"]+\.md", text))


def test_the_table_opens_the_campaign_and_keeps_time_and_variables() -> None:
    table = next(panel for panel in panels(load("leadterra-fleet")) if panel["title"] == "Campaigns")
    (url,) = (
        link["url"]
        for override in table["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    )
    renamed = table["transformations"][1]["options"]["renameByName"].values()
    assert set(re.findall(r"__data\.fields\.(\w+):percentencode", url)) == {"Workspace", "Id"} <= set(renamed)
    assert "${__url_time_range}" in url
    names = {each["name"] for each in load("leadterra-campaign")["templating"]["list"]}
    given = {*re.findall(r"var-(\w+)=", url), *re.findall(r"\$\{(\w+):queryparam\}", url)}
    assert given == names


@pytest.mark.parametrize("uid", UIDS)
def test_the_dashboards_link_to_each_other_with_time_and_variables(uid: str) -> None:
    link = load(uid)["links"][0]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert set(link["tags"]) <= set(load(uid)["tags"])


def test_the_messages_of_alertmanager_lead_to_dashboards_and_variables_that_exist() -> None:
    template = (ROOT / "prometheus" / "templates" / "leadterra.tmpl").read_text("utf-8")
    names = {each["name"] for each in load("leadterra-campaign")["templating"]["list"]}
    assert set(re.findall(r"leadterra-(?:campaign|exporter|fleet)\b", template)) <= set(UIDS)
    assert set(re.findall(r"var-(\w+)=", template)) <= names


def test_the_open_ratio_says_why_it_cannot_be_trusted() -> None:
    (query,) = (q for q in EVERY if "leadterra_campaign_open_ratio" in q.expr)
    (panel,) = (panel for panel in panels(load(query.board)) if panel["title"] == query.panel)
    assert "can't be trusted" in panel["description"]


def test_limits_are_drawn_from_metrics() -> None:
    drawn = {s.name for q in EVERY if q.kind == "timeseries" for s in selectors(q.filled())}
    kinds = ("bounce_ratio", "emails_queued", "queue_drain_seconds", "reply_ratio")
    assert {f"leadterra_campaign_{kind}_threshold" for kind in kinds} <= drawn


_BOUNDED_BY = {"severity", "reason", "code", "result", "le", "limit"}


@pytest.mark.parametrize("query", [q for q in EVERY if q.kind not in ("variable", "table")], ids=lambda query: query.id)
def test_no_panel_draws_a_line_for_each_campaign(query: Asked) -> None:
    if query.board == "leadterra-campaign":
        for selector in selectors(query.filled()):
            assert matched(selector)["campaign_id"] == "=any"
        return
    assert _few(promql_parser.parse(query.filled())), query.expr


def _few(node: Any) -> bool:
    """Return whether an expression has few series however many campaigns there are."""
    if isinstance(node, promql_parser.AggregateExpr):
        labels = set(node.modifier.labels) if node.modifier else set()
        return labels <= _BOUNDED_BY | {"alertname"} or str(node.op) == "topk" or _few(node.expr)
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = _few(node.lhs), _few(node.rhs)
        return {"or": left and right, "unless": left}.get(str(node.op), left or right)
    if isinstance(node, promql_parser.Call):
        return node.func.name in ("time", "vector") or any(_few(each) for each in node.args)
    return isinstance(node, promql_parser.ParenExpr | promql_parser.SubqueryExpr) and _few(node.expr)


@pytest.mark.parametrize(
    "expr", ["up", "max by (campaign) (up)", "up and on (job) up", "topk(1, up) or up", "up unless topk(1, up)"]
)
def test_the_check_sees_a_line_for_each_campaign(expr: str) -> None:
    assert not _few(promql_parser.parse(expr))


@pytest.mark.parametrize("uid", UIDS)
def test_the_linter_finds_nothing(uid: str) -> None:
    if os.environ.get("DASHBOARD_LINTER") == "refused":
        pytest.skip("dashboard-linter could not be built: `make linters` says why")
    command = [need("dashboard-linter"), "lint", "--strict", "--verbose", str(FOLDER / f"{uid}.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_linter_reads_the_dashboards_without_exclusions() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{uid}.json" for uid in UIDS)
    assert all(json.loads(path.read_text("utf-8")) for path in FOLDER.iterdir())


@pytest.mark.parametrize(
    "query", [q for q in every_query() if q.kind not in ("variable", "annotation")], ids=lambda query: query.id
)
def test_job_and_instance_are_chosen_in_every_selector(query: Asked) -> None:
    chosen = {"job": "=~$job", "instance": "=~$instance"}
    for selector in selectors(query.filled({name: f"${name}" for name in chosen})):
        assert chosen.items() <= matched(selector).items()
