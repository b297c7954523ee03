"""Simulated days in seconds: memory, descriptors and tasks stay flat, and each last value is the truth.

`python -m tests.longrun --hours 1` lives for weeks.
"""

from pathlib import Path

import pytest

from tests.conftest import run_virtually
from tests.longrun.__main__ import growth, live

pytestmark = pytest.mark.slow


def test_days_of_faults_reloads_and_rotations_leave_nothing_behind(tmp_path: Path) -> None:
    checkpoints = run_virtually(live(tmp_path, 1, days=4, seconds=float("inf")))

    assert growth(checkpoints) == []
    assert checkpoints[-1].requests > 50_000  # it did live
