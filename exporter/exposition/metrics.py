"""The metric table: each campaign metric is one row, and HELP, documentation and golden pages follow from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from exporter.config import Threshold, Thresholds
from exporter.stats import Stats
from exporter.store import State

Sample: TypeAlias = tuple[str, int | float]
"""The value of a metric's own label, "" where it has none, and the value."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Describe a gauge that every campaign has.

    `follows` says what changes it: a reading, the end of any poll, or the configuration. `label` is the label that it
    has beside those that all campaign metrics share.
    """

    name: str
    help: str
    unit: str
    follows: Literal["reading", "poll", "configuration"]
    samples: Callable[[State], tuple[Sample, ...]]
    label: str | None = None
    field: str | None = None


_POLLED = "as of the last successful poll"
_CORRECTABLE = f"{_POLLED}; a lifetime total that the API may correct downwards"


def _reading(name: str, unit: str, field: str, text: str, value: Callable[[Stats], float | None]) -> Metric:
    def samples(state: State) -> tuple[Sample, ...]:
        figure = None if state.stats is None else value(state.stats)
        return () if figure is None else (("", figure),)

    return Metric(name, f"{text} (API field {field})", unit, "reading", samples, field=field)


def _threshold(name: str, unit: str, key: str, text: str, limits: Callable[[Thresholds], Threshold]) -> Metric:
    def samples(state: State) -> tuple[Sample, ...]:
        return tuple(limits(state.campaign.thresholds))

    help_text = f"{text}, by severity; from thresholds.{key} in the configuration, no series where there is none."
    return Metric(name, help_text, unit, "configuration", samples, label="severity")


def _up(state: State) -> tuple[Sample, ...]:
    return () if state.up is None else (("", int(state.up)),)


def _last_success(state: State) -> tuple[Sample, ...]:
    return () if state.last_success is None else (("", round(state.last_success, 3)),)


def _error(state: State) -> tuple[Sample, ...]:
    return () if state.error is None else ((state.error.reason, 1),)


def _stale_after(state: State) -> tuple[Sample, ...]:
    return (("", state.campaign.poll.stale_after),)


def _min_emails_sent(state: State) -> tuple[Sample, ...]:
    return (("", state.campaign.thresholds.min_emails_sent),)


METRICS: tuple[Metric, ...] = (
    _reading(
        "leadterra_campaign_leads_enrolled",
        "leads",
        "totalEnrolled",
        f"Leads enrolled in the campaign, whatever became of them, {_CORRECTABLE}",
        lambda stats: stats.total_enrolled,
    ),
    _reading(
        "leadterra_campaign_emails_sent",
        "emails",
        "sent",
        f"Emails submitted for delivery, whatever became of them, {_CORRECTABLE}",
        lambda stats: stats.sent,
    ),
    _reading(
        "leadterra_campaign_emails_delivered",
        "emails",
        "delivered",
        f"Emails accepted by the recipient's mail server, which need not be the inbox, {_CORRECTABLE}",
        lambda stats: stats.delivered,
    ),
    _reading(
        "leadterra_campaign_emails_bounced",
        "emails",
        "bounced",
        f"Emails that bounced, hard and soft together, {_CORRECTABLE}",
        lambda stats: stats.bounced,
    ),
    _reading(
        "leadterra_campaign_leads_replied",
        "leads",
        "replied",
        f"Leads that replied at least once, {_CORRECTABLE}",
        lambda stats: stats.replied,
    ),
    _reading(
        "leadterra_campaign_emails_queued",
        "emails",
        "queued",
        f"Emails waiting to be sent, held ones of a paused campaign among them, {_POLLED}; rises and falls",
        lambda stats: stats.queued,
    ),
    _reading(
        "leadterra_campaign_open_ratio",
        "ratio, 0 to 1",
        "openRate",
        f"Unique opens per delivered email as the API computes it, {_POLLED}; inflated by mail clients that "
        "prefetch images, rises and falls",
        lambda stats: stats.open_rate,
    ),
    _reading(
        "leadterra_campaign_reply_ratio",
        "ratio, 0 to 1",
        "replyRate",
        f"Replied leads per delivered email as the API computes and rounds it, {_POLLED}; rises and falls",
        lambda stats: stats.reply_rate,
    ),
    Metric(
        "leadterra_campaign_up",
        "Whether the campaign's last poll succeeded (1) or failed (0); no series until the first poll has ended.",
        "1 or 0",
        "poll",
        _up,
    ),
    Metric(
        "leadterra_campaign_last_success_timestamp_seconds",
        "Unix time of the campaign's last successful poll; no series until there was one.",
        "seconds",
        "poll",
        _last_success,
    ),
    Metric(
        "leadterra_campaign_error",
        "1 while the campaign's last poll failed, with the reason; no series otherwise.",
        "1",
        "poll",
        _error,
        label="reason",
    ),
    Metric(
        "leadterra_campaign_stale_after_seconds",
        "Age at which the campaign's last reading is no longer shown; from poll.stale_after in the configuration.",
        "seconds",
        "configuration",
        _stale_after,
    ),
    _threshold(
        "leadterra_campaign_bounce_ratio_threshold",
        "ratio, 0 to 1",
        "bounce_ratio",
        "Limit of bounced per sent emails",
        lambda thresholds: thresholds.bounce_ratio,
    ),
    _threshold(
        "leadterra_campaign_emails_queued_threshold",
        "emails",
        "emails_queued",
        "Limit of queued emails",
        lambda thresholds: thresholds.emails_queued,
    ),
    _threshold(
        "leadterra_campaign_queue_drain_seconds_threshold",
        "seconds",
        "queue_drain",
        "Limit of the time that the queue needs to drain at the last day's sending rate",
        lambda thresholds: thresholds.queue_drain,
    ),
    _threshold(
        "leadterra_campaign_reply_ratio_threshold",
        "ratio, 0 to 1",
        "reply_ratio",
        "Floor of replied leads per delivered email",
        lambda thresholds: thresholds.reply_ratio,
    ),
    Metric(
        "leadterra_campaign_min_emails_sent_threshold",
        "Emails that must have been sent before ratios are judged; from thresholds.min_emails_sent in the "
        "configuration.",
        "emails",
        "configuration",
        _min_emails_sent,
    ),
)
