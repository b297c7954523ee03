"""The metric tables: each metric of what is polled is one row; HELP, documentation, JSON and golden pages follow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, TypeAlias

from exporter.api import FIELDS, Stats
from exporter.config import Campaign, SenderList, Severity
from exporter.store import State

_POLLED = "as of the last successful poll"
_TOTAL = "a lifetime total that the API may correct downwards"
_CURRENT = "rises and falls"
_RATIO = "ratio, 0 to 1"
_ATTRIBUTES = dict(zip(FIELDS, Stats._fields, strict=True))

Sample: TypeAlias = tuple[tuple[str, ...], int | float]
"""The values of a metric's own labels, and its value."""
Samples: TypeAlias = Callable[[State, float], tuple[Sample, ...]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge that every target of one kind has.

    `follows` says what changes it: a reading, the end of any poll, or the configuration and time. `samples` are those
    of a state at a Unix time. `labels` are those that it has beside the ones that all metrics of the kind share, and
    `label_values` the values of the only one where all are known. `field` is the API's.
    """

    name: str
    help: str
    unit: str
    follows: Literal["reading", "poll", "configuration"]
    samples: Samples
    labels: tuple[str, ...] = ()
    label_values: tuple[str, ...] = ()
    field: str | None = None


def _of_polls(
    prefix: str, of: str, labels: tuple[str, ...] = (), adapt: Callable[[Samples], Samples] = lambda samples: samples
) -> tuple[Metric, ...]:
    """Return the metrics of the polls of something; `adapt` puts the values of `labels` before a sample's own."""
    success = f"Unix time of the last successful poll {of}; no series until there was one."
    up = f"Whether the last poll {of} succeeded (1) or failed (0); no series until the first has ended."
    error = f"1 while the last poll {of} failed, with the reason; no series otherwise."
    return (
        Metric(f"{prefix}_up", up, "1 or 0", "poll", adapt(_up), labels),
        Metric(f"{prefix}_last_success_timestamp_seconds", success, "seconds", "poll", adapt(_last_success), labels),
        Metric(f"{prefix}_error", error, "1", "poll", adapt(_error), (*labels, "reason")),
    )


def _up(state: State, _: float) -> tuple[Sample, ...]:
    return () if state.up is None else (((), int(state.up)),)


def _last_success(state: State, _: float) -> tuple[Sample, ...]:
    return () if state.last_success is None else (((), round(state.last_success, 3)),)


def _error(state: State, _: float) -> tuple[Sample, ...]:
    return () if state.error is None else (((state.error.reason,), 1),)


def _reading(name: str, field: str, text: str, kind: str = _TOTAL) -> Metric:
    value = attrgetter(_ATTRIBUTES[field])
    unit = _RATIO if name.endswith("ratio") else name.split("_", maxsplit=1)[0]

    def samples(state: State, _: float) -> tuple[Sample, ...]:
        figure = None if state.reading is None else value(state.reading)
        return () if figure is None else (((), figure),)

    text = f"{text}, {_POLLED}; {kind} (API field {field})."
    return Metric(f"leadterra_campaign_{name}", text, unit, "reading", samples, field=field)


def _threshold(key: str, unit: str, text: str, *severities: Severity) -> Metric:
    threshold = attrgetter(f"target.thresholds.{key}")

    def samples(state: State, _: float) -> tuple[Sample, ...]:
        return tuple(((severity,), limit) for severity, limit in threshold(state).items())

    name = f"leadterra_campaign_{key}{'_seconds' if unit == 'seconds' else ''}_threshold"
    text = f"{text}, by severity; from thresholds.{key} in the configuration, no series where there is none."
    return Metric(name, text, unit, "configuration", samples, labels=("severity",), label_values=severities)


def _configured(name: str, unit: str, attribute: str, text: str) -> Metric:
    value = attrgetter(f"target.{attribute}")
    text = f"{text}; from {attribute} in the configuration."
    return Metric(f"leadterra_campaign_{name}", text, unit, "configuration", lambda state, _: (((), value(state)),))


def _sending_expected(state: State, at: float) -> tuple[Sample, ...]:
    return (((), int(state.target.sending.is_expected(at))),)


_PREFETCHED = "inflated by mail clients that prefetch images, rises and falls"
_DRAIN = "Limit of the time that the queue needs to drain at the last week's sending rate"
_STALLED = "Limit of the sending time in which emails are queued and none is sent"
_AGE = "Age at which the campaign's last reading is no longer shown"
_FEWEST = "Bounces below which no alert judges a share of bounces"
_EXPECTED = "Whether mail is expected to go out now (1) or not (0); from sending in the configuration."

_CAMPAIGN = (
    _reading("leads_enrolled", "totalEnrolled", "Leads enrolled in the campaign, whatever became of them"),
    _reading("emails_sent", "sent", "Emails submitted for delivery, whatever became of them"),
    _reading(
        "emails_delivered", "delivered", "Emails accepted by the recipient's mail server, which need not be the inbox"
    ),
    _reading("emails_bounced", "bounced", "Emails that bounced, hard and soft together"),
    _reading("leads_replied", "replied", "Leads that replied at least once"),
    _reading(
        "emails_queued", "queued", "Emails waiting to be sent, held ones of a paused campaign among them", _CURRENT
    ),
    _reading("open_ratio", "openRate", "Unique opens per delivered email as the API computes it", _PREFETCHED),
    _reading(
        "reply_ratio", "replyRate", "Replied leads per delivered email as the API computes and rounds it", _CURRENT
    ),
    *_of_polls("leadterra_campaign", "of the campaign"),
    _configured("stale_after_seconds", "seconds", "poll.stale_after", _AGE),
    _threshold("bounce_ratio", _RATIO, "Limit of bounced per sent emails", "warning", "critical"),
    _threshold("emails_queued", "emails", "Limit of queued emails", "warning", "critical"),
    _threshold("queue_drain", "seconds", _DRAIN, "warning"),
    _threshold("queue_stalled", "seconds", _STALLED, "warning"),
    _threshold("reply_ratio", _RATIO, "Floor of replied leads per delivered email", "info"),
    _configured("min_emails_bounced_threshold", "emails", "thresholds.min_emails_bounced", _FEWEST),
    Metric("leadterra_campaign_sending_expected", _EXPECTED, "1 or 0", "configuration", _sending_expected),
)


# Which of the two lists of senders a state is of, its target's endpoint says.


def _of_pools(name: str, attribute: str, field: str, text: str) -> Metric:
    value = attrgetter(attribute)

    def samples(state: State, _: float) -> tuple[Sample, ...]:
        pools = state.reading or () if state.target.endpoint == "sender_pools" else ()
        return tuple(((pool.id, pool.name), figure) for pool in pools if (figure := value(pool)) is not None)

    text, unit = f"{text} (API field {field}), {_POLLED}; {_CURRENT}.", name.rsplit("_", maxsplit=1)[-1]
    return Metric(f"leadterra_sender_pool_{name}", text, unit, "reading", samples, ("pool_id", "pool"), field=field)


def _accounts(state: State, _: float) -> tuple[Sample, ...]:
    accounts = state.reading or {} if state.target.endpoint == "sender_accounts" else {}
    return tuple(((status,), count) for status, count in accounts.items())


def _with_endpoint(samples: Samples) -> Samples:
    return lambda state, at: tuple(((state.target.endpoint, *own), value) for own, value in samples(state, at))


_ACCOUNTS = f"Sender accounts of the workspace by status (API field status), {_POLLED}; the documented statuses from 0."
_REMAINING = "Emails that the pool may still send of its capacity of 24 hours"
_SENDER_COUNT = "senderCount, or the number of senderAccountIds"

_SENDERS = (
    _of_pools("daily_capacity_emails", "daily_capacity", "dailyCapacity", "Emails that the pool may send in 24 hours"),
    _of_pools("remaining_emails", "remaining", "remainingVolume or remainingToday", _REMAINING),
    _of_pools("accounts", "accounts", _SENDER_COUNT, "Sender accounts in the pool"),
    Metric("leadterra_sender_accounts", _ACCOUNTS, "accounts", "reading", _accounts, ("status",), field="status"),
    *_of_polls("leadterra_senders", "of a list of senders", ("endpoint",), _with_endpoint),
)

METRICS_OF: Mapping[str, tuple[Metric, ...]] = {Campaign.kind: _CAMPAIGN, SenderList.kind: _SENDERS}
"""The metrics of each kind of thing that is polled, in the order of the page."""

METRICS = tuple(metric for metrics in METRICS_OF.values() for metric in metrics)
