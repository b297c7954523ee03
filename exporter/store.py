"""What is known of each campaign, and what of it may still be shown."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Protocol

from exporter.config import Campaign, Key
from exporter.errors import Failure
from exporter.stats import Stats


@dataclass(frozen=True, slots=True)
class State:
    """Hold what is known of one campaign; each poll replaces it as a whole.

    `stats` is the last good reading while it is fresh enough to be shown, `last_success` the Unix time of that
    reading, kept when the reading itself is not. `up` is None until the first poll ended, and `error` says why the
    last poll failed.
    """

    campaign: Campaign
    stats: Stats | None = None
    last_success: float | None = None
    up: bool | None = None
    error: Failure | None = None

    @property
    def is_stale(self) -> bool:
        """Tell whether there was a reading that has become too old to be shown."""
        return self.stats is None and self.last_success is not None


class Observer(Protocol):
    """Be told of every change as it happens."""

    def changed(self, old: State | None, new: State) -> None:
        """Take a campaign's new state; `old` is None for a campaign that was not known."""

    def removed(self, key: Key) -> None:
        """Forget a campaign."""


class Store:
    """Keep one state a campaign.

    `wall` gives Unix time, which is shown; `monotonic` gives seconds that never jump, which decide on staleness.
    """

    def __init__(self, *, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._states: dict[Key, State] = {}
        self._observers: list[Observer] = []
        self._settled = asyncio.Event()
        self._settled.set()
        # For each stale_after in use the campaigns that have a reading, the oldest first, and when it came.
        self._read_at: dict[float, OrderedDict[Key, float]] = {}

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of each change from now on, and of what is known already."""
        self._observers.append(observer)
        for state in self._states.values():
            observer.changed(None, state)

    def configure(self, campaigns: Iterable[Campaign]) -> None:
        """Take a new list of campaigns: those that stay keep their readings, the others are forgotten at once."""
        for _ in self.configuring(campaigns):
            pass

    def configuring(self, campaigns: Iterable[Campaign]) -> Generator[None, None, None]:
        """Do the same in steps of one campaign: polls may be recorded between them, but nothing should be shown."""
        self._settled.clear()
        try:
            wanted = {campaign.key: campaign for campaign in campaigns}
            for key in self._states.keys() - wanted.keys():
                self._remove(key)
                yield
            for key, campaign in wanted.items():
                self._configure_one(key, campaign)
                yield
            self._order_readings()
        finally:
            self._settled.set()

    async def settled(self) -> None:
        """Wait until no configuration is half taken."""
        await self._settled.wait()

    def _remove(self, key: Key) -> None:
        self._forget_reading(self._states.pop(key))
        for observer in self._observers:
            observer.removed(key)

    def _configure_one(self, key: Key, campaign: Campaign) -> None:
        old = self._states.get(key)
        if old is None:
            self._put(key, State(campaign))
        elif old.campaign != campaign:
            if old.campaign.poll.stale_after != campaign.poll.stale_after:
                read_at = self._forget_reading(old)
                if read_at is not None:
                    self._queue(campaign)[key] = read_at
            self._put(key, replace(old, campaign=campaign))

    def _order_readings(self) -> None:
        """Put the oldest first again where a changed `stale_after` has put old readings behind new ones."""
        for stale_after, queue in self._read_at.items():
            times = list(queue.values())
            if times != sorted(times):
                self._read_at[stale_after] = OrderedDict(sorted(queue.items(), key=itemgetter(1)))

    def succeeded(self, key: Key, stats: Stats) -> None:
        """Replace a campaign's reading."""
        old = self._states.get(key)
        if old is None:  # removed from the configuration while it was asked
            return
        queue = self._queue(old.campaign)
        queue[key] = self._monotonic()
        queue.move_to_end(key)
        self._put(key, State(old.campaign, stats, self._wall(), up=True))

    def failed(self, key: Key, error: Failure) -> None:
        """Record that a campaign's poll failed; its last good reading stays until it is stale."""
        old = self._states.get(key)
        if old is not None:
            self._put(key, replace(old, up=False, error=error))

    def expire(self) -> None:
        """Drop the readings that are older than their campaign's `stale_after`. Costs nothing where none is."""
        now = self._monotonic()
        for stale_after, queue in self._read_at.items():
            while queue:
                key, read_at = next(iter(queue.items()))
                if now - read_at <= stale_after:
                    break
                del queue[key]
                self._put(key, replace(self._states[key], stats=None))

    def get(self, key: Key) -> State | None:
        """Return what is known of one campaign."""
        return self._states.get(key)

    def states(self) -> list[State]:
        """Return what may be shown now, in the order in which the campaigns were first configured."""
        self.expire()
        return list(self._states.values())

    def _queue(self, campaign: Campaign) -> OrderedDict[Key, float]:
        return self._read_at.setdefault(campaign.poll.stale_after, OrderedDict())

    def _forget_reading(self, state: State) -> float | None:
        return self._queue(state.campaign).pop(state.campaign.key, None)

    def _put(self, key: Key, new: State) -> None:
        old = self._states.get(key)
        self._states[key] = new
        for observer in self._observers:
            observer.changed(old, new)
