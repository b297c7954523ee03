"""Which poll is next, and how many run at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from exporter.config import Target

_IN_ONE_TURN = 8
"""Polls to begin in a turn of the event loop, however many are ready: others may run in between."""


@dataclass(slots=True, eq=False)
class Poll:
    """One target to be polled: `ended` is called at its end, no attempt begins after `deadline` (event loop time).

    `failed` is whether the target's last poll did. Where its last attempt met a time-out the poll is `slow`: such polls
    share half of the workers. A `probe` is sent although the key is refused. `retry` begins the next attempt.
    """

    target: Target
    deadline: float
    ended: Callable[[], None]
    probe: bool = False
    failed: bool = False
    slow: bool = False
    attempt: int = 0
    retry: asyncio.TimerHandle | None = None


class Workers:
    """Run polls in the order in which they come, at most `count` at once, slow ones on half of them.

    A retry goes before polls that have not begun: else an API that is down would be seen only after all were asked.
    A poll that waits is an entry of a queue, not a task: there may be tens of thousands.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._left_for_slow = max(1, count // 2)
        self._waiting: deque[Poll] = deque()
        self._slow_waiting: deque[Poll] = deque()  # passed over while their half is taken
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_IN_ONE_TURN)

    def put(self, poll: Poll, attempt: Callable[[Poll], Awaitable[None]]) -> None:
        """Queue a poll. `attempt` is the same for all, but not kept: whose method it is would never be freed."""
        (self._waiting.appendleft if poll.attempt else self._waiting.append)(poll)
        if len(self._tasks) < self._count:
            self._tasks.add(asyncio.create_task(self._work(attempt)))

    async def stop(self) -> None:
        """Cancel what runs; what waits is never begun."""
        self._waiting.clear()
        self._slow_waiting.clear()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, attempt: Callable[[Poll], Awaitable[None]]) -> None:
        try:
            while poll := self._next():
                self._left_for_slow -= (was_slow := poll.slow)
                await self._turn.acquire()
                asyncio.get_running_loop().call_soon(self._turn.release)
                try:
                    await attempt(poll)
                finally:
                    self._left_for_slow += was_slow
                    if was_slow and self._slow_waiting:
                        self._waiting.appendleft(self._slow_waiting.popleft())
        finally:
            # Not in a callback, which would come late: put() must not count on a worker that has found no more polls.
            self._tasks.discard(asyncio.current_task())  # not in a local: by its traceback it would hold itself

    def _next(self) -> Poll | None:
        while self._waiting:
            poll = self._waiting.popleft()
            if not poll.slow or self._left_for_slow:
                return poll
            self._slow_waiting.append(poll)
        return None
