"""A page of this exporter once more, as prometheus_client makes it: by a custom collector in the scrape, or of Gauges.

Run as `python -m tests.bench.peers.page collector|gauges FILE PORT`, where FILE is the page to begin with.
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, TypeAlias

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_fd_to_metric_families
from prometheus_client.registry import Collector

Family: TypeAlias = tuple[str, str, list[str], list[tuple[list[str], float]]]
"""A metric's name, help and labels, and for each series their values and its own."""


def read(page: TextIO) -> Iterator[Family]:
    """Yield the campaigns' metrics of a page."""
    for family in text_fd_to_metric_families(page):
        if family.name.startswith("leadterra_campaign_") and family.samples:
            labels = list(family.samples[0].labels)
            series = [([sample.labels[name] for name in labels], sample.value) for sample in family.samples]
            yield family.name, family.documentation, labels, series


class Campaigns(Collector):
    """Make the page in the scrape, from values that are kept apart."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, text, labels, series in self._families:
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, value in series:
                family.add_metric(values, value)
            yield family


def registry_of(kind: str, page: TextIO) -> CollectorRegistry:
    registry = CollectorRegistry()
    families = read(page)
    if kind == "collector":
        registry.register(Campaigns(list(families)))
        return registry
    for name, text, labels, series in families:
        gauge = Gauge(name, text, labels, registry=registry)
        for values, value in series:
            gauge.labels(*values).set(value)
    return registry


if __name__ == "__main__":
    with Path(sys.argv[2]).open() as lines:
        start_http_server(int(sys.argv[3]), "127.0.0.1", registry_of(sys.argv[1], lines))
    threading.Event().wait()
