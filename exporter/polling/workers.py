"""Which poll is next, and how many run at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exporter.config import Campaign


@dataclass(slots=True, eq=False)
class Turn:
    """Hold one campaign's turn to be polled: `ended` is called at its end, no attempt begins after `deadline`."""

    campaign: Campaign
    deadline: float
    ended: Callable[[], None]
    probing: bool = False
    attempt: int = 0
    hangs: bool = False


class Slots:
    """Let `ask` work on turns in the order in which they come, at most `count` at once.

    Turns whose campaign hangs share half of the slots, so that they leave room for those that answer. A turn that
    waits is a line in a queue, not a task: there may be tens of thousands.
    """

    def __init__(self, count: int, ask: Callable[[Turn], Awaitable[None]]) -> None:
        self._count = count
        self._free_for_hanging = max(1, count // 2)
        self._ask = ask
        self._waiting: deque[Turn] = deque()
        self._hanging: deque[Turn] = deque()  # passed over while their half is taken
        self._workers: set[asyncio.Task[None]] = set()

    def put(self, turn: Turn) -> None:
        """Let a turn wait for its slot."""
        self._waiting.append(turn)
        if len(self._workers) < self._count:
            self._workers.add(asyncio.create_task(self._work()))

    async def stop(self) -> None:
        """End what is being asked; what waits is never asked."""
        workers = set(self._workers)
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers)

    async def _work(self) -> None:
        try:
            while (turn := self._next()) is not None:
                try:
                    await self._ask(turn)
                finally:
                    if turn.hangs:
                        self._let_next_hanging_in()
        finally:
            # Not in a callback, which would come late: put() must not count on a worker that has found no more turns.
            if (worker := asyncio.current_task()) is not None:
                self._workers.discard(worker)

    def _next(self) -> Turn | None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.hangs:
                return turn
            if self._free_for_hanging:
                self._free_for_hanging -= 1
                return turn
            self._hanging.append(turn)
        return None

    def _let_next_hanging_in(self) -> None:
        self._free_for_hanging += 1
        if self._hanging:
            self._waiting.append(self._hanging.popleft())
