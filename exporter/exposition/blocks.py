"""The lines of all campaigns, in blocks of some hundred campaigns that are joined again only when a line changes."""

from array import array
from collections.abc import Iterator
from itertools import accumulate

from exporter.config import Key
from exporter.exposition.parts import Part

LARGEST_BLOCK = 256
"""Campaigns in a block: with half or twice as many, compressing costs a tenth more."""

_MOST_WAITING = 64
"""Changed lines that wait for the next scrape; more are joined at once, as a line alone takes more memory."""


class _Stretch:
    """One family's lines in one block: joined, how many bytes each row has of it, and what has changed since.

    Lines are kept only here and never one by one, which takes half of the memory.
    """

    __slots__ = ("_changed", "_lengths", "_part")

    def __init__(self) -> None:
        self._part = Part(b"")
        self._lengths = array("I")
        self._changed: dict[int, bytes] = {}

    def add_row(self) -> None:
        """Append a row without lines."""
        self._lengths.append(0)

    def put(self, row: int, lines: bytes) -> None:
        """Take a row's lines."""
        self._changed[row] = lines
        if len(self._changed) >= _MOST_WAITING:
            self.part()

    def part(self) -> Part:
        """Return all lines as they are now; the same part while none has changed."""
        if self._changed:
            plain, ends, done, pieces = self._part.plain, [0, *accumulate(self._lengths)], 0, []
            for row in sorted(self._changed):
                pieces += [plain[done : ends[row]], self._changed[row]]
                done = ends[row + 1]
                self._lengths[row] = len(self._changed[row])
            self._part = Part(b"".join([*pieces, plain[done:]]))
            self._changed = {}
        return self._part

    def remove_row(self, row: int) -> None:
        """Drop a row and its lines."""
        self._changed[row] = b""
        self.part()
        del self._lengths[row]

    def append(self, other: "_Stretch") -> None:
        """Take the rows of another stretch."""
        self._part = Part(self.part().plain + other.part().plain)
        self._lengths += other.lengths()

    def lengths(self) -> "array[int]":
        """Return how many bytes of the part each row has."""
        return self._lengths


class Row:
    """A campaign's place on the page, and its labels."""

    __slots__ = ("block", "labels", "place")

    def __init__(self, block: "_Block", place: int) -> None:
        self.block = block
        self.place = place
        self.labels = ""

    def put(self, lines: dict[int, bytes]) -> None:
        """Take the lines of some families."""
        for family, each in lines.items():
            self.block.stretches[family].put(self.place, each)


class _Block:
    """Campaigns that stand beside each other, and each family's lines of them."""

    __slots__ = ("rows", "stretches")

    def __init__(self, families: int) -> None:
        self.rows: list[Row] = []
        self.stretches = [_Stretch() for _ in range(families)]

    def add(self) -> Row:
        row = Row(self, len(self.rows))
        self.rows.append(row)
        for stretch in self.stretches:
            stretch.add_row()
        return row

    def remove(self, row: Row) -> None:
        del self.rows[row.place]
        for later in self.rows[row.place :]:
            later.place -= 1
        for stretch in self.stretches:
            stretch.remove_row(row.place)

    def append(self, other: "_Block") -> None:
        for row in other.rows:
            row.block = self
            row.place += len(self.rows)
        self.rows += other.rows
        for stretch, others in zip(self.stretches, other.stretches, strict=True):
            stretch.append(others)


class Blocks:
    """All campaigns' rows, in the order in which they came."""

    def __init__(self, families: int, largest: int = LARGEST_BLOCK) -> None:
        self._families = families
        self._largest = largest
        self._rows: dict[Key, Row] = {}
        self._blocks: list[_Block] = []

    def row(self, key: Key) -> Row:
        """Return a campaign's row, a new one at the end where it has none."""
        row = self._rows.get(key)
        if row is None:
            if not self._blocks or len(self._blocks[-1].rows) >= self._largest:
                self._blocks.append(_Block(self._families))
            row = self._rows[key] = self._blocks[-1].add()
        return row

    def remove(self, key: Key) -> None:
        """Drop a campaign's row; blocks that have become small are put together."""
        row = self._rows.pop(key)
        row.block.remove(row)
        place = self._blocks.index(row.block)
        for left in (place, place - 1):
            if 0 <= left < len(self._blocks) - 1:
                self._merge(left)

    def _merge(self, left: int) -> None:
        block, neighbour = self._blocks[left : left + 2]
        if len(block.rows) + len(neighbour.rows) <= self._largest // 2:
            block.append(neighbour)
            del self._blocks[left + 1]

    def parts(self, family: int) -> Iterator[Part]:
        """Give the parts of a family."""
        return (block.stretches[family].part() for block in self._blocks)
