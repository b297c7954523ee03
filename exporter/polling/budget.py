"""How many requests a second an API key may send."""

import asyncio
from collections import deque

GRAIN = 0.25
"""Seconds for which requests may be sent together: the same number of polls costs less than half when they come so."""


class Budget:
    """At most `rate` requests a second, in the order in which they ask, in groups of a quarter of a second's worth.

    No window of a second, or of 1/rate seconds where that is longer, sees more than `rate` allows. Below eight requests
    a second they go one by one.
    """

    def __init__(self, rate: float) -> None:
        self._turn = asyncio.Lock()
        self._held_until = 0.0
        self._recent: deque[float] = deque()
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        """Use another rate from now on."""
        self._rate = rate
        self._group, self._most = max(1, int(rate * GRAIN)), max(1, int(rate))
        self._recent = deque(self._recent, maxlen=self._most)

    def hold(self, seconds: float) -> None:
        """Stop all requests for this long."""
        self._held_until = max(self._held_until, asyncio.get_running_loop().time() + seconds)

    @property
    def is_held(self) -> bool:
        """Whether requests are stopped now."""
        return asyncio.get_running_loop().time() < self._held_until

    async def acquire(self) -> None:
        """Wait until a request may be sent."""
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
