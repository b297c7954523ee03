"""Leadterra / Fleet: what is wrong, with which campaign, since when, and is mail going out."""

from grafana_foundation_sdk.builders import dashboard

from grafana import figures
from grafana.board import CAMPAIGN, FLEET, KEEP, alerts_as_annotations, board, filled, filters, runbook, variable
from grafana.colours import CRITICAL, QUIET
from grafana.panels import NONE_IS_BAD, NONE_IS_FINE, OF_LIMIT, SENDING, Part, Query, bars, firing, tiles, week_before
from grafana.promql import BUILD_INFO, Scope
from grafana.tables import Column, rows

_SCOPE = Scope(("workspace=~`${workspace:regex}`",))
_ALL = _SCOPE.of(figures.UP)
_WORST = figures.worst_limit(_SCOPE, 0.5, stalled=figures.resting(_SCOPE))
_CHOSEN = 'workspace=~"${workspace:regex}"'
_THIS_CAMPAIGN = (
    "var-workspace=${__data.fields.Workspace:percentencode}&var-campaign_id=${__data.fields.Id:percentencode}"
)
_OPEN = ("Open this campaign", f"/d/{CAMPAIGN}?{KEEP}&{_THIS_CAMPAIGN}")
_CAPACITY = "leadterra_sender_pool_daily_capacity_emails"
_LEFT = "leadterra_sender_pool_remaining_emails"
_ACCOUNTS = "leadterra_sender_accounts"
_OFF = "no data: senders are not polled (senders in config.yaml), or no exporter is there"


def fleet() -> dashboard.Dashboard:
    """Build the dashboard."""
    made = board(
        FLEET,
        "Leadterra / Fleet",
        "All campaigns: what is wrong, with which campaign, since when, and how far from its limit.",
        "now-24h",
        metric=figures.UP,
        hidden=True,
    )
    made = made.with_variable(variable("workspace", "Workspace", figures.UP, 'job=~"$job"', 'instance=~"$instance"'))
    made = made.with_variable(filters())
    ours = '{alertname=~"Leadterra.+", alertstate="firing", workspace=~`${workspace:regex}|`}'
    made = made.annotation(alerts_as_annotations(f"count by (alertname, severity) (ALERTS{ours})", "{{severity}}"))
    return filled(made, _wrong(), _going_out(), _senders())


def _how_many(expression: str) -> str:
    """Count campaigns: 0 where there are none, and nothing where there is not even an exporter."""
    return f"count({expression}) or 0 * count({_SCOPE.select(BUILD_INFO)})"


def _wrong() -> Part:
    bounces = f"{figures.bounces_of_limit(_SCOPE)} > 1 or {figures.spike_of_limit(_SCOPE)} > 1"
    queues = f"{figures.queue_of_limit(_SCOPE)} > 1 or {figures.drain_of_limit(_SCOPE)} > 1"
    yield tiles(
        "What is wrong",
        "How many campaigns there are, and how many of them bounce surely above a limit (few emails prove nothing), "
        "have more queued than their limit, need longer for it than their limit or have sent nothing of it for three "
        "days, and could not be read for longer than stale_after. The table says which. "
        f"What to do: {runbook('README')}",
        [
            Query(_how_many(_ALL), "campaigns watched", steps=NONE_IS_BAD),
            Query(_how_many(bounces), "bouncing too much", steps=NONE_IS_FINE),
            Query(_how_many(f"{queues} or {figures.resting(_SCOPE)} == 1"), "queue long or stuck", steps=NONE_IS_FINE),
            Query(_how_many(f"{figures.not_read(_SCOPE)} > 1"), "not read", steps=NONE_IS_FINE),
        ],
        none="no data: nothing is watched, see Leadterra / Exporter",
    )
    yield rows(
        "Campaigns",
        "A row for each campaign, the worst first; its name opens it. Worst limit: the figure that is highest as a "
        "share of its lowest limit in the exporter's configuration, which is how alerts judge it: 100 % is at the "
        "limit, 999 % that or more, nothing is no limit, or too little to judge. Bounces and replies are since the "
        "campaign began; replies are leads per delivered email.",
        (
            Column("Campaign", label="campaign", link=_OPEN),
            Column("Worst limit", label="limit"),
            Column("Of limit", _WORST, "percentunit", steps=OF_LIMIT, decimals=0, width=75),
            Column("Bounced", figures.bounce_ratio(_SCOPE), "percentunit", decimals=1, width=75),
            Column("Sent 24 h", f"clamp_min({_SCOPE.gained(figures.SENT, '1d')}, 0)", width=85),
            Column("Queued", _SCOPE.of(figures.QUEUED), width=75),
            Column("Replied", figures.reply_ratio(_SCOPE), "percentunit", decimals=1, width=75),
            Column("Workspace", label="workspace", width=112),
            Column("Id", label="campaign_id", hidden=True),
            Column("Up", _ALL, hidden=True),
        ),
        size=(24, 12),
        sort="Of limit",
        pages=True,
    )


