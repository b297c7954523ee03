"""The `/metrics` page: a target's lines are formatted when they change, a scrape sends what is ready.

Rendering ten thousand campaigns in the scrape would take over a second.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from exporter.config import Campaign, Sending, TargetKey
from exporter.exposition.chunks import Body, Chunk, Snapshot
from exporter.exposition.metrics import METRICS_OF
from exporter.exposition.negotiation import Format
from exporter.exposition.table import Table
from exporter.store import State, Store

_LONGEST_STEP = 0.005
"""Seconds for which preparing a page keeps the event loop from its other work."""
_LARGEST_BLOCK = 256
"""Targets in a block: with half or twice as many, compressing costs a tenth more."""


class Page:
    """The page of all that a store knows, kept ready.

    What a poll changes is formatted at once. What a new configuration brings or takes away waits until the page is
    asked for, and is on it as a whole. `own_metrics` renders the exporter's own, which stand last, in any thread.
    """

    def __init__(
        self, store: Store, own_metrics: Callable[[Format], bytes], *, rows_per_block: int = _LARGEST_BLOCK
    ) -> None:
        self.own_metrics = own_metrics
        self._store = store
        self._tables = {kind: Table(metrics, rows_per_block) for kind, metrics in METRICS_OF.items()}
        self._waiting: OrderedDict[TargetKey, None] = OrderedDict()
        self._expected: dict[Sending, bool] = {}
        self._bodies: dict[Format, Body] = {}
        self._own = dict.fromkeys(Format, Chunk(b""))
        store.subscribe(self._changed)

    async def prepare(self) -> None:
        """Format what waits and join what has changed, giving way to the event loop every few milliseconds."""
        step_ends = time.monotonic() + _LONGEST_STEP
        for _ in self._preparing():
            if time.monotonic() >= step_ends:
                await asyncio.sleep(0)
                step_ends = time.monotonic() + _LONGEST_STEP

    def snapshot(self, page_format: Format, own_metrics: bytes) -> Snapshot:
        """Return the whole page as it is now, without readings that have become stale."""
        self._store.expire()
        for _ in self._placing():
            pass
        body = self._bodies.get(page_format)
        if body is None:
            tables = self._tables.values()
            body = self._bodies[page_format] = Body(chunk for table in tables for chunk in table.chunks(page_format))
        if self._own[page_format].plain is not own_metrics:
            self._own[page_format] = Chunk(own_metrics)
        return Snapshot(body, self._own[page_format])

    def render(self, page_format: Format) -> bytes:
        """Return the whole page as it is now in one piece."""
        return b"".join(self.snapshot(page_format, self.own_metrics(page_format)).plain())

    def _changed(self, key: TargetKey, old: State | None, new: State | None) -> None:
        self._bodies.clear()
        if old is None or new is None or old.target is not new.target:
            self._waiting[key] = None
        elif key not in self._waiting:
            is_new_reading = old.reading != new.reading
            self._tables[key[1]].update(key, new, self._store.wall(), is_new_reading=is_new_reading)

    def _preparing(self) -> Iterator[None]:
        yield from self._placing()
        if not self._bodies:
            for table in self._tables.values():
                yield from table.joining()

    def _placing(self) -> Iterator[None]:
        self._follow_time()
        while self._waiting:
            key, _ = self._waiting.popitem(last=False)
            table, state, at = self._tables[key[1]], self._store.get(key), self._store.wall()
            if state is None:
                table.remove(key)
            else:
                table.put(key, state, at)
                if isinstance(state.target, Campaign) and state.target.sending not in self._expected:
                    self._expected[state.target.sending] = state.target.sending.is_expected(at)
            yield
        self._waiting.clear()  # so that it gives its memory back

    def _follow_time(self) -> None:
        """Mark what only time has changed, to be formatted again."""
        at = self._store.wall()
        for sending, was_expected in self._expected.items():
            if sending.is_expected(at) is not was_expected:
                self._expected[sending] = not was_expected
                states = self._store.states()
                self._waiting.update({each.target.key: None for each in states if each.target.sending == sending})
                self._bodies.clear()
