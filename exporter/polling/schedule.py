"""When sweeps run: APScheduler, on the event loop's clock."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.polling.budget import GRAIN


class Schedule(AsyncIOScheduler):  # type: ignore[misc]  # APScheduler ships no types
    """Run coroutines at once, or every so many seconds. Needs a running event loop."""

    def __init__(self) -> None:
        job_defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 3}
        super().__init__(timezone=_LoopZone(), job_defaults=job_defaults)
        self.start()

    def add_interval(self, seconds: float, run: Callable[..., Any], *args: object) -> Any:
        """Return a job that runs at each interval."""
        return self.add_job(run, _EveryInterval(seconds), args=args)


class _LoopZone(tzinfo):
    """UTC for APScheduler, which reads the wall clock: one set back by an hour would stop all sweeps for an hour.

    In this time zone "now" is what the event loop has counted since the zone was made.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = datetime.now(UTC).replace(tzinfo=self) - timedelta(seconds=self._loop.time())

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "loop"

    def fromutc(self, _: datetime) -> datetime:
        return self._origin + timedelta(seconds=self._loop.time())


class _EveryInterval(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fire at the next quarter of a second, and then every `interval` seconds.

    All sweeps are in step so far, so it is their phases alone that keep them apart.
    """

    def __init__(self, interval: float) -> None:
        self._interval = timedelta(seconds=interval)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time:
            return previous_fire_time + self._interval
        return now + (now.replace(microsecond=0) - now) % timedelta(seconds=GRAIN)
