"""The event loop's clock as APScheduler wants it: a time zone and a trigger.

APScheduler reads the wall clock; one that is set back by an hour would stop all sweeps for an hour. In this time zone
"now" is what the event loop has counted since the zone was made, which no correction of the wall clock moves.
"""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.triggers.base import BaseTrigger


class LoopZone(tzinfo):
    """Read as UTC; `datetime.now(zone)` follows the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = datetime.now(UTC).replace(tzinfo=self) - timedelta(seconds=self._loop.time())

    def utcoffset(self, _: datetime | None) -> timedelta:
        """Return no offset."""
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        """Return no offset."""
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        """Return the zone's name."""
        return "loop"

    def fromutc(self, _: datetime) -> datetime:
        """Answer `datetime.now(zone)`, whatever the wall clock says."""
        return self._origin + timedelta(seconds=self._loop.time())


class EveryInterval(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Fire now, and then every `interval` seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = timedelta(seconds=interval)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return when to fire next, from when it fired last."""
        return now if previous_fire_time is None else previous_fire_time + self._interval
