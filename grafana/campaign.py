"""Leadterra / Campaign: what one campaign does, how near it is to its limits, and since when."""

from grafana_foundation_sdk.builders import dashboard

from grafana import figures
from grafana.board import CAMPAIGN, alerts_as_annotations, board, filters, runbook, variable
from grafana.colours import CRITICAL, FINE, NEUTRAL, WARNING
from grafana.panels import OF_LIMIT, Query, bars, firing, gauges, lines, stat, states
from grafana.promql import IDENTITY, Scope

_SCOPE = Scope(('workspace="$workspace"', 'campaign="$campaign"'))
_ONE = 'workspace="$workspace", campaign="$campaign"'
_SENDING = f"({_SCOPE.change(figures.SENT, '1h', '5m')} > bool 0)"
_WAITING = f"({_SCOPE.of(figures.QUEUED)} > bool 0)"
_STATE = f"{_SENDING} + 2 * {_WAITING} * (1 - {_SENDING})"
_STATES = {0: ("idle, nothing queued", NEUTRAL), 1: ("sending", FINE), 2: ("queued, not sending", WARNING)}
_REPLIES = "leadterra_campaign_reply_ratio"
_OPENS = "leadterra_campaign_open_ratio"


def _limits(metric: str) -> Query:
    return Query(f"max by (severity) ({_SCOPE.select(metric)})", "limit: {{severity}}")


def campaign() -> dashboard.Dashboard:
    """Build the dashboard."""
    made = board(
        CAMPAIGN,
        "Leadterra / Campaign",
        "One campaign: its funnel, its bounces and its queue against their limits, and what it has sent.",
        "now-7d",
        metric=figures.UP,
        hidden=True,
    )
    targets = ('job=~"$job"', 'instance=~"$instance"')
    made = made.with_variable(variable("workspace", "Workspace", figures.UP, *targets, one=True))
    chosen = (*targets, 'workspace="$workspace"')
    made = made.with_variable(variable("campaign", "Campaign", figures.UP, *chosen, one=True))
    made = made.with_variable(filters())
    alerts = f'ALERTS{{alertname=~"Leadterra.+", alertstate="firing", {_ONE}}}'
    made = made.annotation(alerts_as_annotations(alerts, "{{severity}} for {{campaign}}"))
    for part in (_now, _against_limits, _bounces, _queue, _answers, _trust):
        made = part(made)
    return made


def _now(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("$campaign"))
    made = made.with_panel(
        stat(
            "State",
            "Whether emails were sent in the last hour. The API does not tell whether a campaign is paused: queued and "
            "not sending is a pause, a night, or a fault, and after a day of it the alert comes. "
            f"What to do: {runbook('LeadterraCampaignQueueStalled')}",
            _STATE,
            "none",
            words=_STATES,
        )
    )
    made = made.with_panel(
        stat(
            "Bounce ratio",
            "Bounced per sent email since the campaign began, hard and soft bounces together. The next panel says what "
            "that is against the limit.",
            figures.bounce_ratio(_SCOPE),
            "percentunit",
            decimals=2,
            none="nothing sent",
        )
    )
    made = made.with_panel(
        stat(
            "Bounce limit used",
            "Bounce ratio as a share of the campaign's lowest limit; 100 % is at the limit. No value: no limit is "
            "configured, or fewer than min_emails_sent were sent. Above 100 %: pause the campaign and clean its list. "
            f"What to do: {runbook('LeadterraCampaignBounceRatioHigh')}",
            figures.bounce_limit_used(_SCOPE),
            "percentunit",
            steps=OF_LIMIT,
            decimals=0,
            none="not judged",
        )
    )
    made = made.with_panel(
        stat(
            "Queued",
            "Emails waiting to be sent, those of a paused campaign among them. Starting a campaign queues its whole "
            "first step at once.",
            _SCOPE.of(figures.QUEUED),
            "short",
        )
    )
    made = made.with_panel(
        stat(
            "Queue drains in",
            "The queue divided by what was sent in the last 24 hours. A campaign younger than a day looks slower than "
            "it is; the alert waits for two days of sending. Longer than you can wait: enrol fewer leads or add "
            f"senders. What to do: {runbook('LeadterraCampaignQueueDrainSlow')}",
            figures.drain_time(_SCOPE),
            "s",
            decimals=1,
            none="nothing sent",
        )
    )
    return made.with_panel(
        stat(
            "Last reading",
            "Time since the last good poll. It should be below the poll interval; after stale_after the figures are no "
            f"longer shown. What to do: {runbook('LeadterraCampaignStatsStale')}",
            figures.age(_SCOPE),
            "s",
            none="never",
        )
    )


