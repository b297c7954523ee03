"""The dashboards are what the code says, use only what is exported, hold together, and pass Grafana's linter."""

import itertools
import math
import os
import re
from collections.abc import Sequence

import promql_parser
import pytest

from exporter.config import Campaign
from exporter.exposition import METRICS, METRICS_OF
from grafana.board import variable
from grafana.colours import CRITICAL, FINE, LINES, NEUTRAL, WARNING
from grafana.promql import Scope
from tests.grafana.boards import EVERY, FOLDER, UIDS, Asked, load, panels
from tests.process import ROOT
from tests.rules.documents import nodes, selectors, strangers
from tests.tools import succeed

_MADE = {"limit", "state", "le"}  # by label_replace, and by the client library


def test_a_misspelt_metric_or_label_stops_the_build() -> None:
    with pytest.raises(KeyError, match="leadterra_campaign_emails_snet"):
        Scope().select("leadterra_campaign_emails_snet")
    with pytest.raises(KeyError, match="leadterra_campaign_upp"):
        variable("job", "Job", "leadterra_campaign_upp")
    with pytest.raises(ValueError, match="leadterra_campaign_up has no label reason"):
        Scope().select("leadterra_campaign_up", reason='="timeout"')


def test_every_campaign_metric_is_shown_limits_are_drawn_and_the_open_ratio_is_doubted() -> None:
    shown = {selector.name for query in EVERY for selector in selectors(query.filled())}
    rounded = {"leadterra_campaign_reply_ratio"}  # by the API: dashboards divide the totals
    assert {metric.name for metric in METRICS_OF[Campaign.kind]} - shown - rounded == set()
    drawn = {each.name for query in EVERY if query.kind == "timeseries" for each in selectors(query.filled())}
    kinds = ("bounce_ratio", "emails_queued", "queue_drain_seconds", "reply_ratio")
    assert {f"leadterra_campaign_{kind}_threshold" for kind in kinds} <= drawn
    (query,) = (query for query in EVERY if "leadterra_campaign_open_ratio" in query.expr)
    (panel,) = (panel for panel in panels(load(query.board)) if panel["title"] == query.panel)
    assert "can't be trusted" in panel["description"]


def test_leads_and_emails_are_mixed_in_ratios_only() -> None:
    unit_of, units = {metric.name: metric.unit for metric in METRICS}, dict[tuple[str, str], set[str]]()
    for query in EVERY:
        if query.kind != "table":  # whose columns are apart
            counted = {unit_of.get(each.name, "") for each in selectors(query.filled())}
            units.setdefault((query.board, query.panel), set()).update(counted)
    assert {panel for (_, panel), every in units.items() if {"leads", "emails"} <= every} == {
        "Reply ratio",
        "Worst limit",
    }


_NUMBERS: dict[str, set[float]] = {
    "nothing, at the limit, and what a state is worth": {0, 1, 2, 0.5, 9.99},
    "the Wilson interval": {1.353, 1.645, 0.6765, 2.706},
    "units": {60, 3600, 7, 86400, 1000},
    "how many lines": {1, 2, 3, 4, 5},
    "guards of alerts that no configuration sets": {0.001, 0.1, 10, 20, 50, 200},
    "quantiles": {0.5, 0.95, 0.99},
}


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_the_query_uses_only_what_is_exported_no_number_for_a_limit_and_the_chosen_job(query: Asked) -> None:
    assert strangers(query.filled()) - _MADE == set()
    assert not [each for each in selectors(query.filled()) if ":" in each.name]  # they work without the rules
    found = nodes(promql_parser.parse(query.filled()))
    numbers = {node.val for node in found if isinstance(node, promql_parser.NumberLiteral)}
    assert numbers <= set().union(*_NUMBERS.values())
    if query.kind not in ("variable", "annotation"):
        for selector in selectors(query.filled(job="$job", instance="$instance")):
            assert 'job=~"$job"' in selector.prettify()
            assert 'instance=~"$instance"' in selector.prettify()


