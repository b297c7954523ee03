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
from typing import NoReturn, TypeAlias

from tests.bench import holding, loaded, polling, runtime, scraping, starting
from tests.bench.plan import LONG, SHORT, Plan
from tests.bench.programs import Checkout, FailedError
from tests.bench.table import Row, failed, render, write

Group: TypeAlias = Callable[[Plan], Iterator[Row]]

GROUPS: dict[str, dict[str, Group]] = {
    "bench": {
        "polls": polling.rows,
        "pace": polling.paced_rows,
        "scrapes": scraping.cost_rows,
        "pages": scraping.rate_rows,
        "load": loaded.rows,
        "start": starting.rows,
        "memory": starting.memory_rows,
    },
    "bench-full": {"growth": holding.growth_rows, "hold": holding.hold_rows, "shards": holding.shard_rows},
}
"""What is measured, by the part of the page that it stands in."""
_LONGEST = {False: 25 * 60, True: 90 * 60}
"""Seconds after which a run ends, whatever hangs, by whether it is the full one."""


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    names = [name for groups in GROUPS.values() for name in groups]
    parser = argparse.ArgumentParser("tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large sizes too, and longer")
    parser.add_argument("--only", action="append", choices=names, help="this part only; repeatable")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout, measured beside this one")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    args = parser.parse_args(argv)
    args.only = args.only or (names if args.full else list(GROUPS["bench"]))
    if args.write and (args.against or not any(groups.keys() <= {*args.only} for groups in GROUPS.values())):
        parser.error("--write takes all of a table, and of this exporter: leave --only and --against away")
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
    [group] = (groups[name] for groups in GROUPS.values() if name in groups)
    try:
        return list(group(plan))
    except (FailedError, AssertionError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
        return [failed(name, f"{type(error).__name__} {error}")]


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _leave(number: int, _: object) -> NoReturn:
    """Leave through all that ends what was started."""
    raise SystemExit(128 + number)


def main(argv: Sequence[str]) -> int:
    """Measure, print, and write where that is asked for; return 1 where something could not be measured."""
    args = _arguments(argv)
    plan = LONG if args.full else SHORT
    if args.against:
        plan = replace(plan, versions=[*plan.versions, Checkout.at(args.against.resolve())])
    about = runtime.describe()
    signal.alarm(_LONGEST[args.full])
    rows = measure(args.only, plan)
    signal.alarm(0)
    flat = [row for group in rows.values() for row in group]
    sys.stdout.write(f"{about}\n{render(flat)}")
    if any(row.failed for row in flat):
        return 1
    for part, groups in GROUPS.items():
        if args.write and groups.keys() <= rows.keys():
            write(about, [row for name in groups for row in rows[name]], part)
    return 0


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(ending, _leave)
    sys.exit(main(sys.argv[1:]))
