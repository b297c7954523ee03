"""All sweeps of a configuration: prepared before anything changes, adopted in one step, retired afterwards."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from exporter.api import Access, Client
from exporter.config import Config, Target
from exporter.polling.budget import GRAIN
from exporter.polling.sweep import Sweep
from exporter.polling.workspace import WorkspacePoller
from exporter.store import Store
from exporter.telemetry import Telemetry

log = structlog.get_logger()

SweepKey: TypeAlias = tuple[str, float]
"""A workspace's name and an interval in seconds."""


class Poller:
    """Run one sweep per workspace and interval. Needs a running event loop.

    A sweep lasts about its interval and its last polls end in the next one, so two of them may overlap.
    """

    def __init__(self, store: Store, telemetry: Telemetry, open_client: Callable[[Access], Client] = Client) -> None:
        self._store = store
        self._telemetry = telemetry
        self._open_client = open_client
        job_defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 3}
        self._scheduler = AsyncIOScheduler(timezone=_LoopZone(), job_defaults=job_defaults)
        self._workspaces: Mapping[str, WorkspacePoller] = {}
        self._expected: set[SweepKey] | None = None
        self._sweeps: dict[SweepKey, Sweep] = {}
        self._fresh: dict[SweepKey, Sequence[Target]] = {}  # targets that were never polled

    def start(self) -> None:
        """Begin to poll what is adopted."""
        self._scheduler.start()

    def access(self, workspace: str) -> Access | None:
        """Return what the workspace's requests are sent with now."""
        poller = self._workspaces.get(workspace)
        return poller.access if poller else None

    async def prepare(self, accesses: Mapping[str, Access]) -> dict[str, WorkspacePoller]:
        """Open the clients that are needed; what does not change goes on being used. Raises what opening raises."""
        prepared: dict[str, WorkspacePoller] = {}
        async with AsyncExitStack() as opened:
            for name, access in accesses.items():
                old = self._workspaces.get(name)
                if old is not None and old.access == access:
                    old.access = access  # whether its key could be read may differ
                    prepared[name] = old
                    continue
                client = self._open_client(access)
                opened.push_async_callback(client.aclose)
                budget = old.budget if old else None  # what the API was promised, a Retry-After for one, holds on
                prepared[name] = WorkspacePoller(
                    name, access, client=client, store=self._store, telemetry=self._telemetry, budget=budget
                )
            opened.pop_all()
        return prepared

    def adopt(self, config: Config, prepared: Mapping[str, WorkspacePoller]) -> list[WorkspacePoller]:
        """Poll by a configuration from now on; return what is to be retired.

        The store has been configured before. Nothing here waits, so nobody sees half of it.
        """
        groups: dict[SweepKey, list[Target]] = defaultdict(list)
        phases = {}
        for place, workspace in enumerate(config.workspaces):
            poller = prepared[workspace.name]
            poller.targets = workspace.targets
            poller.budget.set_rate(poller.api.requests_per_second)
            phases[workspace.name] = place / len(config.workspaces)
            for target in poller.targets:
                groups[workspace.name, target.poll.interval].append(target)
        old, self._workspaces, self._expected = self._workspaces, prepared, set(groups)
        retired = [poller for name, poller in old.items() if prepared.get(name) is not poller]
        for key, sweep in list(self._sweeps.items()):
            if key not in groups or sweep.poller in retired:
                self._drop(key)
        for key, targets in groups.items():
            fresh = targets
            if key in self._sweeps:
                fresh = [target for target in targets if self._is_unknown(target)]
            else:
                self._sweeps[key] = Sweep(prepared[key[0]], key[1], self._telemetry, phases[key[0]])
            self._sweeps[key].targets, self._fresh[key] = targets, fresh
        return retired

    def begin(self) -> None:
        """Poll targets that were never polled at once, and then at the even pace."""
        fresh, self._fresh = self._fresh, {}
        for key, targets in fresh.items():
            if targets and key in self._sweeps:
                self._scheduler.add_job(self._run, args=(key, self._sweeps[key], targets))

    async def poll_once(self) -> None:
        """Poll targets once, as fast as the budget allows."""
        await asyncio.gather(*(self._sweeps[key].run(targets) for key, targets in self._fresh.items()))
        await asyncio.gather(*(poller.all_ended() for poller in self._workspaces.values()))
        for key in self._fresh:
            self._swept(key)

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        if self._scheduler.running:
            self._scheduler.pause()
        self._expected = None
        for key in list(self._sweeps):
            self._drop(key)
        await asyncio.gather(*(poller.stop() for poller in self._workspaces.values()))
        if self._scheduler.running:
            self._scheduler.shutdown()
            await asyncio.sleep(0)  # it ends in the loop's next turn

    @property
    def is_ready(self) -> bool:
        """Whether each sweep, a shard may have none, has run once or has had an interval's time to."""
        return self._expected is not None and all(sweep.is_ready for sweep in self._sweeps.values())

    @property
    def stalled(self) -> list[str]:
        """The names of the workspaces of which a sweep does not progress, or is not there."""
        sweeps = ((key[0], self._sweeps.get(key)) for key in self._expected or ())
        return sorted({name for name, sweep in sweeps if sweep is None or sweep.is_stalled})

    def next_due(self, campaign: Target) -> float | None:
        """Return in how many seconds a campaign is polled next, None where it is not polled."""
        sweep = self._sweeps.get((campaign.workspace, campaign.poll.interval))
        return sweep.next_due(campaign) if sweep else None

    def _is_unknown(self, target: Target) -> bool:
        state = self._store.get(target.key)
        return state is not None and state.up is None

    async def _run(self, key: SweepKey, sweep: Sweep, fresh: Sequence[Target] = ()) -> None:
        """Run a sweep inside its job, so that APScheduler knows how long it runs, but in a task that can be cancelled.

        After the first run the even pace begins.
        """
        task = asyncio.create_task(sweep.run(fresh))
        sweep.tasks.add(task)
        await asyncio.wait({task})
        sweep.tasks.discard(task)
        if self._sweeps.get(key) is not sweep:
            return
        if error := task.exception():
            log.error("internal error in a sweep", workspace=key[0], exc_info=error)
        self._swept(key)
        if sweep.job is None:
            sweep.job = self._scheduler.add_job(self._run, _EveryInterval(sweep.interval), args=(key, sweep))

    def _swept(self, key: SweepKey) -> None:
        durations = [sweep.duration for (name, _), sweep in self._sweeps.items() if name == key[0]]
        if any(durations):
            self._telemetry.swept(key[0], max(durations))

    def _drop(self, key: SweepKey) -> None:
        sweep = self._sweeps.pop(key)
        if sweep.job:
            sweep.job.remove()
        for task in sweep.tasks:
            task.cancel()


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
