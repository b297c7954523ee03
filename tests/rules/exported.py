"""Which metrics and labels a PromQL expression may use: those of the exporter, and those that the rules record."""

from collections.abc import Iterator
from typing import Any

import promql_parser

from grafana import metrics
from tests.rules.documents import rules

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
