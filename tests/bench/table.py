"""The table that a benchmark run prints, and its place in docs/benchmarks.md: figures with their ratios and targets."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.process import ROOT

_HEAD = ("what", "this exporter", "peer", "ratio", "target", "held")
FILE = ROOT / "docs" / "benchmarks.md"
END = "<!-- end -->"
PARTS = ("bench", "bench-full")
_NONE = "-"
_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value. Seconds are written in ms or us where they are few."""

    value: float
    unit: str = ""

    def __str__(self) -> str:
        if self.unit.partition(" ")[0] == "s":
            for factor, prefix in ((1e6, "u"), (1e3, "m")):
                if 0 < self.value < 1e3 / factor:
                    return f"{number(self.value * factor)} {prefix}{self.unit}"
        return f"{number(self.value)} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio, or a figure without a peer, is to be."""

    limit: float
    at_least: bool = False
    unit: str = ""

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {Figure(self.limit, self.unit)}"


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


def compare(
    what: str, unit: str, values: Mapping[str, float], targets: Mapping[str, Target] | None = None
) -> Iterator[Row]:
    """Set our value, that of the name "", beside each other one, in a row each; a target is of the ratio."""
    ours = Figure(values[""], unit)
    for name, value in values.items():
        if name:
            ratio = ours.value / value if value else math.inf
            judged = _judge(ratio, (targets or {}).get(name))
            yield Row(what, str(ours), f"{name}: {Figure(value, unit)}", number(ratio), *judged)


def alone(what: str, ours: Figure, target: Target | None = None, peer: str = _NONE) -> Row:
    """Return a figure that has no peer to be divided by; the target is the figure's."""
    return Row(what, str(ours), peer, _NONE, *_judge(ours.value, target))


def missing(what: str, program: str) -> Row:
    """Record that a row could not be measured for want of a program."""
    return Row(what, f"not measured: there is no {program}")


def failed(what: str, why: str) -> Row:
    """Record that something that should have been measured was not."""
    return Row(what, f"{_FAILED}: {' '.join(why.split()).replace('|', '/')}")


def _judge(value: float, target: Target | None) -> tuple[str, str]:
    return (_NONE, _NONE) if target is None else (str(target), "yes" if target.holds(value) else "NO")


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


def begin(part: str) -> str:
    return f"<!-- {part}: generated -->"


def write(about: str, rows: Iterable[Row], part: str) -> None:
    """Replace one part of the page by a new result."""
    FILE.write_text(replaced(FILE.read_text(), part, f"{about}\n{render(rows)}"))


def replaced(page: str, part: str, result: str) -> str:
    before, marker, rest = page.partition(begin(part))
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{FILE.name} has no part {part}")
    return f"{before}{marker}\n{result}{end}{after}"


def parts(page: str) -> dict[str, str]:
    """Return the generated parts of a page by name."""
    return {part: page.partition(begin(part))[2].partition(END)[0] for part in PARTS if begin(part) in page}
