"""Leadterra / Fleet: is anything wrong, which campaign, since when, how bad, and is mail going out."""

from grafana_foundation_sdk.builders import dashboard

from grafana import figures
from grafana.board import CAMPAIGN, FLEET, KEEP, alerts_as_annotations, board, filters, runbook, variable
from grafana.colours import CRITICAL, FINE, WARNING
from grafana.panels import NONE_IS_BAD, NONE_IS_FINE, OF_LIMIT, Query, bars, firing, lines, stat
from grafana.promql import IDENTITY, Scope, how_many, worst_campaigns
from grafana.tables import Column, rows

_SCOPE = Scope(('workspace=~"$workspace"',))
_ALL = _SCOPE.of(figures.UP)
_NAME = "{{campaign}} ({{workspace}})"
_COARSE = 72  # points of a panel that reads every campaign: one in 20 minutes of a day
_STILL_SENDS = f"{figures.sent_in_a_day(_SCOPE)} > 0"
_THIS_CAMPAIGN = (
    "var-workspace=${__data.fields.Workspace:percentencode}&var-campaign=${__data.fields.Campaign:percentencode}"
)
_OPEN = ("Open this campaign", f"/d/{CAMPAIGN}?{KEEP}&{_THIS_CAMPAIGN}")
_ERROR = "leadterra_campaign_error"
_TOTAL_SENT = f"clamp_min({_SCOPE.change(figures.SENT, '$__range', '$__interval')}, 0)"
_TOTAL_BOUNCED = f"clamp_min({_SCOPE.change(figures.BOUNCED, '$__range', '$__interval')}, 0)"
_TOTAL_REPLIED = f"clamp_min({_SCOPE.change(figures.REPLIED, '$__range', '$__interval')}, 0)"


def fleet() -> dashboard.Dashboard:
    """Build the dashboard."""
    made = board(
        FLEET,
        "Leadterra / Fleet",
        "All campaigns: is anything wrong, which campaign is it, since when, and how far from its limit.",
        "now-24h",
        metric=figures.UP,
        hidden=True,
    )
    made = made.with_variable(variable("workspace", "Workspace", figures.UP, 'job=~"$job"', 'instance=~"$instance"'))
    made = made.with_variable(filters())
    alerts = 'count by (alertname, severity) (ALERTS{alertname=~"Leadterra.+", alertstate="firing"})'
    made = made.annotation(alerts_as_annotations(alerts, "{{severity}}"))
    for part in (_wrong, _which, _going_out, _trust):
        made = part(made)
    return made


