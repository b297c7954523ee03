"""What is known of each thing that is polled, and what of it may still be shown."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, Self, TypeAlias

from exporter.config import Campaign, Target, TargetKey
from exporter.errors import Failure

_FAILURES_KEPT = 5
_MOST_WITH_FAILURES = 1000


class State(NamedTuple):
    """What is known of one target; each poll replaces it as a whole.

    `target` is a Target, `reading` what its endpoint's `parse` returned last, while it is fresh enough to be shown;
    `last_success` is the Unix time of that reading, kept when the reading itself is not. The request for it took
    `seconds`, its answer had `size` bytes. `up` is None until the first poll ended, and `error` says why the last one
    failed. `stale_at` is when the reading may no longer be shown, by a clock that never jumps.
    """

    target: Any
    reading: Any = None
    last_success: float | None = None
    up: bool | None = None
    error: Failure | None = None
    seconds: float | None = None
    size: int | None = None
    stale_at: float = math.inf

    @property
    def is_stale(self) -> bool:
        """Whether there was a reading that has become too old to be shown."""
        return self.reading is None and self.last_success is not None

    def moved_to(self, target: Target) -> Self:
        """Return the same for a target whose configuration may have changed."""
        if target == self.target:
            return self
        later = target.poll.stale_after - self.target.poll.stale_after
        return self._replace(target=target, stale_at=self.stale_at + later)


Polled: TypeAlias = Callable[[TargetKey, State, State], None]
"""What is called with a target's key and what was and is known of it, when it has been polled."""
Replaced: TypeAlias = Callable[[Collection[TargetKey], Collection[TargetKey]], None]
"""What is called with the keys of targets that come or change without a poll, perhaps ten thousand, and that go."""


class Prepared(NamedTuple):
    """What was and what is to be known of all targets; the keys of those that come or change, and that go."""

    before: dict[TargetKey, State]
    states: dict[TargetKey, State]
    changed: list[TargetKey]
    gone: set[TargetKey]

    def forget(self) -> None:
        """Free what was known one by one: ten thousand at once would keep all other threads waiting."""
        while self.before:
            self.before.popitem()


class Store:
    """One state for each target.

    `wall` gives Unix time, which is shown; `monotonic` gives seconds that never jump, which decide on staleness.
    """

    def __init__(self, *, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self.wall = wall
        self._monotonic = monotonic
        self._states: dict[TargetKey, State] = {}
        self._listeners: list[tuple[Polled, Replaced]] = []
        self._failures: OrderedDict[TargetKey, deque[tuple[float, Failure]]] = OrderedDict()
        self._next_stale_at = math.inf  # no reading is stale before that

    def subscribe(self, polled: Polled, replaced: Replaced) -> None:
        """Call these when something changes, and `replaced` with all that is known now."""
        self._listeners.append((polled, replaced))
        replaced(self._states.keys(), ())

    def prepare(self, targets: Iterable[Target]) -> Prepared:
        """Return what is to be known of targets, which keep what they have.

        In any thread: comparing ten thousand takes longer than the event loop should wait.
        """
        before, states = self._states.copy(), dict[TargetKey, State]()
        for target in targets:
            old = before.get(target.key)
            states[target.key] = old.moved_to(target) if old else State(target)
        changed = [key for key, state in states.items() if state is not before.get(key)]
        return Prepared(before, states, changed, before.keys() - states.keys())

    def adopt(self, prepared: Prepared) -> None:
        """Replace what there is to know; targets that are not prepared are forgotten."""
        states = prepared.states
        for key, known in self._states.items():
            if known is not prepared.before[key] and key in states:  # polled in the meantime
                states[key] = known.moved_to(states[key].target)
        self._states = states
        self._next_stale_at = -math.inf  # it may be sooner
        for key in self._failures.keys() & prepared.gone:
            del self._failures[key]
        self._replaced(prepared.changed, prepared.gone)

    def configure(self, targets: Iterable[Target]) -> None:
        """Prepare and adopt at once."""
        self.adopt(self.prepare(targets))

    def succeeded(self, key: TargetKey, reading: Any, seconds: float | None = None, size: int | None = None) -> None:
        """Replace a target's reading."""
        old = self._states.get(key)
        if old is not None:  # not removed from the configuration while it was polled
            stale_at = self._monotonic() + old.target.poll.stale_after
            self._next_stale_at = min(self._next_stale_at, stale_at)
            new = State(old.target, reading, self.wall(), up=True, seconds=seconds, size=size, stale_at=stale_at)
            self._polled(key, old, new)

    def failed(self, key: TargetKey, error: Failure) -> None:
        """Record that a target's poll failed; its last good reading stays until it is stale."""
        old = self._states.get(key)
        if old is not None:
            self._failures.setdefault(key, deque(maxlen=_FAILURES_KEPT)).append((self.wall(), error))
            self._failures.move_to_end(key)
            if len(self._failures) > _MOST_WITH_FAILURES:
                self._failures.popitem(last=False)
            self._polled(key, old, old._replace(up=False, error=error))

    def failures(self, key: TargetKey) -> list[tuple[float, Failure]]:
        """Return a target's last failures with their Unix times, the latest last; a thousand targets' are kept."""
        return list(self._failures.get(key, ()))

    def expire(self) -> None:
        """Drop the readings that are older than their target's `stale_after`. Costs nothing where none can be."""
        now = self._monotonic()
        if now > self._next_stale_at:
            stale = [key for key, state in self._states.items() if state.stale_at < now]
            for key in stale:
                self._states[key] = self._states[key]._replace(reading=None, stale_at=math.inf)
            self._next_stale_at = min((state.stale_at for state in self._states.values()), default=math.inf)
            self._replaced(stale, ())

    def get(self, key: TargetKey) -> State | None:
        """Return what is known of one target."""
        return self._states.get(key)

    def states(self, kind: str = Campaign.kind) -> list[State]:
        """Return what may be shown now of one kind of target, in the order of the configuration."""
        self.expire()
        return [state for state in self._states.values() if state.target.kind == kind]

    def _polled(self, key: TargetKey, old: State, new: State) -> None:
        self._states[key] = new
        for polled, _ in self._listeners:
            polled(key, old, new)

    def _replaced(self, changed: Collection[TargetKey], gone: Collection[TargetKey]) -> None:
        for _, replaced in self._listeners:
            replaced(changed, gone)
