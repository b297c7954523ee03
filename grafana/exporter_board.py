"""Leadterra / Exporter: can the figures be trusted, does the API answer, does it keep up, what does it cost."""

from collections.abc import Callable

from grafana_foundation_sdk.builders import dashboard

from grafana import figures
from grafana.board import EXPORTER, alerts_as_annotations, board, filled, runbook
from grafana.colours import CRITICAL, QUIET, WARNING
from grafana.panels import FEW_ARE_FINE, NONE_IS_BAD, NONE_IS_FINE, Part, Query, by_value, firing, lines, rates, tiles
from grafana.promql import BUILD_INFO, Scope, ranks
from grafana.tables import Column, rows

_SCOPE = Scope()
_REQUESTS = "leadterra_api_requests_total"
_POLLS = "leadterra_polls_total"
_DURATION = "leadterra_api_request_duration_seconds_bucket"
_RELOADED = "leadterra_exporter_config_last_reload_successful"
_RELOADED_AT = "leadterra_exporter_config_last_reload_success_timestamp_seconds"
_STARTED = "process_start_time_seconds"
_BUDGET = "leadterra_workspace_requests_per_second"
_SEEN = f"last_over_time({_SCOPE.select(BUILD_INFO)}[1d])"
_OURS = "Leadterra(Exporter|API|CampaignsDropped|CampaignSource|Sender).+"
_FAILING = ((None, QUIET), (0.05, WARNING), (0.5, CRITICAL))


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
    ours = f'ALERTS{{alertname=~"{_OURS}", alertstate="firing"}}'
    alerts = f"count by (alertname, severity) ({ours})"
    made = made.annotation(alerts_as_annotations(alerts, "{{severity}}"))
    return filled(made, _running(), _api(), _workspaces(), _process())


def _running() -> Part:
    polled = f"sum({_SCOPE.select('leadterra_workspace_campaigns')})"
    stale = f"count({figures.not_current(_SCOPE)}) or 0 * {polled}"
    overran = f"sum(increase({_SCOPE.select('leadterra_workspace_sweep_overruns_total')}[$__range]))"
    yield tiles(
        "Can the figures be trusted?",
        "Exporters that Prometheus can scrape, of those seen in the last day; campaigns in the configuration of all "
        "of them (replicas count twice, shards once); campaigns whose last good poll is older than stale_after. "
        "Configuration refused: the old one still runs, and the log says what is wrong. Restarts and sweeps that "
        "could not ask every campaign within the interval are those of the time range: for the second raise "
        f"poll.interval or requests_per_second. What to do: {runbook('LeadterraExporterDown')} "
        f"{runbook('LeadterraExporterConfigReloadFailed')}",
        [
            Query(f"sum({_SCOPE.select('up')} and on (job, instance) {_SEEN})", "exporters up", steps=NONE_IS_BAD),
            Query(
                f"count({_SEEN} unless on (job, instance) {_SCOPE.select('up')} == 1) or vector(0)",
                "exporters down",
                steps=NONE_IS_FINE,
            ),
            Query(polled, "campaigns polled", steps=NONE_IS_BAD),
            Query(stale, "not current", steps=NONE_IS_FINE),
            Query(
                f"min({_SCOPE.select(_RELOADED)})",
                "configuration",
                words={1: ("loaded", QUIET), 0: ("refused", CRITICAL)},
            ),
            Query(
                f"sum({_SCOPE.own(f'changes({_SCOPE.select(_STARTED)}[$__range])')})",
                "restarts",
                steps=FEW_ARE_FINE,
            ),
            Query(overran, "sweeps overran", decimals=0, steps=FEW_ARE_FINE),
        ],
        none="no data: no exporter is scraped",
    )
    yield rows(
        "Exporters",
        "What runs where, and since when its configuration is in use: older than your last change, it has not been "
        "reloaded. Shards must all say the same total and each its own index.",
        (
            Column("Instance", label="instance"),
            Column("Up", _every("up"), words={1: ("yes", QUIET), 0: ("no", CRITICAL)}, width=50),
            Column("Configured", f"{_every(_RELOADED_AT)} * 1000", "dateTimeFromNow", width=130),
            Column("Started", f"{_every(_STARTED)} * 1000", "dateTimeFromNow", width=130),
            Column("Shard", label="index", width=70),
            Column("of", label="total", width=50),
            Column("Version", label="version", width=85),
            Column("Revision", label="revision", width=95),
            Column("Python", label="python_version", width=85),
            Column("Info", _info(), hidden=True),
        ),
        size=(24, 5),
        none="no exporter is scraped",
    )
    yield firing(
        "Alerts on exporters, keys, lists and senders that fire or are about to; those of campaigns are on Fleet.",
        f'{{alertname=~"{_OURS}"}}',
        size=(24, 4),
    )


def _every(metric: str) -> str:
    return f"max by (instance) ({_SCOPE.own(_SCOPE.select(metric))})"


def _info() -> str:
    return (
        f"max by (instance, version, revision, python_version) ({_SCOPE.select(BUILD_INFO)})"
        " * on (instance) group_right (version, revision, python_version) "
        f"max by (instance, index, total) ({_SCOPE.select('leadterra_exporter_shard_info')})"
    )


