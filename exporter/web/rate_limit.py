"""A token bucket: how many requests are answered, as exporter-toolkit counts them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """Allow one request an `interval` of seconds, and `burst` at once."""

    interval: float
    burst: int


class RateLimit:
    """Tell which requests are within a rate; without one, all are."""

    def __init__(self, rate: Rate | None, now: Callable[[], float]) -> None:
        self.rate = rate
        self._now = now
        self._tokens = float(rate.burst) if rate else 0.0
        self._filled = now()

    def allows(self) -> bool:
        """Count a request."""
        if self.rate is None:
            return True
        now = self._now()
        self._tokens = min(self.rate.burst, self._tokens + (now - self._filled) / self.rate.interval)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
