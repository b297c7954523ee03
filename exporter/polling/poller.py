"""All sweeps of a configuration: which there are, when they run, how they change and how they end."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from exporter.api import Client
from exporter.config import Campaign, Config, Workspace
from exporter.polling.budget import Budget
from exporter.polling.clock import EveryInterval, LoopZone
from exporter.polling.sweep import Sweep
from exporter.polling.workspace import Asking
from exporter.store import Store
from exporter.telemetry import Telemetry

log = structlog.get_logger()

_SweepKey: TypeAlias = tuple[str, float]


class Poller:
    """Run one sweep per workspace and interval. Needs a running event loop; `open_client` makes a workspace's client.

    A sweep lasts about its interval and its last polls end in the next one, so two of them may overlap.
    """

    def __init__(self, store: Store, telemetry: Telemetry, open_client: Callable[[Workspace], Client]) -> None:
        self._store = store
        self._telemetry = telemetry
        self._open_client = open_client
        job_defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 3}
        self._scheduler = AsyncIOScheduler(timezone=LoopZone(), job_defaults=job_defaults)
        self._asking: dict[str, Asking] = {}
        self._sweeps: dict[_SweepKey, Sweep] = {}
        self._running: dict[_SweepKey, set[asyncio.Task[None]]] = defaultdict(set)
        self._is_configured = self._was_ready = False

    def start(self) -> None:
        """Begin to poll what has been and will be configured."""
        self._scheduler.start()

    async def configure(self, config: Config) -> None:
        """Poll what `config` says from now on; what it does not change goes on undisturbed."""
        for key, fresh in (await self._adopt(config)).items():
            if fresh:
                self._scheduler.add_job(self._run_first, args=(key, fresh))

    async def poll_once(self, config: Config) -> None:
        """Poll every campaign once, as fast as the budget allows."""
        fresh = await self._adopt(config)
        await asyncio.gather(*(self._sweeps[key].run_fast(campaigns) for key, campaigns in fresh.items()))
        await asyncio.gather(*(asking.finish() for asking in self._asking.values()))

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        if self._scheduler.running:
            self._scheduler.pause()
        for name in list(self._asking):
            await self._retire(name)
        if self._scheduler.running:
            self._scheduler.shutdown()
            await asyncio.sleep(0)  # it ends in the loop's next turn

    @property
    def is_ready(self) -> bool:
        """Tell whether each sweep has run once or has had an interval's time to; once true, it stays true."""
        self._was_ready = self._was_ready or (
            self._is_configured and all(sweep.is_ready for sweep in self._sweeps.values())  # a shard may have none
        )
        return self._was_ready

    @property
    def stalled(self) -> list[str]:
        """Name the workspaces whose sweeps do not progress."""
        return sorted({name for (name, _), sweep in self._sweeps.items() if sweep.is_stalled})

    async def _adopt(self, config: Config) -> dict[_SweepKey, list[Campaign]]:
        """Make the sweeps be those of `config`; return the campaigns of each that have never been polled."""
        budgets = await self._retire_changed({workspace.name: workspace for workspace in config.workspaces})
        groups: dict[_SweepKey, list[Campaign]] = defaultdict(list)
        for workspace in config.workspaces:
            self._adopt_workspace(workspace, budgets.get(workspace.name))
            for campaign in workspace.campaigns:
                groups[workspace.name, campaign.poll.interval].append(campaign)
        for key in self._sweeps.keys() - groups.keys():
            await self._drop(key)
        self._is_configured = True
        return {key: self._adopt_sweep(key, campaigns) for key, campaigns in groups.items()}

    async def _retire_changed(self, wanted: dict[str, Workspace]) -> dict[str, Budget]:
        budgets = {}
        for name, asking in list(self._asking.items()):
            new = wanted.get(name)
            if new is None or (new.api, new.key) != (asking.workspace.api, asking.workspace.key):
                budgets[name] = asking.budget  # what the API was promised, a Retry-After for one, holds on
                await self._retire(name)
        return budgets

    def _adopt_workspace(self, workspace: Workspace, budget: Budget | None) -> None:
        if workspace.name in self._asking:
            self._asking[workspace.name].workspace = workspace
            return
        if budget is not None:
            budget.set_rate(workspace.api.requests_per_second)
        client = self._open_client(workspace)
        self._asking[workspace.name] = Asking(workspace, client, self._store, self._telemetry, budget=budget)

    def _adopt_sweep(self, key: _SweepKey, campaigns: list[Campaign]) -> list[Campaign]:
        sweep = self._sweeps.get(key)
        if sweep is None:
            self._sweeps[key] = Sweep(self._asking[key[0]], key[1], campaigns, self._telemetry)
            return campaigns
        sweep.campaigns = campaigns
        return [campaign for campaign in campaigns if self._is_unknown(campaign)]

    def _is_unknown(self, campaign: Campaign) -> bool:
        state = self._store.get(campaign.key)
        return state is not None and state.up is None

    async def _run_first(self, key: _SweepKey, campaigns: Sequence[Campaign]) -> None:
        """Poll new campaigns at once, then let the even pace begin, if it has not."""
        sweep = self._sweeps.get(key)
        if sweep is None:
            return
        await self._supervise(key, sweep.run_fast(campaigns))
        job = _job_id(key)
        if self._sweeps.get(key) is sweep and self._scheduler.get_job(job) is None:
            self._scheduler.add_job(self._run, EveryInterval(sweep.interval), args=(key,), id=job)

    async def _run(self, key: _SweepKey) -> None:
        if sweep := self._sweeps.get(key):
            await self._supervise(key, sweep.run())

    async def _supervise(self, key: _SweepKey, sweep: Coroutine[Any, Any, None]) -> None:
        """Wait for a sweep inside its job, so that APScheduler knows how long it runs; it may be cancelled."""
        task = asyncio.create_task(sweep)
        running = self._running[key]
        running.add(task)
        await asyncio.wait({task})
        running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("internal error in a sweep", workspace=key[0], exc_info=error)

    async def _drop(self, key: _SweepKey) -> None:
        del self._sweeps[key]
        if self._scheduler.get_job(_job_id(key)):
            self._scheduler.remove_job(_job_id(key))
        running = self._running.pop(key, set())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _retire(self, name: str) -> None:
        for key in [key for key in self._sweeps if key[0] == name]:
            await self._drop(key)
        await self._asking.pop(name).stop()


def _job_id(key: _SweepKey) -> str:
    return f"{key[0]}/{key[1]:g}"
