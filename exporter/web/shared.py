"""Work that many may ask for at once, done once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Give the result of `work`; who asks while it is being done gets what it will be."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._running: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """Wait for the result."""
        if self._running is None:
            self._running = asyncio.ensure_future(self._work())
            self._running.add_done_callback(self._over)
        return await asyncio.shield(self._running)  # one that goes away must not take it from the others

    def _over(self, _: object) -> None:
        self._running = None
