"""The `/metrics` page: a target's lines are formatted when they change, a scrape sends what is ready.

Rendering ten thousand campaigns in the scrape would take over a second.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator

from exporter.config import Campaign, Sending, TargetKey
from exporter.exposition.chunks import Body, Chunk, Snapshot
from exporter.exposition.metrics import METRICS_OF
from exporter.exposition.negotiation import Format
from exporter.exposition.table import Table
from exporter.store import State, Store

_LONGEST_STEP = 0.002
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
        self._waiting: dict[TargetKey, None] = {}  # of which the last is the next
        self._expected: dict[Sending, bool] = {}
        self._bodies: dict[Format, tuple[int, Body]] = {}  # with the number of changes when it was begun
        self._changes = self._replacements = 0
        self._own = dict.fromkeys(Format, Chunk(b""))
        store.subscribe(self._polled, self._replaced)

    async def scrape(self, page_format: Format, own_metrics: bytes) -> Snapshot:
        """Return the whole page as `snapshot` does, giving way to the event loop every few milliseconds."""
        step_ends = time.monotonic() + _LONGEST_STEP
        for _ in self._making(page_format):
            if time.monotonic() >= step_ends:
                await asyncio.sleep(0)
                step_ends = time.monotonic() + _LONGEST_STEP
        return self._made(page_format, own_metrics)

    def snapshot(self, page_format: Format, own_metrics: bytes) -> Snapshot:
        """Return the whole page without readings that have become stale: the lines of a target are of one moment."""
        for _ in self._making(page_format):
            pass
        return self._made(page_format, own_metrics)

    def render(self, page_format: Format) -> bytes:
        """Return the whole page as it is now in one piece."""
        return b"".join(self.snapshot(page_format, self.own_metrics(page_format)).plain())

    def _polled(self, key: TargetKey, old: State, new: State) -> None:
        self._bodies.clear()
        self._changes += 1
        if key not in self._waiting:
            is_new_reading = old.reading != new.reading
            self._tables[key[1]].update(key, new, self._store.wall(), is_new_reading=is_new_reading)

    def _replaced(self, changed: Collection[TargetKey], gone: Collection[TargetKey]) -> None:
        self._bodies.clear()
        self._changes += 1
        self._replacements += 1
        self._waiting |= dict.fromkeys([*reversed([*changed]), *gone])  # those that leave room are first

    def _made(self, page_format: Format, own_metrics: bytes) -> Snapshot:
        _, body = self._bodies[page_format]
        if self._own[page_format].plain is not own_metrics:
            self._own[page_format] = Chunk(own_metrics)
        return Snapshot(body, self._own[page_format])

    def _making(self, page_format: Format) -> Iterator[None]:
        """Make the page as it is now, in steps of some microseconds."""
        self._store.expire()
        self._follow_time()
        changes, _ = self._bodies.get(page_format, (None, None))
        replacements = self._replacements if changes == self._changes else None
        while replacements != self._replacements:  # else it would show half of one
            yield from self._placing()
            replacements, changes, chunks = self._replacements, self._changes, list[Chunk]()
            for table in self._tables.values():
                blocks = []
                for block in table.blocks:
                    blocks.append(block.chunks())
                    yield
                chunks += table.chunks(page_format, blocks)
            self._bodies[page_format] = changes, Body(chunks)

    def _placing(self) -> Iterator[None]:
        while self._waiting:
            key, _ = self._waiting.popitem()
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
                self._replaced([each.target.key for each in states if each.target.sending == sending], ())
