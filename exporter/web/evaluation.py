"""What the last reading of a campaign says, held against the campaign's limits, and since when.

What needs more history than this keeps, such as how fast the queue drains, is left to the alert rules.
"""

import math
import operator
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from exporter.api import Stats
from exporter.config import Campaign, Severity, TargetKey, Threshold, Thresholds
from exporter.store import State, Store

FINISHED_AFTER = 3 * 86400.0  # seconds without a sent email, and with none queued
_MIN_DELIVERED = 200  # as in the rule LeadterraCampaignReplyRatioLow: replies come late and are few
_Z = 1.645  # one-sided 95 %


class Condition(StrEnum):
    """What can be said of a campaign, the worst first."""

    CRITICAL = "critical"
    STALE = "stale"
    WARNING = "warning"
    FAILING = "failing"
    INFO = "info"
    WAITING = "waiting"
    OK = "ok"
    FINISHED = "finished"


_RANKS = {condition: rank for rank, condition in enumerate(Condition)}
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
OVER_A_LIMIT = {Condition(severity) for severity in _SEVERITIES}
_HARMLESS = {Condition.WAITING, Condition.OK, Condition.FINISHED}


class Since(NamedTuple):
    """A whole Unix second since when something is so; not exact where it may have been before this process looked."""

    time: float
    is_exact: bool


class Seen(NamedTuple):
    """What this process has seen of a campaign: since when each condition holds, `sent` emails, and since when no more.

    `sent` is that of the last reading that had it. What else holds now does so since `replaced_at`, when the campaign
    came or changed without a poll; None where it was polled since.
    """

    conditions: tuple[tuple[Condition, Since], ...] = ()  # a dict would take twice the memory
    sent: int | None = None
    nothing_sent: Since | None = None
    replaced_at: float | None = None


NOTHING_SEEN = Seen()


class Figure(NamedTuple):
    """A figure held against its limits: `severity` is that of the worst limit that it is over, `note` says so in words.

    `value` is None where it is not known, `excess` how many times the limit it is. `is_sure` is False where there is
    too little behind it to be held against a limit.
    """

    value: float | None = None
    note: str = ""
    severity: Severity | None = None
    excess: float = 0.0
    is_sure: bool = True


_NOT_REPORTED = Figure(note="not reported")


class Evaluation(NamedTuple):
    """What can be said of one campaign. `conditions` are all that apply, the worst first, and never empty."""

    state: State
    conditions: tuple[Condition, ...]
    seen: Seen
    bounce_ratio: Figure
    emails_queued: Figure
    reply_ratio: Figure

    @property
    def is_over_a_limit(self) -> bool:
        """Whether a figure of the last reading is over a limit."""
        return not OVER_A_LIMIT.isdisjoint(self.conditions)

    @property
    def is_problem(self) -> bool:
        """Whether somebody should look at the campaign."""
        return self.conditions[0] not in _HARMLESS

    def since(self, condition: Condition) -> Since | None:
        """Return since when a condition holds, as far as this process has seen."""
        return self.seen.nothing_sent if condition is Condition.FINISHED else dict(self.seen.conditions).get(condition)

    @property
    def badness(self) -> tuple[object, ...]:
        """Sorts the worst first: by condition, bounces before queues, by how far over the limit, by how long."""
        worst = self.conditions[0]
        figures = (self.bounce_ratio, self.emails_queued, self.reply_ratio)
        over = [(place, -figure.excess) for place, figure in enumerate(figures) if figure.severity == worst]
        since, campaign = self.since(worst) if self.is_problem else None, self.state.target
        return _RANKS[worst], over, since or (math.inf,), campaign.workspace, campaign.name, campaign.id


def evaluate_all(states: Iterable[State], seen: Callable[[State], Seen], now: float) -> list[Evaluation]:
    """Evaluate each campaign by its state and what was seen of it; the worst come first. `now` is Unix time."""
    return sorted((evaluate(each, seen(each), now) for each in states), key=operator.attrgetter("badness"))


def evaluate(state: State, seen: Seen, now: float) -> Evaluation:
    """Compare the last reading of a campaign with its limits; `now` is Unix time."""
    stats, limits, quiet = state.reading, state.target.thresholds, seen.nothing_sent
    figures: tuple[Figure, ...] = (Figure(),) * 3
    if stats is not None:
        queue, replies = _emails_queued(stats, limits.emails_queued), _reply_ratio(stats, limits.reply_ratio)
        figures = (_bounce_ratio(stats, limits), queue, replies)
    is_finished = stats and stats.queued == 0 and quiet and now - quiet.time >= FINISHED_AFTER
    if is_finished:
        figures = tuple(figure._replace(severity=None) for figure in figures)
    applies: dict[str | None, object] = {figure.severity: True for figure in figures}
    applies[Condition.STALE] = state.is_stale
    applies[Condition.FAILING] = state.up is False
    applies[Condition.WAITING] = state.up is None
    applies[Condition.FINISHED] = is_finished
    conditions = tuple(condition for condition in _RANKS if applies.get(condition)) or (Condition.OK,)
    return Evaluation(state, conditions, seen, *figures)


