"""A page of this exporter once more, as prometheus_client makes it: by a custom collector in the scrape, or of Gauges.

Run as `python -m tests.bench.peers.page collector|gauges FILE PORT`, where FILE is the page to begin with.
"""

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_fd_to_metric_families
from prometheus_client.registry import Collector


@dataclass(slots=True)
class Family:
    """A metric of the campaigns: its labels, and for each series their values and its own."""

    name: str
    help: str
    labels: list[str]
    series: list[tuple[list[str], float]]


def read(page: TextIO) -> Iterator[Family]:
    """Yield the campaigns' metrics of a page."""
    for family in text_fd_to_metric_families(page):
        if family.name.startswith("leadterra_campaign_") and family.samples:
            labels = list(family.samples[0].labels)
            series = [([sample.labels[name] for name in labels], sample.value) for sample in family.samples]
            yield Family(family.name, family.documentation, labels, series)


class Campaigns(Collector):
    """Make the page in the scrape, from values that are kept apart."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for each in self._families:
            family = GaugeMetricFamily(each.name, each.help, labels=each.labels)
            for labels, value in each.series:
                family.add_metric(labels, value)
            yield family


def registry_of(kind: str, page: TextIO) -> CollectorRegistry:
    registry = CollectorRegistry()
    families = read(page)
    if kind == "collector":
        registry.register(Campaigns(list(families)))
        return registry
    for each in families:
        gauge = Gauge(each.name, each.help, each.labels, registry=registry)
        for labels, value in each.series:
            gauge.labels(*labels).set(value)
    return registry


if __name__ == "__main__":
    with Path(sys.argv[2]).open() as lines:
        start_http_server(int(sys.argv[3]), "127.0.0.1", registry_of(sys.argv[1], lines))
    threading.Event().wait()
