"""What is generated from the rules and their example: the Operator's resource, the alerts' table, the compose stack's.

`python -m tests.rules.documents` writes all; a test holds them to what they come from.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser

from grafana import metrics
from prometheus.customize import for_operator
from tests.process import ROOT
from tests.rules.promtool import AS_SHIPPED, RULES

OPERATOR = ROOT / "prometheus" / "prometheusrule.yaml"
ALERTS = ROOT / "docs" / "alerts.md"
EXAMPLE = ROOT / "prometheus" / "prometheus.yaml"
COMPOSE = ROOT / "deploy" / "prometheus.yaml"
_SERVICES = {"127.0.0.1:10421": "exporter:10421", "127.0.0.1:9093": "alertmanager:9093"}
_BEGIN, _END = "<!-- generated from prometheus/rules.yaml -->\n", "<!-- end -->\n"

Rule = dict[str, Any]


def rules() -> list[Rule]:
    """Return all rules, in the order of the file."""
    return [rule for group in AS_SHIPPED["groups"] for rule in group["rules"]]


def alerts() -> list[Rule]:
    """Return all alerts, in the order of the file."""
    return [rule for rule in rules() if "alert" in rule]


def table() -> str:
    """Write the table of alerts, one row an alert and severity."""
    rows = [
        f"| [{rule['alert']}](runbooks/{rule['alert']}.md) | {rule['labels']['severity']} | "
        f"{rule['annotations']['summary']} | {rule['for']} | {_keeps(rule)} | {_limits(rule)} |\n"
        for rule in alerts()
    ]
    return (
        "| alert | severity | says | for | keeps firing for | limit in config.yaml |\n|---|---|---|---|---|---|\n"
        + "".join(rows)
    )


def _keeps(rule: Rule) -> str:
    held = "alert:leadterra_alerts:held_since" in rule["expr"]
    return "an outage, at most 1d" if held else str(rule.get("keep_firing_for", ""))


def _limits(rule: Rule) -> str:
    found = re.findall(r"leadterra_campaign_(\w+?)(?:_seconds)?_threshold", rule["expr"])
    keys = [f"`{figure}.{rule['labels']['severity']}`" for figure in found]
    if any("min_emails_bounced" in record["expr"] for record in rules() if record.get("record", "/") in rule["expr"]):
        keys.append("`min_emails_bounced`")
    return ", ".join(dict.fromkeys(keys))


def for_compose(example: str) -> str:
    """Write the example as a container finds the other services and, beside its folder, the rules."""
    text = re.sub(r"(?m)^  - (?=rules|watchdog)", "  - ../prometheus/", example.partition("\n")[2])
    for address, service in _SERVICES.items():
        text = text.replace(address, service)
    return f"# Generated from prometheus/prometheus.yaml for compose.yaml: make generate\n{text}"


def documents() -> dict[Path, str]:
    """Return each generated file's path and text."""
    page = ALERTS.read_text("utf-8")
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return {
        OPERATOR: for_operator(RULES.read_text("utf-8")),
        ALERTS: f"{before}{_BEGIN}{table()}{_END}{after}",
        COMPOSE: for_compose(EXAMPLE.read_text("utf-8")),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, "utf-8")


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
        unknown |= _grouped(getattr(node, "modifier", None)) - every
    return unknown


def _grouped(modifier: Any) -> set[str]:
    """Return the labels of by, without, on and ignoring."""
    grouping = getattr(modifier, "matching", modifier)
    return set(getattr(grouping, "labels", None) or ())