def surely(bounced: int, sent: int) -> float:
    """Return the share that surely bounced of some sent: the lower end of the one-sided 95 % Wilson interval."""
    share, z2 = min(bounced / sent, 1.0), _Z * _Z
    middle, half = share + z2 / (2 * sent), _Z * math.sqrt(share * (1 - share) / sent + z2 / (4 * sent * sent))
    return (middle - half) / (1 + z2 / sent)


def _worst(limits: Threshold, is_passed: Callable[[float], bool]) -> tuple[Severity, float] | None:
    for severity in _SEVERITIES:
        limit = getattr(limits, severity)
        if limit is not None and is_passed(limit):
            return severity, limit
    return None


def _bounce_ratio(stats: Stats, thresholds: Thresholds) -> Figure:
    sent, bounced, limits = stats.sent, stats.bounced, thresholds.bounce_ratio
    if sent is None or bounced is None:
        return _NOT_REPORTED
    if not sent:
        return Figure(note="nothing sent")
    ratio, some = bounced / sent, f"{bounced:,} of {sent:,}"
    lower = surely(bounced, sent) if bounced and bounced >= thresholds.min_emails_bounced else 0.0
    if passed := _worst(limits, lambda limit: lower > limit):
        severity, limit = passed
        note = f"{some} bounced: surely above {_percent(limit)}"
        return Figure(ratio, note, severity, lower / (limit or math.ulp(0)))
    if _worst(limits, lambda limit: ratio > limit):
        return Figure(ratio, f"{some}: too few to be sure", is_sure=False)
    return Figure(ratio, _known(limits, _percent))


def _emails_queued(stats: Stats, limits: Threshold) -> Figure:
    queued = stats.queued
    if queued is None:
        return _NOT_REPORTED
    if passed := _worst(limits, lambda limit: queued > limit):
        severity, limit = passed
        return Figure(queued, f"over {severity} {number(limit)}", severity, queued / (limit or math.ulp(0)))
    return Figure(queued, _known(limits, number))


def _reply_ratio(stats: Stats, limits: Threshold) -> Figure:
    delivered, replied = stats.delivered, stats.replied
    if delivered is None or replied is None:
        return _NOT_REPORTED
    if not delivered:
        return Figure(note="nothing delivered")
    ratio = replied / delivered
    if delivered < _MIN_DELIVERED and limits.items():
        return Figure(ratio, f"too few delivered: {delivered} of {_MIN_DELIVERED}", is_sure=False)
    if passed := _worst(limits, lambda limit: ratio < limit):
        severity, limit = passed
        return Figure(ratio, f"under floor {_percent(limit)}", severity, 1 - ratio / limit)
    return Figure(ratio, _known(limits, _percent, "floor"))


@lru_cache(maxsize=1000)  # most campaigns share them
def _known(limits: Threshold, words: Callable[[float], str], name: str = "") -> str:
    return ", ".join(f"{name or severity} {words(limit)}" for severity, limit in limits.items()) or "no limit"


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.10g}\N{NO-BREAK SPACE}%"


def number(count: float) -> str:
    """Return a count with its thousands separated."""
    return f"{count:,}".removesuffix(".0")  # a limit is a float


class History:
    """Observe a store.

    What a poll changes is noted at once. What changes without a poll, perhaps of ten thousand campaigns in one moment,
    follows from the moment whenever it is asked for.
    """

    def __init__(self, store: Store) -> None:
        self._seen: dict[TargetKey, Seen] = {}
        self._store = store
        store.subscribe(self._polled, self._replaced)

    def seen(self, state: State) -> Seen:
        """Return what was seen of a campaign in this state. In any thread."""
        seen = self._seen.get(state.target.key, NOTHING_SEEN)
        return seen if seen.replaced_at is None else _seen(seen, state, state, seen.replaced_at)

    def _polled(self, key: TargetKey, old: State, new: State) -> None:
        """Note what begins and what ends with a campaign's new state."""
        if key[1] == Campaign.kind:
            is_replaced = self._seen[key].replaced_at is not None
            if is_replaced or old.up is not new.up or old.reading != new.reading:
                self._seen[key] = _seen(self.seen(old), old, new, self._store.wall())

    def _replaced(self, changed: Collection[TargetKey], gone: Collection[TargetKey]) -> None:
        new = Seen(replaced_at=self._store.wall())
        for key in changed:
            if key[1] == Campaign.kind:
                known = self._seen.get(key)
                self._seen[key] = known._replace(replaced_at=new.replaced_at) if known else new
        for key in gone:
            self._seen.pop(key, None)


def _seen(before: Seen, old: State, new: State, now: float) -> Seen:
    known = dict(before.conditions)
    found = evaluate(new, NOTHING_SEEN, now).conditions
    begun = _begun(float(int(now)))
    since = tuple((each, known.get(each) or begun[bool(known) and _was_known(each, old)]) for each in found)
    sent = new.reading.sent if new.reading else None
    if sent is None or sent == before.sent:
        return Seen(since, before.sent, before.nothing_sent)
    return Seen(since, sent, begun[before.sent is not None])


@lru_cache(maxsize=64)  # campaigns that are polled in the same second share it, which saves 80 bytes each
def _begun(second: float) -> tuple[Since, Since]:
    return Since(second, is_exact=False), Since(second, is_exact=True)


def _was_known(condition: Condition, old: State) -> bool:
    """Return whether the old state says that a condition did not hold: without a reading no limit was passed."""
    return old.reading is not None if condition in OVER_A_LIMIT else old.up is not None
