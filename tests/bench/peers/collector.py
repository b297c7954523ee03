"""A prometheus_client custom collector: the usual way to a page that is made in the scrape, from readings kept apart.

The same 17 series a campaign as this exporter's.
"""

import sys
import time
from collections.abc import Iterator
from functools import partial

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tests.bench import control
from tests.bench.campaigns import FIGURES, LIMITS, SETTINGS, WORKSPACE, ids, quarter, readings

_LABELS = ("workspace", "campaign_id", "campaign")


class Campaigns(Collector):
    """Yield what is known of each campaign."""

    def __init__(self, names: list[str]) -> None:
        self._readings: dict[str, dict[str, str | float]] = {}
        self._read_at: dict[str, float] = {}
        self.take(names, 0)

    def take(self, names: list[str], turn: int) -> None:
        """Give campaigns a reading, as a poll would."""
        self._readings |= readings(names, turn)
        self._read_at |= dict.fromkeys(names, time.time())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, field in FIGURES.items():
            yield _family(name, {id_: float(stats[field]) for id_, stats in self._readings.items()})
        yield _family("leadterra_campaign_up", dict.fromkeys(self._readings, 1))
        yield _family("leadterra_campaign_last_success_timestamp_seconds", self._read_at)
        for name, value in SETTINGS.items():
            yield _family(name, dict.fromkeys(self._readings, value))
        yield from self._limits()

    def _limits(self) -> Iterator[GaugeMetricFamily]:
        for name in dict.fromkeys(name for name, _, _ in LIMITS):
            family = GaugeMetricFamily(name, f"{name}.", labels=(*_LABELS, "severity"))
            for _, severity, limit in (line for line in LIMITS if line[0] == name):
                for id_ in self._readings:
                    family.add_metric((WORKSPACE, id_, id_, severity), limit)
            yield family


def _family(name: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, f"{name}.", labels=_LABELS)
    for id_, value in values.items():
        family.add_metric((WORKSPACE, id_, id_), value)
    return family


def main(count: int, port: int) -> None:
    names = ids(count)
    campaigns = Campaigns(names)
    registry = CollectorRegistry()
    registry.register(campaigns)
    start_http_server(port, "127.0.0.1", registry)
    control.say({"url": f"http://127.0.0.1:{port}"})
    for turn, word in enumerate(sys.stdin, 1):
        control.obey(word, {"touch": partial(campaigns.take, quarter(names, turn), turn)})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
