"""The exporter's own metrics: a table of them, as prometheus_client keeps them."""

import collections
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from operator import attrgetter
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter import __version__
from exporter.config import Workspace
from exporter.errors import Reason
from exporter.shard import Shard

_LONGEST_AGE = 1.0
_CODES = ("200", "400", "401", "404", "429", "500", "timeout", "connection_failed")
_RESULTS = ("success", *Reason)
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_METRICS: dict[str, tuple[type[Counter | Gauge | Histogram], str, str]] = {  # kind, labels and help of each
    "leadterra_polls": (Counter, "workspace result",
        "Polls of campaigns that have ended, retries included, by result: success, or the reason."),
    "leadterra_api_requests": (Counter, "workspace endpoint code",
        "Requests sent to the API, by endpoint and status, timeout or connection_failed."),
    "leadterra_api_request_duration_seconds": (Histogram, "workspace",
        "Time from sending a request to the end of its answer, or its failure."),
    "leadterra_workspace_campaigns": (Gauge, "workspace", "Campaigns of the workspace that this exporter polls."),
    "leadterra_workspace_requests_per_second": (Gauge, "workspace kind",
        "Requests a second: needed by the intervals, and allowed by the budget."),
    "leadterra_workspace_sweep_duration_seconds": (Gauge, "workspace",
        "Duration of the last sweep, the longest of several; it may take its interval."),
    "leadterra_workspace_sweep_overruns": (Counter, "workspace",
        "Sweeps whose polls had not all ended an interval after the last was due."),
    "leadterra_campaign_source_up": (Gauge, "workspace source",
        "Whether a list of campaigns could be read and had no faults (1) or not (0)."),
    "leadterra_campaign_source_last_success_timestamp_seconds": (Gauge, "workspace source",
        "Unix time at which a list of campaigns was read and had no faults; a file is read when it changes."),
    "leadterra_campaign_source_campaigns": (Gauge, "workspace source", "Campaigns in the last good list of a source."),
    "leadterra_exporter_config_last_reload_successful": (Gauge, "",
        "Whether the last attempt to load the configuration worked."),
    "leadterra_exporter_config_last_reload_success_timestamp_seconds": (Gauge, "",
        "Unix time of the last successful load."),
    "leadterra_exporter_build_info": (Gauge, "version revision python_version",
        "1, with the exporter's version, its source revision and its Python version."),
    "leadterra_exporter_shard_info": (Gauge, "index total",
        "1, with this exporter's shard index and the number of shards."),
    "leadterra_exporter_shards": (Gauge, "",
        "Number of shards that the campaigns are spread over, as this exporter was told."),
}  # fmt: skip
_OF_SOURCES = [name for name in _METRICS if "_source_" in name]


