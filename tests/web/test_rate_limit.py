"""How many requests are let through, on a clock that moves when told."""

import pytest

from exporter.web.rate_limit import Rate, RateLimit
from tests import build


@pytest.mark.parametrize(
    ("interval", "burst", "waits", "allowed"),
    [
        (1.0, 2, [0, 0, 0], [True, True, False]),
        (1.0, 2, [0, 0, 0.5, 0.5, 0], [True, True, False, True, False]),
        (0.1, 1, [0, 0.05, 0.05, 3600, 0], [True, False, True, True, False]),
        (1.0, 3, [3600, 0, 0, 0], [True, True, True, False]),
    ],
)
def test_tokens(interval: float, burst: int, waits: list[float], allowed: list[bool]) -> None:
    clock = build.Clock()
    limit = RateLimit(Rate(interval, burst), lambda: clock.monotonic)
    told = []
    for wait in waits:
        clock.monotonic += wait
        told.append(limit.allows())
    assert told == allowed


def test_without_a_rate_all_are_allowed() -> None:
    assert all(RateLimit(None, lambda: 0.0).allows() for _ in range(1000))
