"""Leadterra / Campaign: how one campaign does, how near it is to its limits, and since when."""

from grafana_foundation_sdk.builders import dashboard

from grafana import figures
from grafana.board import CAMPAIGN, alerts_as_annotations, board, campaigns, filled, filters, runbook, variable
from grafana.colours import CRITICAL, QUIET, SHADE, WARNING
from grafana.panels import OF_LIMIT, SENDING, Part, Query, bars, firing, lines, states, tiles, week_before
from grafana.promql import Scope

_ONE = "workspace=`${workspace:raw}`, campaign_id=`${campaign_id:raw}`"
_SCOPE = Scope(tuple(_ONE.split(", ")), by="")
_OF_ALERTS = '{workspace="${workspace:raw}", campaign_id="${campaign_id:raw}"}'
_OPENS = "leadterra_campaign_open_ratio"
_STALLED = f"{figures.idle(_SCOPE)} / ({_SCOPE.of(figures.STALLED_LIMIT, 'min')} > 0)"
_WORST = figures.worst_limit(_SCOPE, 0, stalled=_STALLED, unconfirmed=figures.unconfirmed_of_limit(_SCOPE))
_STATE_STEPS = ((None, QUIET), (1, WARNING), (2, CRITICAL))


def _limits(metric: str, name: str = "limit") -> Query:
    return Query(_SCOPE.of(metric, "max", "severity"), f"{name}: {{{{severity}}}}")


def _state() -> str:
    """Write one series whose label `state` says what the campaign does, and whose value how bad that is."""
    total, waiting = _SCOPE.of(figures.SENT), f"({_SCOPE.of(figures.QUEUED)} > 0) * 0"
    hour = _SCOPE.gained(figures.SENT, "1h")
    sent = f"({hour} or {total} - min_over_time({total}[1h:5m])) > 0"  # the second in the first hour
    due = f"min_over_time({_SCOPE.of(figures.EXPECTED)}[1h:5m])"
    states = {
        "sending": f"({sent}) * 0",
        "nothing queued": f"({_SCOPE.of(figures.QUEUED)} == 0) * 0 unless {sent}",
        "waits for its sending time": f"{waiting} and {hour} <= 0 and {due} == 0",
        "queued, but not sending": f"{waiting} + 1 and {hour} <= 0 and {due} == 1",
        "queued, too early to tell": f"{waiting} unless ({hour} or {sent})",
    }
    named = " or ".join(f'label_replace({expr}, "state", "{name}", "", "")' for name, expr in states.items())
    failing = _SCOPE.of(figures.ERROR, "max", "reason")
    why = f'label_replace({failing} + 1, "state", "not read: $1", "reason", "(.+)")'
    nothing = 'label_replace(vector(0), "state", "not read yet", "", "")'
    return f"{why} or ({named} unless on () {failing}) or on () {nothing}"


def campaign() -> dashboard.Dashboard:
    """Build the dashboard."""
    made = board(
        CAMPAIGN,
        "Leadterra / Campaign",
        "One campaign: what it does, how near it is to its limits, and what came of it.",
        "now-7d",
        metric=figures.UP,
        hidden=True,
    )
    targets = ('job=~"$job"', 'instance=~"$instance"')
    made = made.with_variable(variable("workspace", "Workspace", figures.UP, *targets, one=True))
    made = made.with_variable(campaigns(*targets, "workspace=`${workspace:raw}`"))
    made = made.with_variable(filters())
    alerts = f'ALERTS{{alertname=~"Leadterra.+", alertstate="firing", {_ONE}}}'
    made = made.annotation(alerts_as_annotations(alerts, "{{severity}} for {{campaign}}"))
    return filled(made, _now(), _bounces(), _sending(), _results(), _trust())


def _now() -> Part:
    yield tiles(
        "State",
        "What it does now. Not read: its figures are those of the last good poll, and after stale_after there are "
        "none. The API does not say whether a campaign is paused: with mail queued and none sent for an hour of "
        f"sending time it is paused, or stuck. What to do: {runbook('LeadterraCampaignStatsStale')} "
        f"{runbook('LeadterraCampaignQueueStalled')}",
        [Query(_state(), "{{state}}", steps=_STATE_STEPS)],
        size=(12, 4),
        names_only=True,
    )
    yield tiles(
        "Worst limit",
        "The figure that is highest as a share of its lowest limit in the exporter's configuration, judged as "
        "alerts do: 100 % is at the limit. Bounces count with what surely bounced, so few emails prove nothing. "
        f"What to do: {runbook('README')}",
        [Query(_WORST, "{{limit}}", steps=OF_LIMIT)],
        unit="percentunit",
        size=(12, 4),
        none="nothing to judge",
    ).decimals(0)
    emails = f"round(clamp_min(delta({_SCOPE.of(figures.SENT)}[$__range:5m]), 0))"
    yield tiles(
        "Emails",
        "Sent: in the time range. The others are since the campaign began: bounced per sent email, and sent emails "
        "that are neither delivered nor bounced yet. Queued: waiting to be sent, a paused campaign's among them; "
        "days to drain: how long that takes at the average of the last seven days. Many unconfirmed: receiving servers "
        f"put mail off. What to do: {runbook('LeadterraCampaignDeliveryUnconfirmed')}",
        [
            Query(emails, "sent in range"),
            Query(figures.bounce_ratio(_SCOPE), "bounced", "percentunit", 1),
            Query(figures.unconfirmed(_SCOPE), "unconfirmed"),
            Query(_SCOPE.of(figures.QUEUED), "queued"),
            Query(f"{figures.drain_time(_SCOPE)} / 86400", "days to drain", "none", 1),
            Query(figures.age(_SCOPE), "last read", "s", 0),
        ],
        size=(16, 5),
    )
    yield firing(
        "This campaign's alerts that fire or are about to, with the time since when. Each links to its runbook.",
        _OF_ALERTS,
        size=(8, 5),
    )


