"""Simulated hours in seconds: memory, descriptors and tasks stay flat, and each last value is the truth.

For longer: `LONG_RUN_HOURS=672 make test-all ARGS="-s tests/test_long_run.py"` is four weeks.
"""

import os
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.conftest import run_virtually
from tests.longrun.life import Life

pytestmark = pytest.mark.slow

HOURS = int(os.environ.get("LONG_RUN_HOURS", "16"))


def test_hours_of_faults_reloads_and_rotations_leave_nothing_behind(tmp_path: Path) -> None:
    life = Life(tmp_path, seed=1)
    first, *_, last = run_virtually(live(life), life.patience)

    assert last["requests"] > 2_000  # it did live
    assert last["tasks"] <= first["tasks"] + 6  # a sweep that is under way has its tasks
    assert last["descriptors"] <= first["descriptors"] + 4
    assert last["blocks"] <= first["blocks"] * 1.005
    assert last["memory"] <= first["memory"] * 1.1


async def live(life: Life) -> list[dict[str, int]]:
    """Live for the hours and print each checkpoint; at the first, everything that is made once has been made."""
    checkpoints = []
    async with aclosing(life.hours()) as lived:
        async for checkpoint in lived:
            checkpoints.append(checkpoint)
            print(checkpoint, flush=True)  # noqa: T201 - for `pytest -s`
            if checkpoint["hours"] >= HOURS:
                break
    return checkpoints