def _api() -> Part:
    yield dashboard.Row("Does the API answer?")
    yield rates(
        "Polls by result",
        "Polls per minute that succeeded, and that failed for which reason, after their retries. Causes have "
        "colours: the key, the campaign, the pace, the API, the network. docs/metrics.md explains each reason. "
        f"What to do: {runbook('LeadterraCampaignStatsStale')} {runbook('LeadterraAPIAuthFailing')}",
        Query(f"sum by (result) ({_SCOPE.rate(_POLLS)}) * 60 > 0", "{{result}}"),
        "none",
    )
    yield lines(
        "Polls that fail, the five worst workspaces",
        "Share of polls that failed. More than half for a quarter of an hour: the alert comes. One workspace: its "
        f"key; all of them: the API or the network. What to do: {runbook('LeadterraAPIUnreachable')}",
        _ranked(_failing_share, "{{workspace}}"),
        "percentunit",
        legend=by_value(),
    ).axis_soft_max(1)
    yield rates(
        "Requests by answer",
        "Requests per minute by HTTP status, timeout or connection_failed, those of sender pools and retries among "
        f"them: 429 means too many for the key. What to do: {runbook('LeadterraAPIRateLimited')}",
        Query(f"sum by (code) ({_SCOPE.rate(_REQUESTS)}) * 60 > 0", "{{code}}"),
        "reqpm",
    )
    quantiles = ((0.99, "99 % are faster"), (0.95, "95 % are faster"), (0.5, "half are faster"))
    yield lines(
        "Time to answer",
        "How long the API takes, failures among them. Near api.timeout (10 seconds by default) polls begin to "
        "fail: ask less often, or raise the timeout.",
        [
            Query(f"histogram_quantile({share}, sum by (le) ({_SCOPE.rate(_DURATION)}))", name)
            for share, name in quantiles
        ],
        "s",
        legend=by_value(),
    )


def _ranked(expression: Callable[[Scope], str], legend: str) -> list[Query]:
    return [Query(each, legend) for each in ranks(5, _SCOPE, expression)]


def _failing_share(scope: Scope) -> str:
    every = f"sum by (workspace) ({scope.rate(_POLLS)})"
    good = scope.rate(_POLLS, result='="success"')
    return f"1 - sum by (workspace) ({good}) / ({every} > 0)"


def _of_workspace(metric: str, function: str = "max", **matchers: str) -> str:
    return f"{function} by (workspace) ({_SCOPE.select(metric, **matchers)})"


def _workspaces() -> Part:
    yield dashboard.Row("Does it keep up?")
    needed, allowed = (_of_workspace(_BUDGET, "sum", kind=f'="{kind}"') for kind in ("needed", "allowed"))
    stale = f"count by (workspace) ({figures.not_current(_SCOPE)})"
    yield rows(
        "Workspaces",
        "Budget: the requests that the configuration needs, as a share of requests_per_second; above 100 % polls "
        "come late, and --config.check says what would fit. Sweep: the last one's duration; polls are spread over "
        "the interval, so a value near it is normal. Senders: whether pools and accounts were read.",
        (
            Column("Workspace", label="workspace"),
            Column("Campaigns", _of_workspace("leadterra_workspace_campaigns", "sum"), width=95),
            Column("Not current", stale, steps=NONE_IS_FINE, width=100),
            Column("Polls failing", _failing_share(_SCOPE), "percentunit", decimals=0, steps=_FAILING, width=110),
            Column(
                "Budget",
                f"{needed} / ({allowed} > 0)",
                "percentunit",
                decimals=0,
                width=75,
                steps=((None, QUIET), (0.9, WARNING), (1, CRITICAL)),
            ),
            Column("Sweep", _of_workspace("leadterra_workspace_sweep_duration_seconds"), "s", decimals=0, width=75),
            Column(
                "Senders",
                _of_workspace("leadterra_senders_up", "min"),
                width=85,
                words={1: ("read", QUIET), 0: ("failing", CRITICAL)},
            ),
        ),
        size=(24, 7),
        sort="Polls failing",
    )
    yield rows(
        "Lists of campaigns kept elsewhere",
        "Each campaigns_from, whether it could be read, and how many campaigns it named. A list that fails leaves "
        f"the last good one in use; the log says why. What to do: {runbook('LeadterraCampaignSourceFailing')}",
        (
            Column("Workspace", label="workspace", width=120),
            Column("Source", label="source"),
            Column("Campaigns", _of_source("campaigns"), width=95),
            Column("Read", f"{_of_source('last_success_timestamp_seconds')} * 1000", "dateTimeFromNow", width=150),
            Column("Last try", _of_source("up"), words={1: ("read", QUIET), 0: ("failed", CRITICAL)}, width=85),
        ),
        size=(24, 5),
        none="no data: no list is read (campaigns_from in config.yaml), or no exporter is there",
    )


def _of_source(what: str) -> str:
    return f"max by (workspace, source) ({_SCOPE.select(f'leadterra_campaign_source_{what}')})"


def _process() -> Part:
    yield dashboard.Row("What does it cost?")
    yield lines(
        "Memory",
        "Resident memory of the five largest exporters. It grows with campaigns, not with time: a steady rise is a "
        "fault to report.",
        _ranked(lambda scope: scope.own(scope.select("process_resident_memory_bytes")), "{{instance}}"),
        "bytes",
        size=(8, 7),
    )
    yield lines(
        "Processor",
        "Processor time per second of the five busiest exporters, 100 % is one core. All of an exporter runs on one: "
        "near 100 %, use shards.",
        _ranked(lambda scope: scope.own(scope.rate("process_cpu_seconds_total")), "{{instance}}"),
        "percentunit",
        size=(8, 7),
    )
    yield lines(
        "Duration of a scrape",
        "How long Prometheus waits for the page, the five slowest exporters. Near the scrape timeout: use shards.",
        _ranked(lambda scope: scope.own(scope.select("scrape_duration_seconds")), "{{instance}}"),
        "s",
        size=(8, 7),
    )