def _wrong(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Is anything wrong?"))
    made = made.with_panel(
        stat(
            "Campaigns watched",
            "Campaigns that the exporter has polled. 0 or no data: nothing is watched. "
            "See the dashboard Leadterra / Exporter.",
            f"count({_ALL})",
            "none",
            steps=NONE_IS_BAD,
        )
    )
    made = made.with_panel(
        stat(
            "Over a bounce limit",
            "Campaigns that sent in the last day and whose share of bounced emails is above the lowest limit of their "
            "configuration. Campaigns with fewer than min_emails_sent are not judged. Not 0: open the campaign from "
            f"the table below, and pause it if it goes on. What to do: {runbook('LeadterraCampaignBounceRatioHigh')}",
            how_many(f"{figures.bounce_limit_used(_SCOPE)} > 1 and {_STILL_SENDS}", among=_ALL),
            "none",
            steps=NONE_IS_FINE,
        )
    )
    made = made.with_panel(
        stat(
            "Over a queue limit",
            "Campaigns with more emails queued than their lowest limit. A campaign without a limit is not counted. "
            "Right after a start a long queue is normal. "
            f"What to do: {runbook('LeadterraCampaignQueueBacklog')}",
            how_many(f"{figures.queue_limit_used(_SCOPE)} > 1", among=_ALL),
            "none",
            steps=((None, FINE), (1, WARNING)),
        )
    )
    made = made.with_panel(
        stat(
            "Stalled queues",
            "Campaigns that had emails queued for a whole day and sent none in it: paused on purpose, or stuck. "
            f"What to do: {runbook('LeadterraCampaignQueueStalled')}",
            how_many(figures.stalled(_SCOPE), among=_ALL),
            "none",
            steps=((None, FINE), (1, WARNING)),
        )
    )
    made = made.with_panel(
        stat(
            "Figures not current",
            "Campaigns whose last good poll is older than stale_after, or that never had one. Their other panels and "
            "alerts say nothing. The last row of this dashboard tells why. "
            f"What to do: {runbook('LeadterraCampaignStatsStale')}",
            how_many(figures.not_current(_SCOPE), among=_ALL),
            "none",
            steps=NONE_IS_FINE,
        )
    )
    made = made.with_panel(
        stat(
            "Bounce ratio of all",
            "Bounced per sent email of all campaigns together, in the time range. One bad campaign hides among many "
            "good ones: look at the table too.",
            f"sum({_TOTAL_BOUNCED}) / (sum({_TOTAL_SENT}) > 0)",
            "percentunit",
            decimals=2,
            none="nothing sent",
        )
    )
    made = made.with_panel(
        firing(
            "Alerts that fire or are about to, the gravest first, with the time since when. Each links to its runbook. "
            "Empty is good, as long as Prometheus has the rules: see docs/alerts.md."
        )
    )
    return made.with_panel(
        lines(
            "Bounce limit used, the ten highest",
            "Bounce ratio since the campaign began, as a share of its lowest limit: at 100 % it is at the limit, "
            "however different the limits are. Where a line crosses 100 % is when it began. Rising: find out what was "
            "enrolled last, and pause the campaign before it gets there.",
            [Query(worst_campaigns(10, _SCOPE, figures.bounce_limit_used), _NAME)],
            "percentunit",
            size=(16, 9),
            steps=OF_LIMIT,
            top=1.2,
        ).max_data_points(_COARSE)
    )


def _which(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Which campaign?"))
    return made.with_panel(
        rows(
            "Campaigns",
            "A row for each campaign, the nearest to its bounce limit first; its name opens it. Limits are those of "
            "the exporter's configuration, the lowest of each kind: 100 % is at the limit, empty is no limit, or not "
            "enough sent to judge. Drain time is the queue at the last day's rate. Replies are leads per delivered "
            "email, rounded by the API.",
            (
                Column("Workspace", label="workspace", width=130),
                Column("Campaign", label="campaign", link=_OPEN),
                Column("Id", label="campaign_id", width=130),
                Column("Poll", _ALL, "none", words={1: ("ok", FINE), 0: ("failing", CRITICAL)}, width=80),
                Column("Bounce ratio", figures.bounce_ratio(_SCOPE), "percentunit", decimals=2),
                Column(
                    "Bounce limit used", figures.bounce_limit_used(_SCOPE), "percentunit", steps=OF_LIMIT, decimals=0
                ),
                Column("Sent", _SCOPE.of(figures.SENT)),
                Column("Sent in 24 h", f"round(clamp_min({figures.sent_in_a_day(_SCOPE)}, 0))"),
                Column("Queued", _SCOPE.of(figures.QUEUED)),
                Column("Queue limit used", figures.queue_limit_used(_SCOPE), "percentunit", steps=OF_LIMIT, decimals=0),
                Column("Drain time", figures.drain_time(_SCOPE), "s", decimals=0),
                Column("Reply ratio", _SCOPE.of("leadterra_campaign_reply_ratio"), "percentunit", decimals=1),
                Column("Last reading", figures.age(_SCOPE), "s", decimals=0),
            ),
            sort="Bounce limit used",
        )
    )


def _going_out(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Is mail going out?"))
    made = made.with_panel(
        bars(
            "Emails sent per hour",
            "Emails sent in the hour before, by all campaigns. Nights and weekends are low. A drop to 0 in working "
            "hours: see stalled queues above, then the sender pools in Leadterra.",
            [Query(f"sum(clamp_min({_SCOPE.change(figures.SENT, '1h', '15m')}, 0))", "emails sent")],
            size=(8, 8),
        )
    )
    made = made.with_panel(
        lines(
            "Longest queues",
            "Emails waiting, in the ten campaigns with the most. A queue that falls needs nothing. One that rises day "
            "by day gets more leads than its sender pool can send to; a level one is paused or stuck.",
            [Query(worst_campaigns(10, _SCOPE, lambda scope: scope.of(figures.QUEUED)), _NAME)],
            "short",
            size=(8, 8),
        ).max_data_points(_COARSE)
    )
    made = made.with_panel(
        stat(
            "Emails sent",
            "Emails sent in the time range, follow-ups among them. A correction of a total downwards counts as 0.",
            f"round(sum({_TOTAL_SENT}))",
            "short",
            size=(4, 8),
        )
    )
    return made.with_panel(
        stat(
            "Leads that replied",
            "Leads that replied for the first time in the time range. They are people, not emails: don't divide one "
            "by the other. Sinking while sending goes on: see the reply ratios in the table.",
            f"round(sum({_TOTAL_REPLIED}))",
            "short",
            size=(4, 8),
        )
    )


def _trust(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Can the figures be trusted?"))
    made = made.with_panel(
        lines(
            "Failing campaigns by reason",
            "Campaigns whose last poll failed, by reason. One campaign failing now and then is normal. All of a "
            "workspace with authentication_failed: its key was revoked. campaign_not_found: take it out of the "
            "configuration.",
            [Query(f"count by (reason) (max by ({IDENTITY}, reason) ({_SCOPE.select(_ERROR)}))", "{{reason}}")],
            "none",
            size=(8, 8),
        )
    )
    made = made.with_panel(
        lines(
            "Oldest readings",
            "Time since the last good poll, of the ten campaigns where it is longest. After stale_after (5 minutes by "
            "default) a campaign's figures are no longer shown. All old at once: the exporter or the API is the cause.",
            [Query(worst_campaigns(10, _SCOPE, figures.age), _NAME)],
            "s",
            size=(8, 8),
        ).max_data_points(_COARSE)
    )
    return made.with_panel(
        rows(
            "Failing now",
            "Campaigns whose last poll failed, and why. docs/metrics.md explains each reason; the runbook says what "
            "to do.",
            (
                Column("Workspace", label="workspace"),
                Column("Campaign", label="campaign", link=_OPEN),
                Column("Reason", label="reason", link=("Runbook", runbook("LeadterraCampaignStatsStale"))),
            ),
            size=(8, 8),
            expr=f"max by (workspace, campaign, reason) ({_SCOPE.select(_ERROR)})",
            none="no poll fails",
        )
    )
