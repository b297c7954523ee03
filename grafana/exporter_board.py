"""Leadterra / Exporter: does it run, does the API answer it, does it keep up, what does it cost."""

from grafana_foundation_sdk.builders import dashboard

from grafana.board import EXPORTER, alerts_as_annotations, board, runbook
from grafana.colours import CRITICAL, FINE, WARNING
from grafana.panels import NONE_IS_BAD, NONE_IS_FINE, Query, bars, firing, lines, stat
from grafana.promql import BUILD_INFO, Scope, worst
from grafana.tables import Column, rows

_SCOPE = Scope()
_REQUESTS = "leadterra_api_requests_total"
_DURATION = "leadterra_api_request_duration_seconds_bucket"
_RELOADED = "leadterra_exporter_config_last_reload_successful"
_RELOADED_AT = "leadterra_exporter_config_last_reload_success_timestamp_seconds"
_STARTED = "process_start_time_seconds"
_OK = '="200"'
_SEEN = f"last_over_time({_SCOPE.select(BUILD_INFO)}[1d])"


def exporter() -> dashboard.Dashboard:
    """Build the dashboard."""
    made = board(
        EXPORTER,
        "Leadterra / Exporter",
        "The exporter itself: does it run, does the API answer it, does it keep up, what does it cost.",
        "now-3h",
        metric=BUILD_INFO,
        hidden=False,
    )
    ours = 'ALERTS{alertname=~"Leadterra(Exporter|API).+", alertstate="firing"}'
    alerts = f"count by (alertname, severity) ({ours})"
    made = made.annotation(alerts_as_annotations(alerts, "{{severity}}"))
    for part in (_running, _api, _keeping_up, _process):
        made = part(made)
    return made


