"""What the last reading of a campaign says, held against the campaign's limits.

What needs history, such as how long a limit has been passed or how fast the queue drains, is left to the alert rules.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from exporter.config import Severity, Threshold, Thresholds
from exporter.stats import Stats
from exporter.store import State

_MIN_DELIVERED = 200  # as in the rule LeadterraCampaignReplyRatioLow: replies come late and are few


class Condition(StrEnum):
    """Name what can be said of a campaign, the worst first."""

    CRITICAL = "critical"
    STALE = "stale"
    WARNING = "warning"
    FAILING = "failing"
    INFO = "info"
    WAITING = "waiting"
    OK = "ok"


_RANKS = {condition: rank for rank, condition in enumerate(Condition)}
_PAST_A_LIMIT = {Condition.CRITICAL, Condition.WARNING, Condition.INFO}
_HARMLESS = {Condition.WAITING, Condition.OK}


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold a figure against its limits: `severity` is the worst limit that it has passed, `note` says so in words.

    `value` is None where it is not known. `judged` is False where there is too little behind it to be held against
    anything.
    """

    value: float | None = None
    note: str = ""
    severity: Severity | None = None
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """What the page says of one campaign. `conditions` are all that apply, the worst first, and never empty."""

    state: State
    conditions: tuple[Condition, ...]
    bounce_ratio: Figure
    emails_queued: Figure
    reply_ratio: Figure

    @property
    def is_past_a_limit(self) -> bool:
        """Tell whether a figure of the last reading has passed a limit."""
        return not _PAST_A_LIMIT.isdisjoint(self.conditions)

    @property
    def is_problem(self) -> bool:
        """Tell whether somebody should look at the campaign."""
        return self.conditions[0] not in _HARMLESS


def rows(states: Iterable[State]) -> list[Row]:
    """Judge each campaign's last reading; the worst come first."""
    return sorted(map(_row, states), key=_badness)


def _badness(row: Row) -> tuple[object, ...]:
    ranks = (*(_RANKS[condition] for condition in row.conditions), len(_RANKS))  # of two, that with more conditions
    campaign = row.state.campaign
    return ranks, campaign.workspace, campaign.name, campaign.id


def _row(state: State) -> Row:
    stats, thresholds = state.stats, state.campaign.thresholds
    if stats is None:
        return Row(state, _conditions(state, set()), Figure(), Figure(), Figure())
    bounce, queue, reply = _bounce(stats, thresholds), _queue(stats, thresholds), _reply(stats, thresholds)
    passed = {figure.severity for figure in (bounce, queue, reply)}
    return Row(state, _conditions(state, passed), bounce, queue, reply)


def _conditions(state: State, passed: set[Severity | None]) -> tuple[Condition, ...]:
    applies = {
        Condition.CRITICAL: "critical" in passed,
        Condition.STALE: state.is_stale,
        Condition.WARNING: "warning" in passed,
        Condition.FAILING: state.up is False,
        Condition.INFO: "info" in passed,
        Condition.WAITING: state.up is None,
    }
    return tuple(condition for condition, does in applies.items() if does) or (Condition.OK,)


def _bounce(stats: Stats, thresholds: Thresholds) -> Figure:
    if stats.sent is None or stats.bounced is None:
        return Figure(note="not reported")
    if stats.sent == 0:
        return Figure(note="nothing sent")
    ratio, limits = stats.bounced / stats.sent, thresholds.bounce_ratio
    if any(limits) and stats.sent < thresholds.min_emails_sent:
        return _too_few(ratio, "sent", stats.sent, thresholds.min_emails_sent)
    return _judge(ratio, limits, _percent)


def _reply(stats: Stats, thresholds: Thresholds) -> Figure:
    if stats.delivered is None or stats.replied is None:
        return Figure(note="not reported")
    if stats.delivered == 0:
        return Figure(note="nothing delivered")
    ratio, limits = stats.replied / stats.delivered, thresholds.reply_ratio
    if any(limits) and stats.delivered < _MIN_DELIVERED:
        return _too_few(ratio, "delivered", stats.delivered, _MIN_DELIVERED)
    return _judge(ratio, limits, _percent, floor=True)


def _queue(stats: Stats, thresholds: Thresholds) -> Figure:
    if stats.queued is None:
        return Figure(note="not reported")
    return _judge(stats.queued, thresholds.emails_queued, number)


def _too_few(ratio: float, what: str, count: int, needed: int) -> Figure:
    return Figure(ratio, f"too few {what} to judge: {number(count)} of {number(needed)}", judged=False)


def _judge(value: float, limits: Threshold, words: Callable[[float], str], *, floor: bool = False) -> Figure:
    passed = [(severity, limit) for severity, limit in limits if (value < limit if floor else value > limit)]
    if not passed:
        known = (f"{'floor' if floor else severity} {words(limit)}" for severity, limit in limits)
        return Figure(value, ", ".join(known) or "no limit")
    severity, limit = passed[-1]
    return Figure(value, f"{'under floor' if floor else f'over {severity}'} {words(limit)}", severity)


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.10g}\N{NO-BREAK SPACE}%"


def number(count: float) -> str:
    """Write a count with its thousands separated."""
    return f"{count:,}".removesuffix(".0")  # a limit is a float
