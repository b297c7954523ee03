"""Which metrics and labels a PromQL expression may use: those of the exporter, and those that the rules record."""

from collections.abc import Iterator
from typing import Any

import promql_parser

from exporter.exposition import METRICS
from exporter.telemetry import Telemetry
from tests.rules.documents import rules

_CAMPAIGN = {"workspace", "campaign_id", "campaign"}
_TARGET = {"job", "instance", "pod", "container", "endpoint", "node", "namespace", "cluster"}


def _own() -> Iterator[tuple[str, set[str]]]:
    telemetry = Telemetry(of_process=False)
    telemetry.configure([("acme", 1)])
    telemetry.swept("acme", 1.0)  # it has no series before the first sweep
    for family in telemetry.registry.collect():
        for sample in family.samples:
            yield sample.name, set(sample.labels)


EXPORTED: dict[str, set[str]] = {
    **{metric.name: _CAMPAIGN | ({metric.label} if metric.label else set()) for metric in METRICS},
    **dict(_own()),
    "up": set(),  # Prometheus' own
}


def selectors(expr: str) -> Iterator[Any]:
    """Give every selector of an expression."""
    return (node for node in _nodes(promql_parser.parse(expr)) if isinstance(node, promql_parser.VectorSelector))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for attribute in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        below = getattr(node, attribute, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None:
                yield from _nodes(each)


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
    for node in _nodes(promql_parser.parse(expr)):
        unknown |= _grouped(getattr(node, "modifier", None)) - every
    return unknown


def _grouped(modifier: Any) -> set[str]:
    """Give the labels of by, without, on and ignoring."""
    grouping = getattr(modifier, "matching", modifier)
    return set(getattr(grouping, "labels", None) or ())
