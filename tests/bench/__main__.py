"""Measure this exporter beside others and print one table: `python -m tests.bench [--full] [--only NAME] [--write]`."""

import argparse
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import loaded, polling, scraping
from tests.bench.programs import Checkout, Plan
from tests.bench.table import FILE, Row, describe, render, replaced
from tests.tools import succeed

GROUPS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "polls": polling.rows,
    "pace": polling.paced_rows,
    "scrapes": scraping.cost_rows,
    "pages": scraping.rate_rows,
    "load": loaded.rows,
    "start": scraping.start_rows,
    "memory": scraping.memory_rows,
    "hold": loaded.hold_rows,
}
PARTS = {"bench": [*GROUPS][:-1], "bench-full": ["hold"]}
"""What is measured, by the part of the page that it stands in."""
FAILED = "failed"


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="what takes long too: hold")
    parser.add_argument("--only", action="append", choices=GROUPS, help="this part only; repeatable")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout, measured beside this one")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    args = parser.parse_args(argv)
    args.only = args.only or (GROUPS if args.full else PARTS["bench"])
    if args.write and (args.against or not any({*names} <= {*args.only} for names in PARTS.values())):
        parser.error("--write takes all of a table, and of this exporter: leave --only and --against away")
    return args


def measure(name: str, plan: Plan) -> list[Row]:
    """Run one group; what keeps it from being measured does not cost the others their figures."""
    began = time.monotonic()
    try:
        rows = list(GROUPS[name](plan))
    except (AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
        why = f"{type(error).__name__} {error}".replace("|", "/").split()
        rows = [Row(name, f"{FAILED}: {' '.join(why)}")]
    print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201 - a program's output
    return rows


def main(argv: Sequence[str]) -> int:
    """Measure, print, and write where that is asked for; return 1 where something could not be measured."""
    args, plan, about = _arguments(argv), Plan(), describe()
    if args.against:
        root = args.against.resolve()
        commit = succeed("git", "-C", root, "rev-parse", "--short", "HEAD").strip()
        plan = replace(plan, versions=[*plan.versions, Checkout(commit, root)])
    signal.alarm(45 * 60)  # whatever hangs
    rows = {name: measure(name, plan) for name in args.only}
    signal.alarm(0)
    flat = [row for group in rows.values() for row in group]
    print(f"{about}\n{render(flat)}")  # noqa: T201 - a program's output
    if any(row.ours.startswith(FAILED) for row in flat):
        return 1
    for part, names in PARTS.items():
        if args.write and {*names} <= rows.keys():
            result = f"{about}\n{render(row for name in names for row in rows[name])}"
            FILE.write_text(replaced(FILE.read_text(), part, result))
    return 0


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGALRM):  # leave through all that ends what was started
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
