"""The rules of grafana/dashboard-linter, in our words: each takes a dashboard and says what is wrong with it.

Where the original is lenient the rule here is not: it looks at every type of panel.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser

from tests.grafana.boards import Board, asked, fill, matched, nodes, panels, selector_of, selectors, variables

Complaints = Iterator[str]
Rule = Callable[[Board], Complaints]

_DRAWN = {"stat", "bargauge", "table", "timeseries", "state-timeline"}
_UNITS = {
    "short",
    "none",
    "percentunit",
    "s",
    "bytes",
    "reqps",
    "dateTimeFromNow",
}  # of the linter's list, those in use
_AS_THEY_ARE = {name: f"${name}" for name in ("job", "instance", "workspace", "campaign")}
_RATE_INTERVAL = "1234567s"


def _drawn(board: Board) -> list[dict[str, Any]]:
    return [panel for panel in panels(board) if panel["type"] in _DRAWN]


def _targets(board: Board) -> list[tuple[str, str]]:
    """Give each panel query's name and its expression, with everything filled in but what stands in matchers."""
    filled = {**_AS_THEY_ARE, "__rate_interval": _RATE_INTERVAL}
    return [(q.id, q.filled(filled)) for q in asked(board) if q.kind not in ("variable", "annotation")]


def template_datasource_rule(board: Board) -> Complaints:
    sources = variables(board, "datasource")
    if [(source["query"], source["name"], source["label"]) for source in sources] != [
        ("prometheus", "datasource", "Data source")
    ]:
        yield "has not the one variable for its data source"


def _target_variable(board: Board, name: str) -> Complaints:
    found = [variable for variable in variables(board) if variable["name"] == name]
    if not found:
        yield f"has no variable {name}"
    for variable in found:
        if variable["datasource"]["uid"] not in ("$datasource", "${datasource}"):
            yield f"{name} is not asked of the chosen data source"
        if (variable["label"], variable.get("multi"), variable.get("allValue")) != (name.title(), True, ".+"):
            yield f"{name} needs its label, several values, and .+ for all"


def template_job_rule(board: Board) -> Complaints:
    yield from _target_variable(board, "job")


def template_instance_rule(board: Board) -> Complaints:
    yield from _target_variable(board, "instance")


def template_label_promql_rule(board: Board) -> Complaints:
    for variable in variables(board):
        try:
            promql_parser.parse(fill(selector_of(variable), _AS_THEY_ARE))
        except (AssertionError, ValueError) as error:
            yield f"{variable['name']}: {error}"


def template_on_time_change_reload_rule(board: Board) -> Complaints:
    yield from (f"{variable['name']} does not reload" for variable in variables(board) if variable.get("refresh") != 2)


def panel_datasource_rule(board: Board) -> Complaints:
    for panel in _drawn(board):
        if panel.get("datasource", {}).get("uid") not in ("$datasource", "${datasource}"):
            yield f"{panel['title']}: is not drawn from the chosen data source"


def panel_title_description_rule(board: Board) -> Complaints:
    for panel in panels(board):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']}: has no title or no description"


def panel_units_rule(board: Board) -> Complaints:
    for panel in _drawn(board):
        overridden = [
            each["value"]
            for override in panel["fieldConfig"]["overrides"]
            for each in override["properties"]
            if each["id"] == "unit"
        ]
        if unknown := {panel["fieldConfig"]["defaults"].get("unit"), *overridden} - _UNITS:
            yield f"{panel['title']}: unit {unknown}"


def panel_no_targets_rule(board: Board) -> Complaints:
    yield from (f"{panel['title']}: asks nothing" for panel in _drawn(board) if not panel.get("targets"))


def target_logql_rule(board: Board) -> Complaints:
    for panel in _drawn(board):
        if panel.get("datasource", {}).get("type") == "loki":
            yield f"{panel['title']}: asks for logs, which nobody here writes"


def target_logql_auto_rule(board: Board) -> Complaints:
    yield from (f"{name}: $__auto is of LogQL" for name, expr in _targets_raw(board) if "$__auto" in expr)


def _targets_raw(board: Board) -> list[tuple[str, str]]:
    return [(query.id, query.expr) for query in asked(board)]


def target_promql_rule(board: Board) -> Complaints:
    for name, expr in _targets(board):
        try:
            promql_parser.parse(expr)
        except ValueError as error:
            yield f"{name}: {error}"


def target_rate_interval_rule(board: Board) -> Complaints:
    for name, expr in _parsing(board):
        for node, parents in nodes(expr):
            if isinstance(node, promql_parser.MatrixSelector):
                call = parents[-1].func.name if isinstance(parents[-1], promql_parser.Call) else ""
                scraped = node.range.total_seconds() == int(_RATE_INTERVAL.rstrip("s"))
                if (call in ("rate", "irate")) != scraped:
                    yield f"{name}: $__rate_interval belongs to rate, and only to it"


def _parsing(board: Board) -> Iterator[tuple[str, str]]:
    for name, expr in _targets(board):
        try:
            promql_parser.parse(expr)
        except ValueError:
            continue  # another rule's complaint
        yield name, expr


def _chosen(board: Board, label: str) -> Complaints:
    for name, expr in _parsing(board):
        for selector in selectors(expr):
            if matched(selector).get(label) != f"=~${label}":
                yield f'{name}: {selector.name} lacks {label}=~"${label}"'


def target_job_rule(board: Board) -> Complaints:
    yield from _chosen(board, "job")


def target_instance_rule(board: Board) -> Complaints:
    yield from _chosen(board, "instance")


def target_counter_agg_rule(board: Board) -> Complaints:
    for name, expr in _parsing(board):
        for node, parents in nodes(expr):
            if isinstance(node, promql_parser.VectorSelector) and re.search("_(total|bucket)$", node.name or ""):
                call = (
                    parents[-2] if len(parents) > 1 and isinstance(parents[-1], promql_parser.MatrixSelector) else None
                )
                if not isinstance(call, promql_parser.Call) or call.func.name not in ("rate", "irate", "increase"):
                    yield f"{name}: {node.name} only grows: it needs rate or increase"


def uneditable_dashboard(board: Board) -> Complaints:
    if board.get("editable", True):
        yield "is editable"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource_rule,
    "template-job-rule": template_job_rule,
    "template-instance-rule": template_instance_rule,
    "template-label-promql-rule": template_label_promql_rule,
    "template-on-time-change-reload-rule": template_on_time_change_reload_rule,
    "panel-datasource-rule": panel_datasource_rule,
    "panel-title-description-rule": panel_title_description_rule,
    "panel-units-rule": panel_units_rule,
    "panel-no-targets-rule": panel_no_targets_rule,
    "target-logql-rule": target_logql_rule,
    "target-logql-auto-rule": target_logql_auto_rule,
    "target-promql-rule": target_promql_rule,
    "target-rate-interval-rule": target_rate_interval_rule,
    "target-job-rule": target_job_rule,
    "target-instance-rule": target_instance_rule,
    "target-counter-agg-rule": target_counter_agg_rule,
    "uneditable-dashboard": uneditable_dashboard,
}
