"""How many requests a second an API key may send."""

import asyncio
from collections import deque

_GRAIN = 0.05
"""Seconds below which requests are counted rather than spaced: an event loop's timers are not much finer than 1 ms."""


class Budget:
    """Let requests through at no more than `rate` a second, evenly, in the order in which they ask.

    No window of a second, or of 1/rate seconds where that is longer, sees more than it may. Up to 20 requests a
    second they are spaced one by one, above in small groups.
    """

    def __init__(self, rate: float) -> None:
        self._turn = asyncio.Lock()
        self._held_until = 0.0
        self._recent: deque[float] = deque()
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        """Use another rate from now on."""
        self._rate = rate
        self._group, self._most = max(1, int(rate * _GRAIN)), max(1, int(rate))
        self._recent = deque(self._recent, maxlen=self._most)

    def hold(self, seconds: float) -> None:
        """Let nothing through for this long."""
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)

    @property
    def is_held(self) -> bool:
        """Tell whether a hold lasts."""
        return asyncio.get_running_loop().time() < self._held_until

    async def acquire(self) -> None:
        """Wait for this request's turn."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while (wait := self._next() - loop.time()) > 0:  # noqa: ASYNC110 - for a time, which a hold may move
                await asyncio.sleep(wait)
            self._recent.append(loop.time())

    def _next(self) -> float:
        earliest = self._held_until
        for count in (self._group, self._most):
            if len(self._recent) >= count:
                earliest = max(earliest, self._recent[-count] + count / self._rate)
        return earliest
