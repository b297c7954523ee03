"""Which poll is next, and how many run at once."""

import asyncio
from collections.abc import Awaitable, Callable

from exporter.polling.workers import Slots, Turn
from tests import build
from tests.conftest import run_virtually


def turn(name: str, *, hangs: bool = False) -> Turn:
    return Turn(build.campaign(name), deadline=60, ended=lambda: None, hangs=hangs)


def noted(seconds: dict[str, float], events: list[tuple[float, str]]) -> Callable[[Turn], Awaitable[None]]:
    """Return what takes a turn's seconds, one by default, and notes when it began."""

    async def ask(taken: Turn) -> None:
        events.append((asyncio.get_running_loop().time(), taken.campaign.id))
        await asyncio.sleep(seconds.get(taken.campaign.id, 1))

    return ask


def begun(count: int, turns: list[Turn], seconds: dict[str, float]) -> list[tuple[float, str]]:
    events: list[tuple[float, str]] = []

    async def scenario() -> None:
        slots = Slots(count, noted(seconds, events))
        for one in turns:
            slots.put(one)
        await asyncio.sleep(1000)
        await slots.stop()

    run_virtually(scenario())
    return events


def test_turns_are_taken_in_their_order_as_many_at_once_as_there_are_slots() -> None:
    assert begun(2, [turn(name) for name in "abcde"], {}) == [(0, "a"), (0, "b"), (1, "c"), (1, "d"), (2, "e")]


def test_those_that_hang_share_half_of_the_slots_and_are_all_taken() -> None:
    turns = [*(turn(name, hangs=True) for name in "wxyz"), *(turn(name) for name in "abcd")]

    assert begun(4, turns, dict.fromkeys("wxyz", 10)) == [
        *((0, name) for name in "wxab"),
        *((1, name) for name in "cd"),
        *((10, name) for name in "yz"),
    ]


def test_a_single_slot_is_for_those_that_hang_too() -> None:
    assert begun(1, [turn("a", hangs=True), turn("b")], {"a": 10}) == [(0, "a"), (10, "b")]


def test_a_turn_that_comes_as_the_last_one_ends_is_taken() -> None:
    async def scenario() -> list[str]:
        taken: list[str] = []

        async def ask(one: Turn) -> None:
            taken.append(one.campaign.id)
            if one.campaign.id == "a":
                asyncio.get_running_loop().call_soon(slots.put, turn("b"))

        slots = Slots(1, ask)
        slots.put(turn("a"))
        await asyncio.sleep(1)
        return taken

    assert run_virtually(scenario()) == ["a", "b"]


def test_what_waits_is_no_task_and_is_never_asked_after_the_end() -> None:
    events: list[tuple[float, str]] = []

    async def scenario() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        slots = Slots(3, noted({}, events))
        for number in range(10_000):
            slots.put(turn(str(number), hangs=number % 2 == 0))
        await asyncio.sleep(0.5)
        tasks = len(asyncio.all_tasks())
        await slots.stop()
        ended = loop.time()
        await asyncio.sleep(100)
        return tasks, ended

    assert run_virtually(scenario()) == (1 + 3, 0.5)
    assert len(events) == 3
