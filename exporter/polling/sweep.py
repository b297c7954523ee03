"""One sweep: each campaign of a workspace and interval polled once, spread evenly over the interval."""

import asyncio
import zlib
from collections.abc import Sequence
from contextlib import suppress

import structlog

from exporter.config import Campaign
from exporter.polling.workspace import Asking
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_STALLED_STEPS = 3
_IN_ONE_GO = 100
"""Polls to begin before others may run, where they are due at once."""


class Sweep:
    """Poll `campaigns`, which share a workspace and an interval in seconds."""

    def __init__(self, asking: Asking, interval: float, campaigns: Sequence[Campaign], telemetry: Telemetry) -> None:
        self.interval = interval
        self.campaigns = campaigns
        self.has_run = False
        self.started_at = self.progressed_at = asyncio.get_running_loop().time()
        self._asking = asking
        self._telemetry = telemetry
        # Where in its step a poll is due. Without it a hundred workspaces would all ask in the same instant.
        self._phase = zlib.crc32(asking.workspace.name.encode()) / 2**32

    async def run_fast(self, campaigns: Sequence[Campaign]) -> None:
        """Poll `campaigns` as fast as the budget allows, so that they are seen soon."""
        await self._run(campaigns, step=0.0)

    async def run(self) -> None:
        """Poll all campaigns, spread evenly over the interval.

        The last polls may end after the next sweep has begun; a poll that has not ended an interval after the last
        one began makes the sweep an overrun.
        """
        await self._run(self.campaigns, step=self.interval / len(self.campaigns))

    @property
    def is_ready(self) -> bool:
        """Tell whether all campaigns have been polled once, or have had an interval's time for it."""
        return self.has_run or asyncio.get_running_loop().time() >= self.started_at + self.interval

    @property
    def is_stalled(self) -> bool:
        """Tell whether nothing has ended or begun for so long that something other than the API must be wrong."""
        api = self._asking.workspace.api
        longest_step = self.interval + api.timeout + 1 / api.requests_per_second
        return asyncio.get_running_loop().time() > self.progressed_at + _STALLED_STEPS * longest_step

    async def _run(self, campaigns: Sequence[Campaign], *, step: float) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        polls = _Polls(self)
        for place, campaign in enumerate(campaigns):
            due = started + (place + self._phase) * step
            wait = due - loop.time()
            if wait > 0 or place % _IN_ONE_GO == 0:
                await asyncio.sleep(wait)
            probing = place == 0 and self._asking.refusal is not None
            polls.begun()
            self._asking.begin(campaign, due + self.interval, polls.ended, probing=probing)
            if probing:
                await polls.all_ended()  # the key was refused: hear once before going on
        await self._end(polls, started + (len(campaigns) - 1 + self._phase) * step + self.interval)
        self._telemetry.swept(self._asking.workspace.name, loop.time() - started)

    async def _end(self, polls: "_Polls", deadline: float) -> None:
        """Wait for the polls; what has not ended by the deadline goes on, but the next sweep does not wait for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await polls.all_ended()
        self.has_run = True
        if polls.going_on or asyncio.get_running_loop().time() > deadline:  # late itself, for want of processor time
            self._telemetry.overran(self._asking.workspace.name)
            log.warning(
                "sweep overran its interval",
                workspace=self._asking.workspace.name,
                interval=self.interval,
                late_campaigns=polls.going_on,
                campaigns=len(self.campaigns),
                hint="raise poll.interval, api.requests_per_second or api.max_concurrency",
            )


class _Polls:
    """Count the polls of one run that have not ended."""

    def __init__(self, sweep: Sweep) -> None:
        self.going_on = 0
        self._sweep = sweep
        self._none = asyncio.Event()
        self._none.set()

    def begun(self) -> None:
        self.going_on += 1
        self._none.clear()

    def ended(self) -> None:
        self._sweep.progressed_at = asyncio.get_running_loop().time()
        self.going_on -= 1
        if not self.going_on:
            self._none.set()

    async def all_ended(self) -> None:
        await self._none.wait()
