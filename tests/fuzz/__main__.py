"""Fuzz what strangers can send: run as `python -m tests.fuzz --inputs 1000000`."""
# ruff: noqa: T201  # a program's output

import argparse
import os
import sys
import time
from collections import defaultdict

from tests.fuzz.run import TARGETS, Report, run


def main() -> int:
    """Run, and tell whether nothing was found."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many, over all targets (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="other inputs for other seeds (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="repeatable (default: all)")
    args = parser.parse_args()
    began = time.monotonic()
    reports: dict[str, Report] = defaultdict(Report)
    for name, report in run(args.inputs, args.seed, args.jobs, args.target or list(TARGETS)):
        reports[name].add(report)
        print(f"\r{sum(report.inputs for report in reports.values())} inputs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for name, report in reports.items():
        _print(name, report)
    total = sum(report.inputs for report in reports.values())
    found = sum(len(report.findings) for report in reports.values())
    print(f"{total} inputs in {time.monotonic() - began:.0f} s, seed {args.seed}: {found} findings")
    return 1 if found else 0


def _print(name: str, report: Report) -> None:
    print(
        f"{name}: {report.inputs} inputs, {len(report.digests)} distinct, {len(report.outcomes)} outcomes, "
        f"{report.inputs / report.seconds:.0f}/s, slowest batch {report.slowest * 1000:.0f} ms of CPU time"
    )
    print(*(f"  {count:8} {outcome}" for outcome, count in report.outcomes.most_common(8)), sep="\n")
    for finding, (detail, data) in report.findings.items():
        print(f"  FOUND {finding}\n        {detail[:2000]}\n        {data[:2000]!r}")


if __name__ == "__main__":
    sys.exit(main())
