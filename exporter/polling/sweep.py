"""One sweep: each target of a workspace and interval polled once, spread evenly over the interval."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from exporter.config import Target
from exporter.polling.budget import GRAIN
from exporter.polling.workspace import WorkspacePoller
from exporter.telemetry import Telemetry

_STALLED_STEPS = 3
_IN_ONE_GO = 100
"""Polls to begin before others may run, where they are due at once."""


class Sweep:
    """Poll `targets`, which share a workspace and an interval in seconds, again and again.

    `phase`, from 0 to 1, says where in its step a poll is due: so a hundred workspaces do not ask in the same instant.
    `job` is the one that runs it, if there is one yet, and `tasks` are its runs.
    """

    def __init__(self, poller: WorkspacePoller, interval: float, telemetry: Telemetry, phase: float) -> None:
        self.poller = poller
        self.interval = interval
        self.targets: Sequence[Target] = ()
        self.duration = 0.0  # of the last run over all targets, in seconds
        self.job: Any = None  # APScheduler ships no types
        self.tasks: set[asyncio.Task[None]] = set()
        self._has_run = False
        self._loop = asyncio.get_running_loop()
        self._started_at = self._created_at = self.progressed_at = self._loop.time()
        self._telemetry = telemetry
        self._phase = phase

    async def run(self, fresh: Sequence[Target] = ()) -> None:
        """Poll all targets, spread evenly over the interval, or `fresh` ones as fast as the budget allows.

        What is due within a quarter of a second begins together. The last polls may end after the next run has begun;
        one that has not ended an interval after the last one was due makes the sweep an overrun.
        """
        targets = fresh or self.targets
        step = 0.0 if fresh else self.interval / len(targets)
        grain = max(step, GRAIN)
        self._started_at = began = due = self._loop.time()
        polls, probed = _Polls(self), None
        if self.poller.refusal.failure:  # ask with one target, and wait for the answer
            probed = self.poller.refusal.next_probe(targets)
            polls.begin(probed, due + self.interval, probe=True)
            await polls.none_left.wait()
        for place, target in enumerate(targets):
            due = began + (place * step // grain + self._phase) * grain
            if (wait := due - self._loop.time()) > 0 or place % _IN_ONE_GO == 0:
                await asyncio.sleep(wait)
            if target is not probed:
                polls.begin(target, due + self.interval)
        await self._end(polls, due + self.interval)
        if len(targets) == len(self.targets):
            self.duration = self._loop.time() - began

    def next_due(self, target: Target) -> float | None:
        """Return in how many seconds a target is due at the even pace, None where it is none of this sweep's."""
        if target not in self.targets:
            return None
        place, count = self.targets.index(target), len(self.targets)
        return (self._started_at + place * self.interval / count - self._loop.time()) % self.interval

    @property
    def is_ready(self) -> bool:
        """Whether all targets have been polled once, or have had an interval's time for it."""
        return self._has_run or self._loop.time() >= self._created_at + self.interval

    @property
    def is_stalled(self) -> bool:
        """Whether nothing has ended for so long that something other than the API must be wrong."""
        api = self.poller.api
        longest_step = self.interval + api.timeout + 1 / api.requests_per_second
        return self._loop.time() > self.progressed_at + _STALLED_STEPS * longest_step

    async def _end(self, polls: "_Polls", deadline: float) -> None:
        """Wait for the polls; what has not ended by the deadline goes on, but the next sweep does not wait for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await polls.none_left.wait()
        self._has_run = True
        if polls.left or self._loop.time() > deadline:  # late itself, for want of processor time
            self._telemetry.overran(self.poller.name)
        self.poller.report.swept(self.targets, polls.left)


class _Polls:
    """The polls of one run that have not ended."""

    def __init__(self, sweep: Sweep) -> None:
        self.left = 0
        self.none_left = asyncio.Event()
        self._sweep = sweep

    def begin(self, target: Target, deadline: float, *, probe: bool = False) -> None:
        self.left += 1
        self.none_left.clear()
        self._sweep.poller.poll(target, deadline, self.end, probe=probe)

    def end(self) -> None:
        self._sweep.progressed_at = asyncio.get_running_loop().time()
        self.left -= 1
        if not self.left:
            self.none_left.set()
