"""The table that a benchmark run prints, and its place in docs/benchmarks.md: figures with their ratios and targets."""

import math
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from tests.bench.programs import JSON_EXPORTER, json_exporter
from tests.process import ROOT

T = TypeVar("T")

FILE = ROOT / "docs" / "benchmarks.md"
_HEAD = ("what", "this exporter", "peer", "ratio", "target", "held")


def interleave(rounds: int, subjects: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run all subjects in turn, `rounds` times over, so that a noisy minute meets them all."""
    turns = [{name: run() for name, run in subjects.items()} for _ in range(rounds)]
    return {name: [turn[name] for turn in turns] for name in subjects}


def medians(rounds: int, subjects: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of each subject's results."""
    return {name: median(results) for name, results in interleave(rounds, subjects).items()}


class Figure(NamedTuple):
    """A measured value. Seconds are written in ms or us where they are few."""

    value: float
    unit: str = ""

    def __str__(self) -> str:
        if self.unit.partition(" ")[0] == "s":
            for factor, prefix in ((1e6, "u"), (1e3, "m")):
                if 0 < self.value < 1e3 / factor:
                    return f"{number(self.value * factor)} {prefix}{self.unit}"
        return f"{number(self.value)} {self.unit}".strip()


class Target(NamedTuple):
    """What a ratio, or a figure without a peer, is to be."""

    limit: float
    at_least: bool = False
    unit: str = ""

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {Figure(self.limit, self.unit)}"


class Row(NamedTuple):
    """One line of the table, ready to print."""

    what: str
    ours: str
    peer: str = "-"
    ratio: str = "-"
    target: str = "-"
    held: str = "-"


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


def alone(what: str, ours: Figure, target: Target | None = None, peer: str = "-") -> Row:
    """Return a figure that has no peer to be divided by; the target is the figure's."""
    return Row(what, str(ours), peer, "-", *_judge(ours.value, target))


def _judge(value: float, target: Target | None) -> tuple[str, str]:
    if target is None:
        return "-", "-"
    held = value >= target.limit if target.at_least else value <= target.limit
    return str(target), "yes" if held else "NO"


def number(value: float) -> str:
    """Write three significant digits, whole numbers with their thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"


def render(rows: Iterable[Row]) -> str:
    """Write the table: Markdown that is aligned, so that it reads well in a terminal too."""
    lines = [_HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    rule = tuple("-" * width for width in widths)
    return "".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |\n"
        for line in (_HEAD, rule, *lines[1:])
    )


def replaced(page: str, part: str, result: str) -> str:
    """Return the page with a new result in one of its parts."""
    changed, count = re.subn(rf"(?s)(?<=<!-- {part}: generated -->\n).*?(?=<!-- end -->)", lambda _: result, page)
    assert count == 1, f"{FILE.name} has no part {part}"
    return changed


def describe() -> str:
    """Return two lines: date, machine and load; versions."""
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {version(name)}" for name in ("aiohttp", "httpx", "prometheus-client")]
    versions += [f"{name} {_version_of(name)}" for name in ("nginx", "wrk")]
    versions.append(f"json_exporter {JSON_EXPORTER[1] if json_exporter() else 'missing'}")
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    model = found[1] if found else platform.machine()
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores of {model}, "
        f"{platform.system()} {platform.release().split('-')[0]}, load {os.getloadavg()[0]:.1f} before the run.\n"
        f"{', '.join(versions)}.\n"
    )


def _version_of(program: str) -> str:
    told = subprocess.run(["sh", "-c", f"{program} -v 2>&1"], capture_output=True, text=True, check=False, timeout=10)
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return found[0] if found else "missing"
