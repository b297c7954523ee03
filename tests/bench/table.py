"""The table that a benchmark run prints: rows of figures with their ratios and targets."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_HEAD = ("what", "this exporter", "peer", "ratio", "target", "held")
_NONE = "-"
_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `of` names the peer that it is of. Seconds are written in ms or us where they are few."""

    value: float
    unit: str = ""
    of: str = ""

    def __str__(self) -> str:
        text = _write(self.value, self.unit)
        return f"{self.of}: {text}" if self.of else text


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio, or a figure without a peer, is to be."""

    limit: float
    at_least: bool = False
    unit: str = ""

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {_write(self.limit, self.unit)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, ready to print."""

    what: str
    ours: str
    peer: str = _NONE
    ratio: str = _NONE
    target: str = _NONE
    held: str = _NONE

    @property
    def cells(self) -> tuple[str, ...]:
        return self.what, self.ours, self.peer, self.ratio, self.target, self.held

    @property
    def failed(self) -> bool:
        return self.ours.startswith(_FAILED)


def against(what: str, ours: Figure, peer: Figure, target: Target | None = None) -> Row:
    """Set our figure against a peer's; the target is the ratio's."""
    ratio = divide(ours.value, peer.value)
    return Row(what, str(ours), str(peer), number(ratio), *_judge(ratio, target))


def divide(ours: float, peers: float) -> float:
    """Return the ratio, infinite where the peer's is nothing: too small to be seen at tiny sizes."""
    return ours / peers if peers else math.inf


def alone(what: str, ours: Figure, target: Target | None = None, peer: str = _NONE) -> Row:
    """Give a figure that has no peer to be divided by; the target is the figure's."""
    return Row(what, str(ours), peer, _NONE, *_judge(ours.value, target))


def missing(what: str, program: str) -> Row:
    """Say that a row could not be measured for want of a program."""
    return Row(what, f"not measured: {program} is not on the PATH")


def failed(what: str, why: str) -> Row:
    """Say that something that should have been measured was not."""
    return Row(what, f"{_FAILED}: {' '.join(why.split()).replace('|', '/')}")


def _judge(value: float, target: Target | None) -> tuple[str, str]:
    return (_NONE, _NONE) if target is None else (str(target), "yes" if target.holds(value) else "NO")


def _write(value: float, unit: str) -> str:
    if unit.partition(" ")[0] == "s":
        for factor, prefix in ((1e6, "u"), (1e3, "m")):
            if 0 < value < 1e3 / factor:
                return f"{number(value * factor)} {prefix}{unit}"
    return f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    """Write three significant digits, whole numbers with their thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"


def render(rows: Iterable[Row]) -> str:
    """Write the table: Markdown that is aligned, so that it reads well in a terminal too."""
    lines = [_HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    rule = tuple("-" * width for width in widths)
    return "".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |\n"
        for line in (lines[0], rule, *lines[1:])
    )


def parse(text: str) -> list[Row]:
    """Read the rows of all tables in a text that `render` wrote. Raises TypeError for a line with other columns."""
    lines = [
        [cell.strip() for cell in line.strip("| \n").split(" | ")] for line in text.splitlines() if line[:1] == "|"
    ]
    return [Row(*cells) for cells in lines if tuple(cells) != _HEAD and not re.fullmatch("-+", cells[0])]
