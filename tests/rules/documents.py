"""What follows from the rules: the table of alerts, the compose stack's Prometheus, and what there is to select."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser

from grafana import metrics
from tests.process import ROOT
from tests.rules.promtool import AS_SHIPPED

Rule = dict[str, Any]


def rules() -> list[Rule]:
    """Return all rules, in the order of the file."""
    return [rule for group in AS_SHIPPED["groups"] for rule in group["rules"]]


def alerts() -> list[Rule]:
    """Return all alerts, in the order of the file."""
    return [rule for rule in rules() if "alert" in rule]


def table() -> str:
    """Write the table of alerts, one row an alert and severity."""
    rows = ["| alert | severity | says | for | keeps firing for | limit in config.yaml |\n|---|---|---|---|---|---|\n"]
    for rule in alerts():
        held = "alert:leadterra_alerts:held_since" in rule["expr"]
        keeps = "an outage, at most 1d" if held else rule.get("keep_firing_for", "")
        name = f"[{rule['alert']}](runbooks/{rule['alert']}.md) | {rule['labels']['severity']}"
        rows.append(f"| {name} | {rule['annotations']['summary']} | {rule['for']} | {keeps} | {_limits(rule)} |\n")
    return "".join(rows)


def _limits(rule: Rule) -> str:
    found = re.findall(r"leadterra_campaign_(\w+?)(?:_seconds)?_threshold", rule["expr"])
    keys = [f"`{figure}.{rule['labels']['severity']}`" for figure in found]
    if any("min_emails_bounced" in record["expr"] for record in rules() if record.get("record", "/") in rule["expr"]):
        keys.append("`min_emails_bounced`")
    return ", ".join(dict.fromkeys(keys))


def for_compose() -> str:
    """Write the example as a container finds the other services and, beside its folder, the rules."""
    example = (ROOT / "prometheus" / "prometheus.yaml").read_text("utf-8").partition("\n")[2]
    text = re.sub(r"(?m)^  - (?=rules|watchdog)", "  - ../prometheus/", example)
    text = text.replace("127.0.0.1:10421", "exporter:10421").replace("127.0.0.1:9093", "alertmanager:9093")
    return f"# Generated from prometheus/prometheus.yaml for compose.yaml: make generate\n{text}"


_TARGET = {"job", "instance", "pod", "container", "endpoint", "node", "namespace", "cluster"}
_OF_ALERTS = {"alertname", "alertstate", "severity", "workspace", "campaign_id"}
EXPORTED = {**metrics.EXPORTED, "ALERTS": frozenset(_OF_ALERTS), "ALERTS_FOR_STATE": frozenset(_OF_ALERTS)}


def selectors(expr: str) -> Iterator[Any]:
    """Return every selector of an expression."""
    return (node for node in nodes(promql_parser.parse(expr)) if isinstance(node, promql_parser.VectorSelector))


def nodes(node: Any) -> Iterator[Any]:
    """Return a parsed expression and all that is in it."""
    yield node
    for attribute in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        below = getattr(node, attribute, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None:
                yield from nodes(each)


def strangers(expr: str) -> set[str]:
    """Name the metrics and labels of an expression that nobody exports or records."""
    records = {rule["record"] for rule in rules() if "record" in rule}
    every = set().union(_TARGET, *EXPORTED.values())
    unknown = set()
    for selector in selectors(expr):
        matched = {matcher.name for matcher in selector.matchers.matchers} - {"__name__"}
        if selector.name and selector.name not in records | EXPORTED.keys():
            unknown.add(selector.name)
        unknown |= matched - (EXPORTED[selector.name] | _TARGET if selector.name in EXPORTED else every)
    for node in nodes(promql_parser.parse(expr)):
        modifier = getattr(node, "modifier", None)
        grouping = getattr(modifier, "matching", modifier)  # of by, without, on and ignoring
        unknown |= set(getattr(grouping, "labels", None) or ()) - every
    return unknown