def _running(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Does it run?"))
    made = made.with_panel(
        stat(
            "Exporters up",
            "Exporters that Prometheus can scrape, of those seen in the last day. 0 or no data: nobody watches the "
            "campaigns. "
            f"What to do: {runbook('LeadterraExporterDown')}",
            f"sum({_SCOPE.select('up')} and on (job, instance) {_SEEN})",
            "none",
            steps=NONE_IS_BAD,
        )
    )
    made = made.with_panel(
        stat(
            "Campaigns polled",
            "Campaigns in the configuration of all exporters together; replicas count twice, shards once. Fewer than "
            "you expect: compare with config.yaml, the API has no list of campaigns.",
            f"sum({_SCOPE.select('leadterra_workspace_campaigns')})",
            "none",
            steps=NONE_IS_BAD,
        )
    )
    made = made.with_panel(
        stat(
            "Configuration",
            "Whether the last reload was accepted. Refused: the old configuration still runs, and the exporter's log "
            f"says what is wrong. What to do: {runbook('LeadterraExporterConfigReloadFailed')}",
            f"min({_SCOPE.select(_RELOADED)})",
            "none",
            words={1: ("loaded", FINE), 0: ("refused", CRITICAL)},
        )
    )
    made = made.with_panel(
        stat(
            "Configuration loaded",
            "When the oldest configuration in use was loaded. Older than your last change: it has not been reloaded.",
            f"min({_SCOPE.select(_RELOADED_AT)}) * 1000",
            "dateTimeFromNow",
        )
    )
    made = made.with_panel(
        stat(
            "Restarts",
            "Restarts in the time range under the same address. More than you know of: look for out of memory or a "
            "failing health check.",
            f"sum({_SCOPE.own(f'changes({_SCOPE.select(_STARTED)}[$__range])')})",
            "none",
            steps=((None, FINE), (1, WARNING)),
        )
    )
    made = made.with_panel(
        stat(
            "Sweeps that overran",
            "Sweeps in the time range that could not ask every campaign within the interval. Not 0: raise "
            "poll.interval or requests_per_second; --config.check says by how much.",
            f"sum(increase({_SCOPE.select('leadterra_workspace_sweep_overruns_total')}[$__range]))",
            "none",
            steps=NONE_IS_FINE,
            decimals=0,
        )
    )
    made = made.with_panel(
        firing("Alerts that fire or are about to. Those named Exporter and API belong here.", size=(8, 8))
    )
    return made.with_panel(
        rows(
            "Versions and shards",
            "What runs where. Shards must all say the same total and each its own index; two versions at a time are a "
            "rollout.",
            (
                Column("Instance", label="instance"),
                Column("Version", label="version"),
                Column("Revision", label="revision"),
                Column("Python", label="python_version"),
                Column("Shard", label="index"),
                Column("of", label="total"),
            ),
            size=(16, 8),
            expr=(
                f"max by (instance, version, revision, python_version) ({_SCOPE.select(BUILD_INFO)})"
                " * on (instance) group_right (version, revision, python_version) "
                f"max by (instance, index, total) ({_SCOPE.select('leadterra_exporter_shard_info')})"
            ),
        )
    )


def _api(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Does the API answer?"))
    made = made.with_panel(
        bars(
            "Requests by answer",
            "Requests per second by HTTP status, timeout or connection_failed; retries count. 401: the key. 429: too "
            "many requests for the key. 5xx, timeout, connection_failed: the API or the network. "
            f"What to do: {runbook('LeadterraAPIAuthFailing')} {runbook('LeadterraAPIRateLimited')}",
            [Query(f"sum by (code) ({_SCOPE.rate(_REQUESTS)}) > 0", "{{code}}")],
            "reqps",
            size=(8, 9),
            every="1m",
        ).decimals(2)
    )
    made = made.with_panel(
        lines(
            "Requests that fail",
            "Share of requests that did not end with 200, in the ten workspaces where it is highest. A few percent are "
            "retried away. All of one workspace: its key; all workspaces: the API. "
            f"What to do: {runbook('LeadterraCampaignStatsStale')}",
            [Query(worst(10, _SCOPE, _failing_share), "{{workspace}}")],
            "percentunit",
            size=(8, 9),
            steps=((None, FINE), (0.05, WARNING), (0.5, CRITICAL)),
            top=1,
        )
    )
    quantiles = ((0.5, "half are faster"), (0.95, "95 % are faster"), (0.99, "99 % are faster"))
    return made.with_panel(
        lines(
            "Time to answer",
            "How long the API takes, failures among them. Near api.timeout (10 seconds by default) polls begin to "
            "fail: ask less often, or raise the timeout.",
            [
                Query(f"histogram_quantile({share}, sum by (le) ({_SCOPE.rate(_DURATION)}))", name)
                for share, name in quantiles
            ],
            "s",
            size=(8, 9),
        )
    )


def _failing_share(scope: Scope) -> str:
    every = f"sum by (workspace) ({scope.rate(_REQUESTS)})"
    return f"1 - sum by (workspace) ({scope.rate(_REQUESTS, code=_OK)}) / ({every} > 0)"


def _keeping_up(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Does it keep up?"))
    made = made.with_panel(
        lines(
            "Duration of a sweep",
            "How long the last sweep over a workspace took, the ten longest. Polls are spread over the interval, so a "
            "value near it is normal; above it, sweeps overrun.",
            [Query(worst(10, _SCOPE, _sweep), "{{workspace}}")],
            "s",
            size=(8, 8),
        )
    )
    made = made.with_panel(
        lines(
            "Duration of a scrape",
            "How long Prometheus waits for the page, the ten slowest exporters. Near the scrape timeout: split the "
            "campaigns over shards.",
            [
                Query(
                    worst(10, _SCOPE, lambda scope: scope.own(scope.select("scrape_duration_seconds"))), "{{instance}}"
                )
            ],
            "s",
            size=(8, 8),
        )
    )
    return made.with_panel(
        lines(
            "Series per scrape",
            "Series that an exporter shows, the ten largest: about seventeen a campaign. A jump without new campaigns "
            "is worth a look at the configured labels.",
            [Query(worst(10, _SCOPE, lambda scope: scope.own(scope.select("scrape_samples_scraped"))), "{{instance}}")],
            "short",
            size=(8, 8),
        )
    )


def _sweep(scope: Scope) -> str:
    return f"max by (workspace) ({scope.select('leadterra_workspace_sweep_duration_seconds')})"


def _process(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("What does it cost?"))
    made = made.with_panel(
        lines(
            "Memory",
            "Resident memory, the ten largest exporters. It grows with campaigns, not with time: a steady rise is a "
            "fault to report.",
            [
                Query(
                    worst(10, _SCOPE, lambda scope: scope.own(scope.select("process_resident_memory_bytes"))),
                    "{{instance}}",
                )
            ],
            "bytes",
            size=(8, 8),
        )
    )
    made = made.with_panel(
        lines(
            "Processor",
            "Processor time per second, 100 % is one core. All of the exporter runs on one: near 100 %, use shards.",
            [
                Query(
                    worst(10, _SCOPE, lambda scope: scope.own(scope.rate("process_cpu_seconds_total"))), "{{instance}}"
                )
            ],
            "percentunit",
            size=(8, 8),
        )
    )
    return made.with_panel(
        lines(
            "Open files, share of the most allowed",
            "Connections and files, as a share of what the process may open. Near 100 %: raise the limit (LimitNOFILE) "
            "or look for clients that never close.",
            [Query(worst(10, _SCOPE, _open_files), "{{instance}}")],
            "percentunit",
            size=(8, 8),
        )
    )


def _open_files(scope: Scope) -> str:
    return scope.own(f"{scope.select('process_open_fds')} / {scope.select('process_max_fds')}")
