"""The rows of one kind of target: their labels, and for each metric their lines, kept ready."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from exporter.config import Target, TargetKey
from exporter.exposition.chunks import Block, Chunk
from exporter.exposition.metrics import Metric
from exporter.exposition.negotiation import Format
from exporter.store import State


def _escape(value: str) -> str:
    """Escape what both formats give a meaning inside a label value."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shared_labels(target: Target) -> str:
    """Return the labels that every series of a target carries, without braces."""
    return ",".join(f'{name}="{_escape(value)}"' for name, value in (*target.identity, *target.labels))


@lru_cache(maxsize=4096, typed=True)  # campaigns have many figures in common, which are kept once; 1.0 is not 1
def _figure(value: float) -> bytes:
    return f"}} {value}\n".encode()


class _Column(NamedTuple):
    """The lines of one metric, or of those of its series whose own label is `only`."""

    place: int
    metric: Metric
    only: str | None

    def tail(self, state: State, at: float) -> bytes:
        """Return what follows a row's labels at a Unix time: the rest of its line, perhaps more lines, or nothing."""
        tail, samples = "", self.metric.samples(state, at)
        if self.metric.follows == "reading" and not self.metric.labels:
            return _figure(samples[0][1]) if samples else b""
        for own, value in samples:
            if self.only is None or self.only in own:
                if tail:
                    tail += f"{self.metric.name}{{{_shared_labels(state.target)}"
                for label, text in zip(self.metric.labels, own, strict=True):
                    tail += f',{label}="{_escape(text)}"'
                tail += f"}} {value}\n"
        return tail.encode()


def _headers(metric: Metric) -> dict[Format, Chunk]:
    escaped = metric.help.replace("\\", "\\\\")
    unit = f"# UNIT {metric.name} seconds\n" if metric.name.endswith("_seconds") else ""
    type_line, quoted = f"# TYPE {metric.name} gauge\n", escaped.replace('"', '\\"')
    return {
        Format.TEXT: Chunk(f"# HELP {metric.name} {escaped}\n{type_line}".encode()),
        Format.OPENMETRICS: Chunk(f"{type_line}{unit}# HELP {metric.name} {quoted}\n".encode()),
    }


class Table:
    """The lines of all targets of one kind. A new row is put where another has gone, or else at the end."""

    def __init__(self, metrics: tuple[Metric, ...], rows_per_block: int) -> None:
        series = [(metric, only) for metric in metrics for only in metric.label_values or (None,)]
        self._columns = [_Column(place, metric, only) for place, (metric, only) in enumerate(series)]
        self._by_poll = [column for column in self._columns if column.metric.follows == "poll"]
        self._by_reading = [column for column in self._columns if column.metric.follows != "configuration"]
        self._headers = {metric.name: _headers(metric) for metric in metrics}
        self._prefixes = [f"{column.metric.name}{{".encode() for column in self._columns]
        self._rows_per_block = rows_per_block
        self.blocks: list[Block] = []
        self._rows: dict[TargetKey, int] = {}
        self._free: list[int] = []

    def update(self, key: TargetKey, state: State, at: float, *, is_new_reading: bool) -> None:
        """Format the lines of a target that a poll may have changed."""
        block, row = self._find(self._rows[key])
        for column in self._by_reading if is_new_reading else self._by_poll:
            block.put(column.place, row, column.tail(state, at))

    def put(self, key: TargetKey, state: State, at: float) -> None:
        """Format all lines of a target that is new, or may have changed in any way."""
        if key not in self._rows:
            if not self._free:
                first = len(self._rows)
                self._free = list(range(first, first + self._rows_per_block))[::-1]
                self.blocks.append(Block(self._prefixes, self._rows_per_block))
            self._rows[key] = self._free.pop()
        block, row = self._find(self._rows[key])
        block.label(row, _shared_labels(state.target).encode())
        for column in self._columns:
            block.put(column.place, row, column.tail(state, at))

    def remove(self, key: TargetKey) -> None:
        """Drop a target's lines, if it has any."""
        number = self._rows.pop(key, None)
        if number is not None:
            self._free.append(number)
            block, row = self._find(number)
            block.clear(row)

    def chunks(self, page_format: Format, blocks: Sequence[Sequence[Chunk]]) -> Iterator[Chunk]:
        """Yield the lines of each metric that has any under its header; `blocks` have a chunk for each column."""
        for name, columns in groupby(self._columns, key=lambda column: column.metric.name):
            chunks = [block[column.place] for column in columns for block in blocks]
            if any(chunk.plain for chunk in chunks):
                yield self._headers[name][page_format]
                yield from chunks

    def _find(self, number: int) -> tuple[Block, int]:
        return self.blocks[number // self._rows_per_block], number % self._rows_per_block
