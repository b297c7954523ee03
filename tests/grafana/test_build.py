"""The dashboards are what the code says, use only what is exported, and hold together."""

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from exporter.exposition import METRICS
from grafana.board import variable
from grafana.build import generated
from grafana.metrics import EXPORTED
from grafana.promql import Scope
from tests.grafana.boards import (
    ROOT,
    UIDS,
    Asked,
    alert_rules,
    every_query,
    load,
    matched,
    nodes,
    panels,
    selectors,
)

EVERY = every_query()
_TARGET = {"job", "instance", "pod", "container", "endpoint", "node"}
_OF_PROMETHEUS = {"ALERTS": {"alertname", "alertstate", "severity", "workspace", "campaign"}}


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
    known = {**EXPORTED, **_OF_PROMETHEUS}
    every = set().union(_TARGET, *known.values())
    unknown = set()
    for selector in selectors(expr):
        if selector.name not in known:
            unknown.add(selector.name)
        else:
            unknown |= matched(selector).keys() - known[selector.name] - _TARGET
    for node, _ in nodes(expr):
        modifier = getattr(node, "modifier", None)
        unknown |= set(getattr(getattr(modifier, "matching", modifier), "labels", None) or ()) - every - {"le"}
    return unknown


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_the_query_parses_and_uses_only_what_is_exported(query: Asked) -> None:
    assert _strangers(query.filled()) == set()


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["uid"])
def test_the_alert_parses_and_uses_only_what_is_exported(rule: dict[str, Any]) -> None:
    assert _strangers(rule["data"][0]["model"]["expr"]) - {"cluster", "namespace"} == set()


def test_the_check_finds_strangers() -> None:
    assert _strangers('sum by (team) (leadterra_campaign_upp{job="x"} + leadterra_campaign_up{reason="y"})') == {
        "team",
        "leadterra_campaign_upp",
        "reason",
    }


def test_every_campaign_metric_is_on_a_dashboard() -> None:
    shown = {selector.name for query in EVERY for selector in selectors(query.filled())}
    assert {metric.name for metric in METRICS} - shown == set()


_UNIT_OF = {metric.name: metric.unit for metric in METRICS}


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_leads_and_emails_are_never_mixed(query: Asked) -> None:
    for node, _ in nodes(query.filled()):
        if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in "+-*/":
            units = {_UNIT_OF.get(s.name) for side in (node.lhs, node.rhs) for s in _inside(side)}
            assert not {"leads", "emails"} <= units


def _inside(node: Any) -> list[Any]:
    return selectors(node.prettify())


@pytest.mark.parametrize("uid", UIDS)
def test_no_panel_shows_leads_beside_emails(uid: str) -> None:
    for panel in panels(load(uid)):
        if panel["type"] != "table":  # whose columns are apart
            of_panel = [q for q in EVERY if (q.board, q.panel) == (uid, panel["title"])]
            units = {_UNIT_OF.get(s.name) for q in of_panel for s in selectors(q.filled())}
            assert not {"leads", "emails"} <= units, panel["title"]


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_no_number_stands_in_for_a_limit(query: Asked) -> None:
    # 20 sent is the spike alert's guard, 86400 a day; 0 and 1 are no limits.
    numbers = {node.val for node, _ in nodes(query.filled()) if isinstance(node, promql_parser.NumberLiteral)}
    assert numbers <= {0, 1, 2, 10, 20, 86400, 1000, 0.5, 0.95, 0.99}


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
    assert set(re.findall(r"__data\.fields\.(\w+)", url)) == {"Workspace", "Campaign"} <= set(renamed)
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
    (panel,) = (panel for panel in panels(load("leadterra-campaign")) if "Open ratio" in panel["title"])
    assert "can't be trusted" in panel["description"]


def test_limits_are_drawn_from_metrics() -> None:
    drawn = {s.name for q in EVERY if q.kind == "timeseries" for s in selectors(q.filled())}
    kinds = ("bounce_ratio", "emails_queued", "queue_drain_seconds", "reply_ratio")
    assert {f"leadterra_campaign_{kind}_threshold" for kind in kinds} <= drawn


_BOUNDED_BY = {"severity", "reason", "code", "le"}


@pytest.mark.parametrize("query", [q for q in EVERY if q.kind not in ("variable", "table")], ids=lambda query: query.id)
def test_no_panel_draws_a_line_for_each_campaign(query: Asked) -> None:
    if query.board == "leadterra-campaign":
        for selector in selectors(query.filled()):
            assert matched(selector)["campaign"] == "=any"
        return
    assert _few(promql_parser.parse(query.filled())), query.expr


def _few(node: Any) -> bool:
    """Tell whether an expression has few series however many campaigns there are."""
    if isinstance(node, promql_parser.AggregateExpr):
        labels = set(node.modifier.labels) if node.modifier else set()
        return labels <= _BOUNDED_BY | {"alertname"} or str(node.op) == "topk" or _few(node.expr)
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = _few(node.lhs), _few(node.rhs)
        return {"or": left and right, "unless": left}.get(str(node.op), left or right)
    if isinstance(node, promql_parser.Call):
        return any(_few(each) for each in node.args)
    return False


@pytest.mark.parametrize(
    "expr", ["up", "max by (campaign) (up)", "up and on (job) up", "topk(1, up) or up", "up unless topk(1, up)"]
)
def test_the_check_sees_a_line_for_each_campaign(expr: str) -> None:
    assert not _few(promql_parser.parse(expr))