def _against_limits(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_panel(
        firing(
            "This campaign's alerts that fire or are about to, with the time since when. Each links to its runbook.",
            f"{{{_ONE}}}",
            size=(6, 8),
        )
    )
    six_hours = figures.bounce_ratio_in(_SCOPE, "6h", "5m")
    lowest = f"({_SCOPE.of(figures.BOUNCE_LIMIT, 'min')} > 0)"
    made = made.with_panel(
        gauges(
            "Limits used",
            "Each figure as a share of its lowest limit in the exporter's configuration; 100 % is at the limit. A bar "
            "is missing where there is no limit or too little to judge. The first to reach 100 % is what to look at.",
            [
                Query(figures.bounce_limit_used(_SCOPE), "bounces, since the beginning"),
                Query(f"{six_hours} / {lowest}", "bounces, last 6 h"),
                Query(figures.queue_limit_used(_SCOPE), "queue"),
                Query(figures.drain_limit_used(_SCOPE), "drain time"),
            ],
            "percentunit",
            steps=OF_LIMIT,
            top=1.5,
            none="no limit applies",
        )
    )
    made = made.with_panel(
        gauges(
            "Funnel of emails",
            "What became of the emails since the campaign began, follow-ups among them. Delivered means that the "
            "receiving server took it, not that it is in the inbox. Many unconfirmed: servers put the mail off; send "
            f"more slowly. What to do: {runbook('LeadterraCampaignDeliveryUnconfirmed')}",
            [
                Query(_SCOPE.of(figures.SENT), "sent"),
                Query(_SCOPE.of(figures.DELIVERED), "delivered"),
                Query(_SCOPE.of(figures.BOUNCED), "bounced"),
                Query(f"clamp_min({figures.unconfirmed(_SCOPE)}, 0)", "unconfirmed"),
            ],
            "short",
        )
    )
    return made.with_panel(
        gauges(
            "Funnel of leads",
            "Leads are people. Each gets several emails, so this is not to be compared with the emails beside it. "
            "Few replies from many leads: look at the list and the text before enrolling more.",
            [
                Query(_SCOPE.of(figures.ENROLLED), "enrolled"),
                Query(_SCOPE.of(figures.REPLIED), "replied"),
            ],
            "short",
        )
    )


def _bounces(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Bounces"))
    made = made.with_panel(
        lines(
            "Bounce ratio against its limits",
            "Bounced per sent email over three windows; the dashed lines are the configured limits. The whole life "
            "says what the campaign has cost, six hours and one hour say whether it goes on. The short windows need 20 "
            "emails. Both short ones above the critical limit: pause now. "
            f"What to do: {runbook('LeadterraCampaignBounceSpike')}",
            [
                Query(figures.bounce_ratio(_SCOPE), "since the beginning"),
                Query(figures.bounce_ratio_in(_SCOPE, "6h", "5m"), "6 hours"),
                Query(figures.bounce_ratio_in(_SCOPE, "1h", "5m"), "1 hour"),
                _limits(figures.BOUNCE_LIMIT),
            ],
            "percentunit",
        )
    )
    made = made.with_panel(
        bars(
            "Bounced emails per hour",
            "Emails that bounced in the hour before. A block of them after an enrolment is a bad list; a steady few "
            "are normal.",
            [Query(f"clamp_min({_SCOPE.change(figures.BOUNCED, '1h', '5m')}, 0)", "bounced")],
            size=(6, 9),
            colour=CRITICAL,
        )
    )
    return made.with_panel(
        lines(
            "Unconfirmed emails",
            "Emails sent that are neither delivered nor bounced yet. Some are always under way. Above a tenth of all "
            f"sent for six hours the alert comes. What to do: {runbook('LeadterraCampaignDeliveryUnconfirmed')}",
            [Query(f"clamp_min({figures.unconfirmed(_SCOPE)}, 0)", "unconfirmed")],
            "short",
            size=(6, 9),
        )
    )


def _queue(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Queue and sending"))
    forecast = f"clamp_min(predict_linear({_SCOPE.of(figures.QUEUED)}[1d:15m], 86400), 0)"
    made = made.with_panel(
        lines(
            "Queue against its limits",
            "Emails waiting; dashed are the limits, dotted is where the queue is a day later if it goes on as in the "
            "last day. Forecast above the limit: enrol fewer leads or add senders now. Level and nothing sent: paused "
            f"or stuck. What to do: {runbook('LeadterraCampaignQueueBacklog')}",
            [
                Query(_SCOPE.of(figures.QUEUED), "queued"),
                _limits(figures.QUEUE_LIMIT),
                Query(forecast, "forecast, a day later"),
            ],
            "short",
        )
    )
    made = made.with_panel(
        lines(
            "Drain time against its limit",
            "How long the queue takes at the rate of the 24 hours before; dashed is the limit. Above it for hours: "
            "the campaign gets more leads than its senders can reach. "
            f"What to do: {runbook('LeadterraCampaignQueueDrainSlow')}",
            [Query(figures.drain_time(_SCOPE), "drain time"), _limits(figures.DRAIN_LIMIT)],
            "s",
        )
    )
    made = made.with_panel(
        bars(
            "Emails sent per hour",
            "Emails sent in the hour before. Nights and weekends are low by schedule. None in working hours with a "
            "queue: check the sender pool.",
            [Query(f"clamp_min({_SCOPE.change(figures.SENT, '1h', '5m')}, 0)", "sent")],
            size=(12, 8),
        )
    )
    return made.with_panel(
        states(
            "Sending history",
            "When emails went out. Queued and not sending at night is normal; through a working day it is a pause or a "
            "fault.",
            [Query(_STATE, "{{campaign}}")],
            _STATES,
            size=(12, 8),
        )
    )


def _answers(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Replies and opens"))
    made = made.with_panel(
        bars(
            "Leads that replied per day",
            "Leads that replied for the first time in the day before. Half of all replies come from follow-ups, so "
            "they go on after the last first email.",
            [Query(f"clamp_min({_SCOPE.change(figures.REPLIED, '1d', '15m')}, 0)", "leads")],
            size=(8, 8),
            every="1d",
        )
    )
    made = made.with_panel(
        lines(
            "Reply ratio",
            "Leads that replied per delivered email, since the beginning, as the API rounds it; dashed is the floor, "
            "if one is configured. Below the floor: check the list, the text and whether mail lands in spam. "
            f"What to do: {runbook('LeadterraCampaignReplyRatioLow')}",
            [Query(_SCOPE.of(_REPLIES), "replied"), _limits(figures.REPLY_FLOOR)],
            "percentunit",
            size=(8, 8),
        )
    )
    return made.with_panel(
        lines(
            "Open ratio: do not trust it",
            "Unique opens per delivered email, as the API computes it. It can't be trusted: Apple Mail and others load "
            "the tracking pixel of every email on delivery, and link scanners do too, so it is too high by an unknown "
            "amount; readers who block images are missing. No alert uses it. Only a sudden fall within one campaign is "
            "a hint, that mail lands in spam: then look at replies.",
            [Query(_SCOPE.of(_OPENS), "opens, inflated")],
            "percentunit",
            size=(8, 8),
        )
    )


def _trust(made: dashboard.Dashboard) -> dashboard.Dashboard:
    made = made.with_row(dashboard.Row("Can the figures be trusted?"))
    made = made.with_panel(
        states(
            "Polls",
            "Whether the last poll of the campaign succeeded. After a failed one the last good figures stay until "
            f"stale_after. What to do: {runbook('LeadterraCampaignStatsStale')}",
            [Query(_SCOPE.of(figures.UP), "{{campaign}}")],
            {1: ("succeeded", FINE), 0: ("failed", CRITICAL)},
            size=(12, 6),
        )
    )
    return made.with_panel(
        lines(
            "Age of the last reading",
            "Time since the last good poll; dashed is stale_after, from which on the figures are no longer shown. "
            f"Above it: the reason is in the metric leadterra_campaign_error. {runbook('LeadterraCampaignStatsStale')}",
            [
                Query(figures.age(_SCOPE), "age"),
                Query(f"max by ({IDENTITY}) ({_SCOPE.select(figures.STALE_AFTER)})", "limit: stale_after"),
            ],
            "s",
            size=(12, 6),
        )
    )