class Telemetry:
    """Count what the exporter does. All durations are in seconds.

    Without `of_process` and `of_exporter` the process_*, python_info and leadterra_exporter_* metrics are left out: in
    one folder or on one page with those of another process they would be there twice.
    """

    def __init__(
        self,
        shard: Shard | None = None,
        *,
        of_process: bool = True,
        of_exporter: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # series that only double the page
        self.registry = CollectorRegistry()
        self._monotonic = monotonic
        self._changes = 0
        self._rendered: dict[bool, tuple[int, float, bytes]] = {}
        self._series: dict[tuple[str, ...], Any] = {}
        self._workspaces: set[str] = set()
        self._sources: set[tuple[str, str]] = set()
        self._metrics: dict[str, Any] = {}
        for name, (kind, labels, text) in _METRICS.items():
            registry = self.registry if of_exporter or "_exporter_" not in name else None
            more: dict[str, Any] = {"buckets": _BUCKETS} if kind is Histogram else {}
            self._metrics[name] = kind(name, text, labels.split(), registry=registry, **more)
        shard = shard or Shard()
        revision = os.environ.get("LEADTERRA_EXPORTER_REVISION") or "unknown"
        self._of("leadterra_exporter_build_info", __version__, revision, platform.python_version()).set(1)
        self._of("leadterra_exporter_shard_info", str(shard.index), str(shard.total)).set(1)
        self._metrics["leadterra_exporter_shards"].set(shard.total)
        if of_process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def configure(self, workspaces: Iterable[Workspace]) -> None:
        """Replace the workspaces; series of others end, new ones start at 0."""
        wanted = {workspace.name: workspace for workspace in workspaces}
        self._changes += 1
        self._series.clear()
        for name in self._workspaces - wanted.keys():
            self._remove(workspace=name)
        self._workspaces = set(wanted)
        for name, workspace in wanted.items():
            intervals = collections.Counter(map(attrgetter("poll.interval"), workspace.targets))
            needed = sum(count / interval for interval, count in intervals.items())
            self._of("leadterra_workspace_campaigns", name).set(len(workspace.campaigns))
            self._of("leadterra_workspace_requests_per_second", name, "needed").set(needed)
            self._of("leadterra_workspace_requests_per_second", name, "allowed").set(workspace.api.requests_per_second)
            self._of("leadterra_api_request_duration_seconds", name)
            self._of("leadterra_workspace_sweep_overruns", name)
            for result in _RESULTS:
                self._of("leadterra_polls", name, result)
            for endpoint, code in product(dict.fromkeys(map(attrgetter("endpoint"), workspace.targets)), _CODES):
                self._of("leadterra_api_requests", name, endpoint, code)

    def sources(self, figures: Mapping[tuple[str, str], tuple[float | None, ...]]) -> None:
        """Replace what is known of lists of campaigns, by workspace and source, in the order of their metrics."""
        self._changes += 1
        for workspace, source in self._sources - figures.keys():
            self._remove(workspace=workspace, source=source)
        self._sources = set(figures)
        for labels, values in figures.items():
            for name, value in zip(_OF_SOURCES, values, strict=True):
                if value is not None:
                    self._metrics[name].labels(*labels).set(value)

    def loaded(self, at: float | None) -> None:
        """Record that the configuration was loaded at Unix time `at`, or with None that an attempt failed."""
        self._changes += 1
        self._metrics["leadterra_exporter_config_last_reload_successful"].set(at is not None)
        if at is not None:
            self._metrics["leadterra_exporter_config_last_reload_success_timestamp_seconds"].set(at)

    def requested(self, workspace: str, endpoint: str, code: str, seconds: float) -> None:
        """Record one request. What ends after its workspace is gone is not counted, here and below."""
        if workspace in self._workspaces:
            self._of("leadterra_api_requests", workspace, endpoint, code).inc()
            self._of("leadterra_api_request_duration_seconds", workspace).observe(seconds)

    def polled(self, workspace: str, result: str) -> None:
        """Record the end of a poll: `success`, or why it failed."""
        if workspace in self._workspaces:
            self._of("leadterra_polls", workspace, result).inc()

    def swept(self, workspace: str, seconds: float) -> None:
        """Record the end of a sweep."""
        if workspace in self._workspaces:
            self._of("leadterra_workspace_sweep_duration_seconds", workspace).set(seconds)

    def overran(self, workspace: str) -> None:
        """Record that a sweep could not finish in its interval."""
        if workspace in self._workspaces:
            self._of("leadterra_workspace_sweep_overruns", workspace).inc()

    def _of(self, metric: str, *labels: str) -> Any:
        """Return one series of a metric, to be changed; looking it up costs more, so it is kept."""
        self._changes += 1
        key = metric, *labels
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._metrics[metric].labels(*labels)
        return series

    def _remove(self, **labels: str) -> None:
        for name, (_, known, _) in _METRICS.items():
            if labels.keys() <= set(known.split()):
                self._metrics[name].remove_by_labels(labels)

    def render(self, *, openmetrics: bool) -> bytes:
        """Render in OpenMetrics 1.0.0, with the end mark, or in the text format 0.0.4.

        Again only where something was counted, or else after a second, as the process' own figures go on. This takes
        about 10 microseconds a series; any thread may do it.
        """
        changes, now = self._changes, self._monotonic()
        seen, rendered_at, page = self._rendered.get(openmetrics, (-1, 0.0, b""))
        if seen != changes or now - rendered_at >= _LONGEST_AGE:
            page = (generate_openmetrics if openmetrics else generate_latest)(self.registry)
            self._rendered[openmetrics] = changes, now, page
        return page
