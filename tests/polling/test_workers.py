"""Which poll is next, and how many run at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from exporter.polling.workers import Poll, Workers
from tests import build
from tests.conftest import run_virtually


def poll(name: str) -> Poll:
    return Poll(build.campaign(name), deadline=60, ended=lambda: None, slow=name in "wxyz")


def noted(events: list[tuple[float, str]]) -> Callable[[Poll], Awaitable[None]]:
    """Return what takes a second, or ten of a slow poll, and notes when it began."""

    async def ask(taken: Poll) -> None:
        events.append((asyncio.get_running_loop().time(), taken.target.id))
        await asyncio.sleep(10 if taken.slow else 1)

    return ask


@pytest.mark.parametrize(
    ("count", "names", "begun"),
    [
        (2, "abcde", [(0, "ab"), (1, "cd"), (2, "e")]),  # in their order, as many at once as there are workers
        (4, "wxyzabcd", [(0, "wxab"), (1, "cd"), (10, "yz")]),  # those that hang share half of them
        (1, "wb", [(0, "w"), (10, "b")]),  # a single one is for those that hang too
    ],
)
def test_turns_are_taken(count: int, names: str, begun: list[tuple[float, str]]) -> None:
    events: list[tuple[float, str]] = []

    async def scenario() -> None:
        workers = Workers(count, noted(events))
        for name in names:
            workers.put(poll(name))
        await asyncio.sleep(1000)
        await workers.stop()

    run_virtually(scenario())
    assert events == [(at, name) for at, each in begun for name in each]


def test_a_turn_that_comes_as_the_last_one_ends_is_taken() -> None:
    async def scenario() -> list[str]:
        taken: list[str] = []

        async def ask(one: Poll) -> None:
            taken.append(one.target.id)
            if one.target.id == "a":
                asyncio.get_running_loop().call_soon(workers.put, poll("b"))

        workers = Workers(1, ask)
        workers.put(poll("a"))
        await asyncio.sleep(1)
        return taken

    assert run_virtually(scenario()) == ["a", "b"]


def test_what_waits_is_no_task_and_is_never_asked_after_the_end() -> None:
    events: list[tuple[float, str]] = []

    async def scenario() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        workers = Workers(3, noted(events))
        for number in range(10_000):
            workers.put(poll("w" if number % 2 else "a"))
        await asyncio.sleep(0.5)
        tasks = len(asyncio.all_tasks())
        await workers.stop()
        ended = loop.time()
        await asyncio.sleep(100)
        return tasks, ended

    assert run_virtually(scenario()) == (1 + 3, 0.5)
    assert len(events) == 3
