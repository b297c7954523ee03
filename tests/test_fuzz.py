"""A slice of the fuzzing: some ten seconds of inputs from a fixed seed. `python -m tests.fuzz` tries as many as wanted.

What it finds becomes a row of the tests of what broke.
"""

import pytest

from tests.fuzz.mutation import shrunk
from tests.fuzz.run import TARGETS, fuzz

INPUTS = {
    "answers": 20_000,
    "responses": 1000,
    "configuration files": 2000,
    "web configuration files": 2000,
    "request heads": 1000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_slice(name: str) -> None:
    report = fuzz(name, "slice", INPUTS[name])

    assert report.findings == {}
    assert report.inputs == INPUTS[name]
    assert len(report.digests) > 0.8 * report.inputs  # it tries something new nearly each time
    assert len(report.outcomes) >= 8  # and gets past the first check


def test_a_finding_is_made_small() -> None:
    assert shrunk(b"all of this but x and then y, please", lambda data: b"x" in data and b"y" in data) == b"xy"
