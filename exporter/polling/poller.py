"""All sweeps of a configuration: prepared before anything changes, adopted in one step, retired afterwards."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

import structlog

from exporter.api import Access
from exporter.config import Config, Target, TargetKey
from exporter.polling.sweep import Sweep
from exporter.polling.workspace import WorkspacePoller
from exporter.store import State, Store
from exporter.telemetry import Telemetry

if TYPE_CHECKING:
    from exporter.api.client import Client
    from exporter.polling.schedule import Schedule

log = structlog.get_logger()

SweepKey: TypeAlias = tuple[str, float]
"""A workspace's name and an interval in seconds."""


Plan: TypeAlias = Mapping[SweepKey, tuple[list[Target], list[Target]]]
"""What each sweep polls, and what of that was never polled."""


def plan(config: Config, states: Mapping[TargetKey, State]) -> Plan:
    """Return the plan of a configuration whose targets have these states. In any thread."""
    planned: defaultdict[SweepKey, tuple[list[Target], list[Target]]] = defaultdict(lambda: ([], []))
    for target in config.targets:
        targets, unknown = planned[target.workspace, target.poll.interval]
        targets.append(target)
        if states[target.key].up is None:
            unknown.append(target)
    return planned


class Poller:
    """Run one sweep per workspace and interval. Needs a running event loop.

    A sweep lasts about its interval and its last polls end in the next one, so two of them may overlap.
    """

    def __init__(self, store: Store, telemetry: Telemetry, open_client: "Callable[[Access], Client]") -> None:
        self._store = store
        self._telemetry = telemetry
        self._open_client = open_client
        self._schedule: Schedule | None = None
        self._workspaces: Mapping[str, WorkspacePoller] = {}
        self._expected: set[SweepKey] | None = None
        self._sweeps: dict[SweepKey, Sweep] = {}
        self._fresh: dict[SweepKey, Sequence[Target]] = {}  # targets that were never polled

    async def prepare(self, accesses: Mapping[str, Access]) -> dict[str, WorkspacePoller]:
        """Open the clients that are needed; what does not change goes on being used. Raises what opening raises."""
        prepared: dict[str, WorkspacePoller] = {}
        async with AsyncExitStack() as opened:
            for name, access in accesses.items():
                old = self._workspaces.get(name)
                if old is not None and old.access == access:
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

    def adopt(self, config: Config, plan: Plan, prepared: Mapping[str, WorkspacePoller]) -> list[WorkspacePoller]:
        """Poll by a configuration from now on; return what is to be retired.

        The store has been configured before. Nothing here waits, so nobody sees half of it.
        """
        phases = {}
        for place, workspace in enumerate(config.workspaces):
            poller = prepared[workspace.name]
            poller.targets = workspace.targets
            poller.budget.set_rate(poller.api.requests_per_second)
            phases[workspace.name] = place / len(config.workspaces)
        old, self._workspaces, self._expected = self._workspaces, prepared, set(plan)
        retired = [poller for name, poller in old.items() if prepared.get(name) is not poller]
        for key, sweep in list(self._sweeps.items()):
            if key not in plan or sweep.poller in retired:
                self._drop(key)
        for key, (targets, unknown) in plan.items():
            self._fresh[key] = unknown if key in self._sweeps else targets
            if key not in self._sweeps:
                self._sweeps[key] = Sweep(prepared[key[0]], key[1], self._telemetry, phases[key[0]])
            self._sweeps[key].targets = targets
        return retired

    def begin(self) -> None:
        """Poll targets that were never polled at once, and then at the even pace."""
        from exporter.polling.schedule import Schedule  # noqa: PLC0415 - takes 15 ms to import, and no page waits for it

        fresh, self._fresh = self._fresh, {}
        for key, targets in fresh.items():
            if targets and key in self._sweeps:
                self._schedule = self._schedule or Schedule()
                self._schedule.add_job(self._run, args=(key, self._sweeps[key], targets))

    async def poll_once(self) -> None:
        """Poll what is adopted once, as fast as the budget allows."""
        await asyncio.gather(*(sweep.run(sweep.targets) for sweep in self._sweeps.values()))
        await asyncio.gather(*(poller.all_ended() for poller in self._workspaces.values()))
        for key in self._sweeps:
            self._swept(key)

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        schedule, self._schedule = self._schedule, None
        if schedule:
            schedule.pause()
        self._expected = None
        for key in list(self._sweeps):
            self._drop(key)
        await asyncio.gather(*(poller.stop() for poller in self._workspaces.values()))
        if schedule:
            schedule.shutdown()
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
        if sweep.job is None and self._schedule:
            sweep.job = self._schedule.add_interval(sweep.interval, self._run, key, sweep)

    def _swept(self, key: SweepKey) -> None:
        durations = [sweep.duration for (name, _), sweep in self._sweeps.items() if name == key[0]]
        if any(durations):
            self._telemetry.swept(key[0], max(durations))

    def _drop(self, key: SweepKey) -> None:
        sweep = self._sweeps.pop(key)
        if sweep.job:
            sweep.job.remove()
            sweep.job = None  # it refers to the sweep
        for task in sweep.tasks:
            task.cancel()
