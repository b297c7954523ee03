"""The exporter's own metrics, as prometheus_client keeps them."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

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

_Renderer: TypeAlias = Callable[[CollectorRegistry], bytes]
_PROCESS_AGE = 1.0
_CODES = ("200", "400", "401", "404", "429", "500", "timeout", "connection_failed")
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """Count what the exporter does. All durations are in seconds.

    Without `of_process` the process_* metrics and python_info are left out: beside another exporter's page they would
    be told twice.
    """

    def __init__(
        self,
        *,
        shard_index: int = 0,
        shard_total: int = 1,
        of_process: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # series that only double the page
        self.registry = CollectorRegistry()
        self._monotonic = monotonic
        self._changes = 0
        self._rendered: dict[_Renderer, tuple[int, float, bytes]] = {}
        # The series that a request moves: looking them up in their metrics costs more than moving them.
        self._of_request: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._define_polling()
        self._define_configuration()
        self._describe(shard_index, shard_total)
        if of_process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def _define_polling(self) -> None:
        registry = self.registry
        self._requests = Counter(
            "leadterra_api_requests",
            "Requests sent to the Leadterra API, retries among them, by HTTP status, timeout or connection_failed.",
            ["workspace", "code"],
            registry=registry,
        )
        self._request_duration = Histogram(
            "leadterra_api_request_duration_seconds",
            "Time from sending a request to the end of its answer, or to its failure.",
            ["workspace"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._campaigns = Gauge(
            "leadterra_workspace_campaigns",
            "Campaigns of the workspace that this exporter polls.",
            ["workspace"],
            registry=registry,
        )
        self._sweep_duration = Gauge(
            "leadterra_workspace_sweep_duration_seconds",
            "Duration of the workspace's last sweep over its campaigns; polls are spread over the interval, so a "
            "value near it is normal.",
            ["workspace"],
            registry=registry,
        )
        self._sweep_overruns = Counter(
            "leadterra_workspace_sweep_overruns",
            "Sweeps whose polls had not all ended an interval after the last one's turn.",
            ["workspace"],
            registry=registry,
        )

    def _define_configuration(self) -> None:
        self._reload_successful = Gauge(
            "leadterra_exporter_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded.",
            registry=self.registry,
        )
        self._reload_timestamp = Gauge(
            "leadterra_exporter_config_last_reload_success_timestamp_seconds",
            "Unix time at which the configuration in use was loaded.",
            registry=self.registry,
        )

    def _describe(self, shard_index: int, shard_total: int) -> None:
        build = Gauge(
            "leadterra_exporter_build_info",
            "1, with the exporter's version, its source revision and its Python version.",
            ["version", "revision", "python_version"],
            registry=self.registry,
        )
        revision = os.environ.get("LEADTERRA_EXPORTER_REVISION", "unknown")
        build.labels(__version__, revision, platform.python_version()).set(1)
        shard = Gauge(
            "leadterra_exporter_shard_info",
            "1, with this exporter's shard index and the number of shards.",
            ["index", "total"],
            registry=self.registry,
        )
        shard.labels(str(shard_index), str(shard_total)).set(1)
        shards = Gauge(
            "leadterra_exporter_shards",
            "Number of shards that the campaigns are spread over, as this exporter was told.",
            registry=self.registry,
        )
        shards.set(shard_total)

    def configure(self, campaigns: Iterable[tuple[str, int]]) -> None:
        """Take the workspaces and how many campaigns each has; series of others end, new ones start at 0."""
        self._changes += 1
        wanted = dict(campaigns)
        known = {sample.labels["workspace"] for family in self._campaigns.collect() for sample in family.samples}
        self._of_request.clear()
        for workspace in known - wanted.keys():
            self._forget(workspace)
        for workspace, count in wanted.items():
            self._campaigns.labels(workspace).set(count)
            self._request_duration.labels(workspace)
            self._sweep_overruns.labels(workspace)
            for code in _CODES:
                self._requests.labels(workspace, code)

    def _forget(self, workspace: str) -> None:
        metrics = (self._requests, self._request_duration, self._campaigns, self._sweep_duration, self._sweep_overruns)
        for metric in metrics:
            metric.remove_by_labels({"workspace": workspace})

    def loaded(self, at: float | None) -> None:
        """Record that the configuration was loaded at Unix time `at`, or with None that an attempt failed."""
        self._changes += 1
        self._reload_successful.set(at is not None)
        if at is not None:
            self._reload_timestamp.set(at)

    def requested(self, workspace: str, code: str, seconds: float) -> None:
        """Record one request."""
        self._changes += 1
        series = self._of_request.get((workspace, code))
        if series is None:
            series = self._requests.labels(workspace, code), self._request_duration.labels(workspace)
            self._of_request[workspace, code] = series
        requests, duration = series
        requests.inc()
        duration.observe(seconds)

    def swept(self, workspace: str, seconds: float) -> None:
        """Record the end of a sweep."""
        self._changes += 1
        self._sweep_duration.labels(workspace).set(seconds)

    def overran(self, workspace: str) -> None:
        """Record that a sweep could not finish in its interval."""
        self._changes += 1
        self._sweep_overruns.labels(workspace).inc()

    def render_text(self) -> bytes:
        """Render in the text format 0.0.4."""
        return self._render(generate_latest)

    def render_openmetrics(self) -> bytes:
        """Render in OpenMetrics 1.0.0, with the end mark."""
        return self._render(generate_openmetrics)

    def _render(self, renderer: _Renderer) -> bytes:
        """Render again where something was counted, or else after a second, as the process' own figures go on.

        This takes about 10 microseconds a series; any thread may do it.
        """
        changes, now = self._changes, self._monotonic()
        seen, rendered_at, page = self._rendered.get(renderer, (-1, 0.0, b""))
        if seen != changes or now - rendered_at >= _PROCESS_AGE:
            page = renderer(self.registry)
            self._rendered[renderer] = changes, now, page
        return page
