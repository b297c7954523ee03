"""The figures that decisions rest on, each written once for all dashboards."""

from grafana.promql import IDENTITY, Scope

BOUNCED = "leadterra_campaign_emails_bounced"
DELIVERED = "leadterra_campaign_emails_delivered"
ENROLLED = "leadterra_campaign_leads_enrolled"
LAST_SUCCESS = "leadterra_campaign_last_success_timestamp_seconds"
QUEUED = "leadterra_campaign_emails_queued"
REPLIED = "leadterra_campaign_leads_replied"
SENT = "leadterra_campaign_emails_sent"
STALE_AFTER = "leadterra_campaign_stale_after_seconds"
UP = "leadterra_campaign_up"

BOUNCE_LIMIT = "leadterra_campaign_bounce_ratio_threshold"
DRAIN_LIMIT = "leadterra_campaign_queue_drain_seconds_threshold"
MIN_SENT = "leadterra_campaign_min_emails_sent_threshold"
QUEUE_LIMIT = "leadterra_campaign_emails_queued_threshold"
REPLY_FLOOR = "leadterra_campaign_reply_ratio_threshold"


def bounce_ratio(scope: Scope) -> str:
    """Divide bounced by sent since the campaign began."""
    return f"{scope.of(BOUNCED)} / ({scope.of(SENT)} > 0)"


def bounce_ratio_in(scope: Scope, window: str, step: str) -> str:
    """Divide bounced by sent in a window, where at least 20 were sent: the guard of LeadterraCampaignBounceSpike."""
    return f"clamp_min({scope.change(BOUNCED, window, step)}, 0) / ({scope.change(SENT, window, step)} >= 20)"


def bounce_limit_used(scope: Scope) -> str:
    """Divide the bounce ratio by its lowest limit, where enough was sent to judge: 1 is at the limit."""
    enough = f"{scope.of(SENT)} > 0 >= {scope.of(MIN_SENT)}"
    return f"{scope.of(BOUNCED)} / ({enough}) / {scope.of(BOUNCE_LIMIT, 'min')}"


def queue_limit_used(scope: Scope) -> str:
    """Divide the queue by its lowest limit: 1 is at the limit."""
    return f"{scope.of(QUEUED)} / ({scope.of(QUEUE_LIMIT, 'min')} > 0)"


def sent_in_a_day(scope: Scope) -> str:
    """Count emails sent in the last 24 hours."""
    return scope.change(SENT, "1d", "30m")


def drain_time(scope: Scope) -> str:
    """Estimate the seconds until the queue is empty at the last day's rate."""
    return f"{scope.of(QUEUED)} / ({sent_in_a_day(scope)} > 0) * 86400"


def drain_limit_used(scope: Scope) -> str:
    """Divide the drain time by its lowest limit: 1 is at the limit."""
    return f"{drain_time(scope)} / ({scope.of(DRAIN_LIMIT, 'min')} > 0)"


def stalled(scope: Scope) -> str:
    """Give the queue of those that had one all day and sent nothing in that day."""
    all_day = f"min_over_time({scope.of(QUEUED)}[1d:30m]) > 0"
    return f"{all_day} and {sent_in_a_day(scope)} == 0 and max by ({IDENTITY}) ({scope.select(SENT)} offset 1d)"


def age(scope: Scope) -> str:
    """Give the seconds since the last good poll."""
    return f"time() - {scope.of(LAST_SUCCESS)}"


def not_current(scope: Scope) -> str:
    """Find campaigns whose figures are older than stale_after, or that never had any."""
    return f"{age(scope)} > {scope.of(STALE_AFTER)} or {scope.of(UP)} == 0 unless {scope.of(LAST_SUCCESS)}"


def unconfirmed(scope: Scope) -> str:
    """Count emails that are neither delivered nor bounced."""
    return f"{scope.of(SENT)} - {scope.of(DELIVERED)} - {scope.of(BOUNCED)}"
