"""The figures that decisions rest on, each written once for all dashboards: what the alerts judge, and how."""

from grafana.promql import Scope

BOUNCED = "leadterra_campaign_emails_bounced"
DELIVERED = "leadterra_campaign_emails_delivered"
ENROLLED = "leadterra_campaign_leads_enrolled"
ERROR = "leadterra_campaign_error"
EXPECTED = "leadterra_campaign_sending_expected"
LAST_SUCCESS = "leadterra_campaign_last_success_timestamp_seconds"
QUEUED = "leadterra_campaign_emails_queued"
REPLIED = "leadterra_campaign_leads_replied"
SENT = "leadterra_campaign_emails_sent"
STALE_AFTER = "leadterra_campaign_stale_after_seconds"
UP = "leadterra_campaign_up"

BOUNCE_LIMIT = "leadterra_campaign_bounce_ratio_threshold"
DRAIN_LIMIT = "leadterra_campaign_queue_drain_seconds_threshold"
MIN_BOUNCED = "leadterra_campaign_min_emails_bounced_threshold"
QUEUE_LIMIT = "leadterra_campaign_emails_queued_threshold"
REPLY_FLOOR = "leadterra_campaign_reply_ratio_threshold"
STALLED_LIMIT = "leadterra_campaign_queue_stalled_seconds_threshold"

CRITICAL = '="critical"'
MOST = 9.99
"""Shares of limits end here: a table that shows 14,000 % says no more than one that shows 999 %."""


def interval(bounced: str, sent: str, sign: str = "-", *, enough: str = "") -> str:
    """Write an end of the one-sided 95 % Wilson interval of bounced per sent emails: the lower, or with "+" the upper.

    A share is surely above a limit when the lower end is above it. `enough` is how many must have bounced.
    """
    some = f"({bounced} >= {enough})" if enough else bounced
    return f"({some} + 1.353 {sign} 1.645 * sqrt({bounced} - {bounced} ^ 2 / {sent} + 0.6765)) / ({sent} + 2.706)"


def bounce_ratio(scope: Scope) -> str:
    """Divide bounced by sent since the campaign began."""
    return f"{scope.of(BOUNCED)} / ({scope.of(SENT)} > 0)"


def reply_ratio(scope: Scope) -> str:
    """Divide leads that replied by delivered emails, as the API does, but without its rounding."""
    return f"{scope.of(REPLIED)} / ({scope.of(DELIVERED)} > 0)"


def bounces_of_limit(scope: Scope) -> str:
    """Divide what surely bounced by the lowest limit, where something was sent within three days."""
    surely = interval(scope.of(BOUNCED), scope.of(SENT), enough=scope.of(MIN_BOUNCED))
    stopped = f"{scope.of(SENT)} <= {scope.of(SENT, ago='3d')}"
    return f"({surely} / {scope.of(BOUNCE_LIMIT, 'min')} unless {stopped})"


def spike_of_limit(scope: Scope) -> str:
    """Divide what surely bounced in six hours by the critical limit."""
    surely = interval(scope.gained(BOUNCED, "6h"), scope.gained(SENT, "6h"), enough=scope.of(MIN_BOUNCED))
    return f"{surely} / {scope.of(BOUNCE_LIMIT, severity=CRITICAL)}"


def queue_of_limit(scope: Scope) -> str:
    """Divide the queue by its lowest limit."""
    return f"{scope.of(QUEUED)} / ({scope.of(QUEUE_LIMIT, 'min')} > 0)"


def sent_a_day(scope: Scope) -> str:
    """Average what was sent a day over the last seven days, or over one where there are not as many."""
    return f"({scope.gained(SENT, '7d')} / 7 or {scope.gained(SENT, '1d')})"


def drain_time(scope: Scope) -> str:
    """Estimate the seconds until the queue is empty."""
    return f"{scope.of(QUEUED)} / ({sent_a_day(scope)} > 0) * 86400"


def drain_of_limit(scope: Scope) -> str:
    """Divide the time until the queue is empty by its lowest limit."""
    return f"{drain_time(scope)} / ({scope.of(DRAIN_LIMIT, 'min')} > 0)"


def resting(scope: Scope) -> str:
    """Write 1 for a queue of which nothing was sent for three days, which is longer than any weekend."""
    return f"(({scope.of(QUEUED)} > bool 0) and {scope.gained(SENT, '3d')} <= 0)"


def idle(scope: Scope) -> str:
    """Count the seconds of sending time since the last email, with mail queued, of the last ten days.

    That looks at 240 hours of each campaign: too dear for all of them.
    """
    waiting = f"({scope.of(QUEUED)} > bool 0) * ({scope.of(SENT)} == bool {scope.ending().of(SENT)})"
    return f"sum_over_time(({scope.of(EXPECTED)} * {waiting})[10d:1h]) * 3600"


def unconfirmed(scope: Scope) -> str:
    """Count emails that are neither delivered nor bounced."""
    return f"clamp_min({scope.of(SENT)} - {scope.of(DELIVERED)} - {scope.of(BOUNCED)}, 0)"


def unconfirmed_of_limit(scope: Scope) -> str:
    """Divide the unconfirmed emails, 50 at least, by a tenth of what was sent in three days."""
    return f"({unconfirmed(scope)} >= 50) / (0.1 * ({scope.gained(SENT, '3d')} > 0))"


def floor_of_replies(scope: Scope) -> str:
    """Divide the floor by the reply ratio, after 200 delivered emails: above 1 is below the floor."""
    ratio = f"{scope.of(REPLIED)} / ({scope.of(DELIVERED)} >= 200)"
    return f"{scope.of(REPLY_FLOOR)} / clamp_min({ratio}, 0.001)"


def age(scope: Scope) -> str:
    """Count the seconds since the last good poll."""
    return f"time() - {scope.of(LAST_SUCCESS)}"


def not_read(scope: Scope) -> str:
    """Divide the age of the figures by stale_after where the last poll failed, which a label says why."""
    failing, read = scope.of(ERROR, "max", "reason"), scope.of(LAST_SUCCESS)
    share = f"(time() - {read}) / {scope.of(STALE_AFTER)} * ignoring (reason) group_right () {failing}"
    never = f"{MOST} * {failing} unless ignoring (reason) {read}"
    return f'label_replace({share} or {never}, "limit", "not read: $1", "reason", "(.+)")'


def worst_limit(scope: Scope, least: float, **more: str) -> str:
    """Write for each campaign the figure that is highest as a share of its limit; the label `limit` says which it is.

    Each of `more` is such a share, too. Below `least` there is none: for thousands of campaigns that halves the cost.
    """
    shares = {
        "bounces": bounces_of_limit(scope),
        "bounces, 6 h": spike_of_limit(scope),
        "queue": queue_of_limit(scope),
        "drain time": drain_of_limit(scope),
        "replies": floor_of_replies(scope),
        **more,
    }
    named = (f'label_replace({share} > {least}, "limit", "{name}", "", "")' for name, share in shares.items())
    one = f"topk by ({scope.by}) (1, {' or '.join((*named, not_read(scope)))})"
    return f"clamp_max(max by ({scope.labels('limit')}) ({one}), {MOST})"


def not_current(scope: Scope) -> str:
    """Find campaigns whose figures are older than stale_after, or that never had any."""
    return f"{age(scope)} > {scope.of(STALE_AFTER)} or {scope.of(UP)} == 0 unless {scope.of(LAST_SUCCESS)}"
