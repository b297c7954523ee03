"""Work that many ask for at once is done once, and never older than the question's answer may be."""

import asyncio

import pytest

from exporter.web.shared import Shared


class Work:
    """Work that is over when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.over = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        await self.over.wait()
        return self.begun


def test_who_asks_while_it_is_being_done_shares_it_and_who_asks_later_gets_it_anew() -> None:
    async def ask() -> None:
        work = Work()
        shared = Shared(work)
        asking = [asyncio.ensure_future(shared()) for _ in range(100)]
        await asyncio.sleep(0)
        asking[0].cancel()  # the others still get theirs
        work.over.set()
        assert await asyncio.gather(*asking[1:]) == [1] * 99
        assert await shared() == 2

    asyncio.run(ask())


def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    failures = [OSError("first")]

    async def fail() -> str:
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        return "well"

    async def ask() -> None:
        shared = Shared(fail)
        told = await asyncio.gather(shared(), shared(), return_exceptions=True)
        assert list(map(str, told)) == ["first", "first"]
        assert await shared() == "well"

    asyncio.run(ask())


def test_nobody_has_to_wait_for_the_end() -> None:
    async def leave() -> None:
        work = Work()
        asking = asyncio.ensure_future(Shared(work)())
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        work.over.set()

    asyncio.run(leave())
