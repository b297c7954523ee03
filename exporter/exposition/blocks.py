"""The lines of all campaigns, in blocks of some hundred campaigns that are joined again only when a line changes."""

from collections.abc import Iterator

from exporter.config import Key
from exporter.exposition.parts import Part

LARGEST_BLOCK = 256
"""Campaigns in a block: with half or twice as many, compressing costs a tenth more."""


class Row:
    """One campaign's lines, a chunk a family."""

    __slots__ = ("block", "chunks", "key", "labels")

    def __init__(self, key: Key, block: "_Block", families: int) -> None:
        self.key = key
        self.block = block
        self.chunks = [b""] * families
        self.labels = ""

    def put(self, family: int, chunk: bytes) -> bool:
        """Take a family's lines; tell whether that changes anything."""
        if self.chunks[family] == chunk:
            return False
        self.chunks[family] = chunk
        self.block.parts[family] = None
        return True


class _Block:
    """Campaigns that stand beside each other, and the part of each family that their lines make, while it is known."""

    __slots__ = ("parts", "rows")

    def __init__(self, families: int) -> None:
        self.rows: list[Row] = []
        self.parts: list[Part | None] = [None] * families

    def part(self, family: int) -> Part:
        part = self.parts[family]
        if part is None:
            part = self.parts[family] = Part(b"".join([row.chunks[family] for row in self.rows]))
        return part

    def take(self, rows: list[Row]) -> None:
        """Append rows, a new one or those of another block."""
        for row in rows:
            row.block = self
        self.rows += rows
        self.parts = [None] * len(self.parts)

    def drop(self, row: Row) -> None:
        self.rows.remove(row)
        self.parts = [None] * len(self.parts)


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
            row = self._rows[key] = Row(key, self._blocks[-1], self._families)
            row.block.take([row])
        return row

    def remove(self, key: Key) -> None:
        """Drop a campaign's row; blocks that have become small are put together."""
        row = self._rows.pop(key)
        row.block.drop(row)
        place = self._blocks.index(row.block)
        for left in (place, place - 1):
            if 0 <= left < len(self._blocks) - 1:
                self._merge(left)

    def _merge(self, left: int) -> None:
        block, neighbour = self._blocks[left : left + 2]
        if len(block.rows) + len(neighbour.rows) <= self._largest // 2:
            block.take(neighbour.rows)
            del self._blocks[left + 1]

    def parts(self, family: int) -> Iterator[Part]:
        """Give the parts of a family."""
        return (block.part(family) for block in self._blocks)
