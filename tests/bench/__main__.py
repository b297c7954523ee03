"""Measure this exporter beside others and print one table: `python -m tests.bench [--full] [--only NAME] [--write]`."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from tests.bench import document, generic, growth, holding, loaded, machine, polling, scraping, starting
from tests.bench.plan import LONG, SHORT, Plan
from tests.bench.table import Row, render

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


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large sizes too, and more rounds: 25 minutes, not 3")
    parser.add_argument("--only", action="append", choices=GROUPS, help="this part only; repeatable")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    args = parser.parse_args(argv)
    if args.write and args.only:
        parser.error("--write takes a whole run: leave --only away")
    args.only = args.only or list(GROUPS if args.full else SHORT_GROUPS)
    return args


def measure(names: Sequence[str], plan: Plan) -> dict[str, list[Row]]:
    """Run groups one after the other; say on stderr which one runs and how long each took."""
    rows = {}
    for name in names:
        began = time.monotonic()
        _tell(f"{name} ...")
        rows[name] = list(GROUPS[name](plan))
        _tell(f"{name} took {time.monotonic() - began:.0f} s")
    return rows


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(argv: Sequence[str]) -> None:
    """Measure, print, and write where that is asked for."""
    args = _arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    plan = LONG if args.full else SHORT
    if args.write:
        plan = replace(plan, pictures=document.PICTURES)
    about = machine.describe()
    rows = measure(args.only, plan)
    sys.stdout.write(f"{about}\n{render(row for group in rows.values() for row in group)}")
    if args.write:
        document.write(about, [row for name in SHORT_GROUPS for row in rows[name]], "bench")
        if args.full:
            document.write(about, [row for name in LONG_GROUPS for row in rows[name]], "bench-full")


if __name__ == "__main__":
    main(sys.argv[1:])
