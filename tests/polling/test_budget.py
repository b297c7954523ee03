"""How many requests a second a key sends."""

import asyncio

import pytest

from exporter.polling.budget import Budget
from tests.conftest import run_virtually


@pytest.mark.parametrize("rate", [0.5, 3, 20, 33, 250, 5000])
def test_a_budget_is_kept_in_every_window(rate: float) -> None:
    async def scenario() -> list[float]:
        budget, granted = Budget(rate), []
        for _ in range(int(rate * 10) + 5):
            await budget.acquire()
            granted.append(asyncio.get_running_loop().time())
        return granted

    granted = run_virtually(scenario())

    size = max(1, int(rate))
    for first, beyond in zip(granted, granted[size:], strict=False):
        assert beyond - first >= size / rate - 1e-6
    assert granted[-1] <= 10 + 5 / rate + 0.1  # and it is used


@pytest.mark.parametrize(("rate", "at_once"), [(2, 1), (10, 2), (100, 25)])
def test_when_a_hold_ends_a_quarter_of_a_second_s_worth_goes_at_once(rate: float, at_once: int) -> None:
    async def scenario() -> list[float]:
        budget, granted = Budget(rate), []
        budget.hold(30)
        for _ in range(2 * at_once + 1):
            await budget.acquire()
            granted.append(round(asyncio.get_running_loop().time(), 6))
        return granted

    step = at_once / rate
    assert run_virtually(scenario()) == [30] * at_once + [30 + step] * at_once + [30 + 2 * step]
