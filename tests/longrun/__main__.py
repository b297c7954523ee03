"""A long run: simulated weeks in an hour. Run as `python -m tests.longrun --hours 1` or `--days 7`."""
# ruff: noqa: T201  # a program's output

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import run_virtually
from tests.longrun.life import Checkpoint, Life

_WARM_UP = 3
"""Days after which everything that is made once has been made."""


async def live(folder: Path, seed: int, *, days: float, seconds: float) -> list[Checkpoint]:
    """Live for some simulated days or real seconds, whichever ends first, and print each day."""
    checkpoints: list[Checkpoint] = []
    began = time.monotonic()
    life = Life(folder, seed).days()
    async for checkpoint in life:
        checkpoints.append(checkpoint)
        _print(checkpoint, time.monotonic() - began)
        if checkpoint.day >= days or time.monotonic() - began >= seconds:
            break
    await life.aclose()  # type: ignore[attr-defined]  # an asynchronous generator
    return checkpoints


def _print(at: Checkpoint, seconds: float) -> None:
    print(
        f"day {at.day}: {at.events} events, {at.requests} requests, {at.scrapes} scrapes; "
        f"{at.memory / 2**20:.1f} MiB, {at.blocks} blocks, {at.descriptors} descriptors, {at.tasks} tasks, "
        f"{at.clients} clients "
        f"({seconds:.0f} s)",
        flush=True,
    )


def growth(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Say what was not flat from the end of the warm-up to the end."""
    first, last = checkpoints[min(_WARM_UP, len(checkpoints)) - 1], checkpoints[-1]
    grown = []
    if (last.tasks, last.descriptors, last.clients) != (first.tasks, first.descriptors, first.clients):
        grown.append(f"tasks, descriptors or clients: {first} {last}")
    if last.blocks > first.blocks * 1.01:
        grown.append(f"blocks: {first.blocks} to {last.blocks}")
    if last.memory > first.memory * 1.05 + 2**21:
        grown.append(f"memory: {first.memory} to {last.memory}")
    return grown


def main() -> int:
    """Run, and tell whether all was flat and true."""
    parser = argparse.ArgumentParser("python -m tests.longrun", description=__doc__)
    parser.add_argument("--hours", type=float, default=float("inf"), help="how long to run, in real hours")
    parser.add_argument("--days", type=float, default=float("inf"), help="how long to run, in simulated days")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.hours == args.days:
        parser.error("write --hours or --days")
    with tempfile.TemporaryDirectory() as folder:
        life = live(Path(folder), args.seed, days=args.days, seconds=args.hours * 3600)
        checkpoints = run_virtually(life)
    grown = growth(checkpoints)
    print(*grown, f"{checkpoints[-1].day} days, {'not flat' if grown else 'flat'}, every last value true", sep="\n")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