def _going_out() -> Part:
    yield dashboard.Row("Is mail going out?")
    sent = f"sum(clamp_min({_SCOPE.gained(figures.SENT, '$__interval')}, 0))"
    yield bars(
        "Emails sent",
        "Emails sent by all campaigns, in two hours or, over long time ranges, in what a bar stands for. The "
        "line is a week before, the shade the share of campaigns that are in their sending time. No bars in the "
        "shade: see stalled queues above, then the sender pools.",
        [
            Query(sent, "sent"),
            week_before(sent),
            Query(f"avg({_SCOPE.select(figures.EXPECTED)})", SENDING),
        ],
        size=(16, 9),
        every="2h",
    )
    yield firing(
        "Alerts that fire or are about to, of each campaign, the gravest first; open one to see since when. Those "
        "of workspaces are under No grouping. Empty is good, as long as Prometheus has the rules: see "
        "docs/alerts.md.",
        f"{{{_CHOSEN}}}",
        size=(8, 9),
        by=("campaign", "alertname"),
    )


def _senders() -> Part:
    yield dashboard.Row("Workspaces and their senders")
    bounced, sent = (f"sum by (workspace) ({_SCOPE.gained(each, '1d')})" for each in (figures.BOUNCED, figures.SENT))
    limit = f"max by (workspace) ({_SCOPE.select(figures.BOUNCE_LIMIT, severity=figures.CRITICAL)})"
    surely = figures.interval(f"({bounced} >= 10)", sent)
    queued = f"sum by (workspace) ({_SCOPE.of(figures.QUEUED)})"
    capacity = f"sum by (workspace) ({_pool(_CAPACITY)})"
    active = _SCOPE.select(_ACCOUNTS, status='="active"')
    now, before = (f"max by (workspace) ({each})" for each in (active, f"{active} offset 1d"))
    yield rows(
        "Workspaces",
        "All campaigns of a workspace together send from the same domains. Bounced: of the last 24 hours' emails; "
        "of limit: what surely bounced of them, as a share of the mildest critical limit, from 10 bounced on. "
        "Days of queue: queued emails at the pools' full daily capacity. Accounts: active ones, and how many more "
        f"or fewer than a day ago. What to do: {runbook('LeadterraCampaignBounceRatioHigh')}",
        (
            Column("Workspace", label="workspace"),
            Column("Bounced 24 h", f"{bounced} / ({sent} > 0)", "percentunit", decimals=1, width=105),
            Column("Of limit", f"{surely} / {limit}", "percentunit", decimals=0, steps=OF_LIMIT, width=85),
            Column("Queued", queued, width=80),
            Column("Days of queue", f"{queued} / ({capacity} > 0)", "none", decimals=1, width=115),
            Column("Accounts", now, width=85),
            Column("Lost in a day", f"{before} - {now}", steps=((None, QUIET), (1, CRITICAL)), width=110),
            Column("Campaigns", f"count by (workspace) ({_ALL})", hidden=True),
        ),
        size=(24, 6),
        sort="Of limit",
    )
    left, whole = _pool(_LEFT), _pool(_CAPACITY)
    yield rows(
        "Sender pools",
        "What a pool may send in 24 hours, and what is left of it. Nothing left in the morning: enrol fewer leads "
        "or add senders.",
        (
            Column("Workspace", label="workspace", width=110),
            Column("Pool", label="pool"),
            Column("Id", label="pool_id", hidden=True),
            Column("A day", whole, width=75),
            Column("Left", left, width=75),
            Column("Used", f"1 - {left} / ({whole} > 0)", "percentunit", decimals=0, width=75),
            Column("Accounts", _pool("leadterra_sender_pool_accounts"), width=85),
        ),
        size=(24, 6),
        none=_OFF,
    )
    yield rows(
        "Sender accounts",
        "Accounts by what the API says of them. Only active ones send: one that was paused or lost its mailbox "
        "takes its share of the capacity along.",
        (
            Column("Workspace", label="workspace", width=110),
            Column("Status", label="status"),
            Column("Accounts", f"max by (workspace, status) ({_SCOPE.select(_ACCOUNTS)})", width=85),
        ),
        size=(24, 6),
        none=_OFF,
    )


def _pool(metric: str) -> str:
    return f"max by (workspace, pool_id, pool) ({_SCOPE.select(metric)})"
