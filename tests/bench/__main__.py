"""Measure this exporter beside others and print one table: `python -m tests.bench [--full] [--only NAME] [--write]`."""

import argparse
import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn, TypeAlias

from tests.bench import document, generic, growth, holding, loaded, machine, polling, scraping, starting
from tests.bench.plan import LONG, SHORT, Plan
from tests.bench.programs import FailedError
from tests.bench.table import Row, failed, render

Group: TypeAlias = Callable[[Plan], Iterator[Row]]

SHORT_GROUPS: dict[str, Group] = {
    "polls": polling.rows,
    "scrapes": scraping.cost_rows,
    "pages": scraping.rate_rows,
    "load": loaded.rows,
    "start": starting.rows,
    "json_exporter": generic.rows,
}
LONG_GROUPS: dict[str, Group] = {"growth": growth.rows, "hold": holding.hold_rows, "shards": holding.shard_rows}
GROUPS = SHORT_GROUPS | LONG_GROUPS
PARTS = {"bench": SHORT_GROUPS.keys(), "bench-full": LONG_GROUPS.keys()}
_LONGEST = {False: 15 * 60, True: 90 * 60}
"""Seconds after which a run ends, whatever hangs, by whether it is the full one."""


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large sizes too, and more rounds: 25 minutes, not 3")
    parser.add_argument("--only", action="append", choices=GROUPS, help="this part only; repeatable")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    args = parser.parse_args(argv)
    args.only = args.only or list(GROUPS if args.full else SHORT_GROUPS)
    if args.write and not any(part <= {*args.only} for part in PARTS.values()):
        parser.error("--write takes all of a table: leave --only away, or name growth, hold and shards")
    return args


def measure(names: Sequence[str], plan: Plan) -> dict[str, list[Row]]:
    """Run groups one after the other; say on stderr which one runs and how long each took."""
    rows = {}
    for name in names:
        began = time.monotonic()
        _tell(f"{name} ...")
        rows[name] = _measure(name, plan)
        _tell(f"{name} took {time.monotonic() - began:.0f} s")
    return rows


def _measure(name: str, plan: Plan) -> list[Row]:
    """Run one group; what keeps it from being measured does not cost the others their figures."""
    try:
        return list(GROUPS[name](plan))
    except (FailedError, AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
        return [failed(name, f"{type(error).__name__} {error}")]


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    """Leave after so many seconds, and at SIGTERM, through all that ends what was started."""
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGALRM)}
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def main(argv: Sequence[str]) -> int:
    """Measure, print, and write where that is asked for; return 1 where something could not be measured."""
    args = _arguments(argv)
    plan = LONG if args.full else SHORT
    if args.write:
        plan = replace(plan, pictures=document.PICTURES)
    about = machine.describe()
    with _bounded(_LONGEST[args.full]):
        rows = measure(args.only, plan)
    flat = [row for group in rows.values() for row in group]
    sys.stdout.write(f"{about}\n{render(flat)}")
    if any(row.failed for row in flat):
        return 1
    for part, names in PARTS.items():
        if args.write and names <= rows.keys():
            document.write(about, [row for name in GROUPS if name in names for row in rows[name]], part)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