@pytest.mark.parametrize("uid", UIDS)
def test_the_form_is_that_of_grafana_10_and_panels_are_numbered_and_fit(uid: str) -> None:
    board = load(uid)
    assert (board["uid"], board["id"], board["schemaVersion"]) == (uid, None, 38)
    assert not {"__inputs", "elements"} & board.keys()
    names = [[panel[key] for panel in board["panels"]] for key in ("id", "title")]
    names += [[target["refId"] for target in panel.get("targets", [])] for panel in panels(board)]
    for each in names:
        assert all(each)
        assert len(set(each)) == len(each)
    assert max(place["x"] + place["w"] for place in (panel["gridPos"] for panel in board["panels"])) == 24


@pytest.mark.parametrize("uid", UIDS)
def test_every_link_leads_somewhere_and_to_the_others_with_time_and_variables(uid: str) -> None:
    text = (FOLDER / f"{uid}.json").read_text("utf-8")
    pages = re.findall(r"https://[^\s\"]+/(docs/[^\s\"]+\.md)", text)
    assert set(re.findall(r'"/d/([\w-]+)', text)) <= set(UIDS)
    assert pages
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    assert len(re.findall(r"https?://", text)) == len(pages)
    link = load(uid)["links"][0]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert set(link["tags"]) <= set(load(uid)["tags"])


def test_the_table_opens_the_campaign_and_messages_lead_to_dashboards_and_variables_that_exist() -> None:
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
    template = (ROOT / "prometheus" / "templates" / "leadterra.tmpl").read_text("utf-8")  # of Alertmanager's messages
    assert set(re.findall(r"leadterra-(?:campaign|exporter|fleet)\b", template)) <= set(UIDS)
    assert set(re.findall(r"var-(\w+)=", template)) <= names


@pytest.mark.parametrize("uid", UIDS)
def test_the_linter_finds_nothing_without_exclusions(uid: str) -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{each}.json" for each in UIDS)
    if os.environ.get("DASHBOARD_LINTER") == "refused":
        pytest.skip("dashboard-linter could not be built: `make linters` says why")
    succeed("dashboard-linter", "lint", "--strict", "--verbose", FOLDER / f"{uid}.json")


_LIGHT, _DARK = "#FFFFFF", "#181B1F"

_SEEN_BY = {  # Machado, Oliveira and Fernandes (2009), full deficiency, on linear light
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def _light(colour: str) -> list[float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _lab(light: Sequence[float]) -> tuple[float, float, float]:
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    x, y, z = (
        math.cbrt(part) if (part := _product(row, light) / white) > 0.008856 else 7.787 * part + 16 / 116
        for row, white in zip(rows, (0.95047, 1, 1.08883), strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _apart(one: str, other: str, eyes: str) -> float:
    """Return the distance of two colours in CIELAB, as someone sees them; about 2 can just be told apart."""
    seen = ([max(0.0, _product(row, _light(each))) for row in _SEEN_BY[eyes]] for each in (one, other))
    return math.dist(*(_lab(light) for light in seen))


@pytest.mark.parametrize("ground", [_LIGHT, _DARK])
@pytest.mark.parametrize("colour", sorted({FINE, WARNING, CRITICAL, NEUTRAL, *LINES}))
def test_it_stands_out(colour: str, ground: str) -> None:
    low, high = sorted(_product((0.2126, 0.7152, 0.0722), _light(each)) + 0.05 for each in (colour, ground))
    assert high / low >= 3  # what WCAG asks of what is not text


@pytest.mark.parametrize("eyes", _SEEN_BY)
@pytest.mark.parametrize("together", [(FINE, WARNING, CRITICAL), LINES], ids=["states", "lines"])
def test_they_stay_apart(together: Sequence[str], eyes: str) -> None:
    for one, other in itertools.combinations(together, 2):
        assert _apart(one, other, eyes) >= 15, (one, other)
