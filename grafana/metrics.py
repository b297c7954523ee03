"""Which metrics there are to query and which labels each has: a name that nobody exports stops the build."""

from exporter.config import Api, Campaign, SenderList, Workspace
from exporter.exposition import METRICS_OF
from exporter.secret import KeySource
from exporter.telemetry import Telemetry

CAMPAIGN_LABELS = ("workspace", "campaign_id", "campaign")
TARGET_LABELS = ("job", "instance")

_OF_PROCESS = (  # the Python client library has these on Linux only, and the build must not depend on that
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
)
_OF_SCRAPE = ("up", "scrape_duration_seconds", "scrape_samples_scraped")


def _own() -> dict[str, frozenset[str]]:
    telemetry = Telemetry(of_process=False)
    telemetry.configure([Workspace("any", KeySource(), Api(), (Campaign("any", "any", "any"),))])
    telemetry.swept("any", 1.0)  # it has no series before the first sweep
    telemetry.sources({("any", "any"): (1.0, 1.0, 1.0)})
    samples = (sample for family in telemetry.registry.collect() for sample in family.samples)
    return {sample.name: frozenset(sample.labels) for sample in samples}


_SHARED = {Campaign.kind: CAMPAIGN_LABELS, SenderList.kind: ("workspace",)}

EXPORTED: dict[str, frozenset[str]] = {
    **{
        metric.name: frozenset((*_SHARED[kind], *metric.labels))
        for kind, metrics in METRICS_OF.items()
        for metric in metrics
    },
    **_own(),
    **dict.fromkeys((*_OF_PROCESS, *_OF_SCRAPE), frozenset()),
}
"""Each metric's labels, besides those of its target and those of the configuration."""
