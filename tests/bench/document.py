"""The committed result: docs/benchmarks.md, whose tables stand between markers."""

from collections.abc import Iterable

from tests.bench.table import Row, render
from tests.process import ROOT

FILE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "images"
END = "<!-- end -->"


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
    return {
        part: page.partition(begin(part))[2].partition(END)[0]
        for part in ("bench", "bench-full")
        if begin(part) in page
    }