def _shares(bounced: str, sent: str) -> list[Query]:
    some = f"({sent} >= 20)"
    return [
        Query(f"{bounced} / {some}", "bounced"),
        Query(figures.interval(bounced, some), "surely at least"),
        Query(figures.interval(bounced, some, "+"), "surely at most"),
    ]


def _bounces() -> Part:
    yield dashboard.Row("Is it bouncing?")
    about = (
        "The band is what the share surely is, with 95 % certainty: wide while few emails were sent. "
        "When its lower edge is above a dashed limit, with min_emails_bounced bounced, the alert comes. "
    )
    yield lines(
        "Bounced, since the campaign began",
        f"Bounced per sent email over the campaign's life. {about}Pause it and clean its list. "
        f"What to do: {runbook('LeadterraCampaignBounceRatioHigh')}",
        [*_shares(_SCOPE.of(figures.BOUNCED), _SCOPE.of(figures.SENT)), _limits(figures.BOUNCE_LIMIT)],
        "percentunit",
    )
    spike = Query(_SCOPE.of(figures.BOUNCE_LIMIT, severity=figures.CRITICAL), "limit: critical")
    yield lines(
        "Bounced, in the last six hours",
        f"Bounced per sent email of the six hours before, from 20 sent on. {about}A bad batch, or a provider that "
        f"blocks: pause it now. What to do: {runbook('LeadterraCampaignBounceSpike')}",
        [
            *_shares(f"clamp_min({_SCOPE.gained(figures.BOUNCED, '6h')}, 0)", _SCOPE.gained(figures.SENT, "6h")),
            spike,
        ],
        "percentunit",
        none="no data, or fewer than 20 sent in any six hours",
    )


def _sending() -> Part:
    yield dashboard.Row("Is it sending?")
    sent = f"clamp_min({_SCOPE.gained(figures.SENT, '$__interval')}, 0)"
    yield bars(
        "Emails sent",
        "Emails sent, in an hour or, over long time ranges, in the time that a bar stands for. The line is a week "
        "before, the shade is sending time. No bars in the shade, and a queue: check the sender pool. "
        f"What to do: {runbook('LeadterraCampaignQueueStalled')}",
        [
            Query(sent, "sent"),
            week_before(sent),
            Query(_SCOPE.of(figures.EXPECTED), SENDING),
        ],
    )
    most = f"{figures.sent_a_day(_SCOPE)} * ignoring (severity) group_right () "
    yield lines(
        "Queue against its limits",
        "Emails waiting. Dashed are the limit of queued emails, and what can be sent within the limit of drain "
        "time at the average of the last seven days. Above the second: enrol fewer leads or add senders. Level, "
        f"with mail due: paused or stuck. What to do: {runbook('LeadterraCampaignQueueBacklog')} "
        f"{runbook('LeadterraCampaignQueueDrainSlow')}",
        [
            Query(_SCOPE.of(figures.QUEUED), "queued"),
            _limits(figures.QUEUE_LIMIT),
            Query(
                f"{most}{_SCOPE.of(figures.DRAIN_LIMIT, 'max', 'severity')} / 86400",
                "limit of drain time: {{severity}}",
            ),
        ],
        "locale",
    )


def _results() -> Part:
    yield dashboard.Row("What came of it?")
    yield tiles(
        "Leads",
        "Leads are people. Each gets several emails, so don't compare them with emails. Opens can't be trusted: "
        "Apple Mail and others load the tracking pixel of every email, link scanners do too, and readers who block "
        "images are missing. No alert uses them; only a sudden fall is a hint that mail lands in spam.",
        [
            Query(_SCOPE.of(figures.ENROLLED), "enrolled"),
            Query(_SCOPE.of(figures.REPLIED), "replied"),
            Query(_SCOPE.of(_OPENS), "opens, inflated", "percentunit", 0),
        ],
        size=(6, 8),
        stacked=True,
        none="not read",
    )
    replied = f"clamp_min({_SCOPE.gained(figures.REPLIED, '$__interval')}, 0)"
    yield bars(
        "Leads that replied",
        "Leads that replied for the first time, in a day or, over long time ranges, in the time that a bar stands "
        "for; the line is a week before. Half of all replies come from follow-ups, so they go on after the last "
        "first email.",
        [Query(replied, "replied"), week_before(replied)],
        size=(9, 8),
        every="1d",
    )
    yield lines(
        "Reply ratio",
        "Leads that replied per delivered email since the campaign began, from the totals: the API rounds its own "
        "ratio. Dashed is the floor, if one is configured, which holds from 200 delivered emails on. Below it: check "
        f"the list, the text, and whether mail lands in spam. What to do: {runbook('LeadterraCampaignReplyRatioLow')}",
        [Query(figures.reply_ratio(_SCOPE), "replied"), _limits(figures.REPLY_FLOOR, "floor")],
        "percentunit",
        size=(9, 8),
        none="no data, or nothing delivered yet",
    )


def _trust() -> Part:
    yield dashboard.Row("Can the figures be trusted?")
    failed = _SCOPE.of(figures.ERROR, "max", "reason")
    yield states(
        "Polls",
        "When polls succeeded, and for which reason they failed. After a failed one the last good figures stay "
        f"until stale_after. What to do: {runbook('LeadterraCampaignStatsStale')}",
        [Query(_SCOPE.of(figures.UP), "polls"), Query(f"{failed} * 0", "{{reason}}")],
        {0: ("failed", CRITICAL), 1: ("succeeded", SHADE)},
        size=(24, 5),
    )
