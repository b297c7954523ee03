"""The parts put together: what runs, how a configuration is adopted, and how it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from exporter.api import Access, AccessError, open_client, read_access
from exporter.changes import log_difference, log_key, log_lists, log_warnings
from exporter.config import Campaign, Config, ConfigError, SenderList, Source, load
from exporter.exposition import Format, Page
from exporter.polling import Plan, Poller, plan
from exporter.shard import Shard
from exporter.sources import Collected, SourceState, Urls, collect, files_of, with_known_campaigns
from exporter.store import Prepared, Store
from exporter.telemetry import Telemetry
from exporter.watch import FileWatch

if TYPE_CHECKING:
    from exporter.api.client import Client
    from exporter.toolkit import WebConfigFile

log = structlog.get_logger()

_LOOK_EVERY = 2.0
"""Seconds between two looks at the files that the configuration names."""
_STOP_WITHIN = 2.0
"""Seconds for which the end waits for a configuration that is being adopted."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a configuration and the files that it names come to; `own` is the part of this shard."""

    collected: Collected
    own: Config
    accesses: dict[str, Access]
    states: Prepared
    plan: Plan


class Exporter:
    """Poll what a configuration file says and keep the page of it. Needs a running event loop.

    A configuration is adopted whole or not at all: all that is new is prepared, then put in place in one step, then
    what is old is retired. Starting, reloading and stopping exclude each other.
    """

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        config_file: Path,
        config: Config,
        *,
        shard: Shard | None = None,
        telemetry: Telemetry | None = None,
        open_client: "Callable[[Access], Client]" = open_client,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.shard = shard or Shard()
        self.config_file = config_file
        self.config = config
        self._wall = wall
        self.store = Store(wall=wall, monotonic=asyncio.get_running_loop().time)
        self._telemetry = telemetry or Telemetry(self.shard)
        render = self._telemetry.render
        self.page = Page(self.store, lambda each: render(openmetrics=each is Format.OPENMETRICS))
        self._poller = Poller(self.store, self._telemetry, open_client)
        self.next_due = self._poller.next_due
        self._adopting = asyncio.Lock()
        self._is_stopped = False
        self._refused: list[str] = []  # what is wrong with the file
        self._unusable: list[str] = []  # and with the files that it names, since the last reload
        self._accesses: dict[str, Access] = {}
        self._named_files = FileWatch()
        self._collected = Collected(config)
        self._urls = Urls(wall)
        self._was_ready = False
        self._web_config: WebConfigFile | None = None
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._ended: list[str] = []

    async def start(self) -> None:
        """Begin to poll. Raises AccessError."""
        await asyncio.to_thread(_import_what_polls_need)
        async with self._adopting:
            log_warnings(self.config)
            await self._adopt(self.config)
            self._poller.begin()
            self._telemetry.loaded(self._wall())
        named, files = self._named_files, "files that the configuration names"
        self.watch(files, _LOOK_EVERY, lambda: named.look(files_of(self.config)), self._refresh)
        self.run_in_background("asking for lists of campaigns", self._urls.run(self._answered))

    async def poll_once(self) -> bool:
        """Poll every campaign once; return whether all polls succeeded and all lists were good. Raises AccessError."""
        async with self._adopting:
            urls = {source for workspace in self.config.workspaces for source in workspace.sources if source.url}
            await asyncio.gather(*map(self._urls.ask, urls))
            await self._adopt(self.config)
            self._telemetry.loaded(self._wall())
            await self._poller.poll_once()
        return all(state.up for state in self.sources) and all(
            state.up for kind in (Campaign.kind, SenderList.kind) for state in self.store.states(kind)
        )

    async def reload(self) -> str | None:
        """Load the configuration again; where that fails, return why, a line a problem, and go on with the old one."""
        if self._web_config:
            await asyncio.to_thread(self._web_config.refresh)
        self._urls.hurry()
        async with self._adopting:
            self._refused = await self._change(is_new=True)
            self._unusable = []
            self._tell(self._refused)
            return "\n".join(self._refused) or None

    async def stop(self) -> None:
        """End all polls and close the connections to the API; what hangs in a file system is not waited for."""
        if self._is_stopped:
            return
        self._is_stopped = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_WITHIN), self._adopting:
                pass  # what is being adopted sees that it is too late
        for task in self._tasks:
            task.cancel()
        await self._poller.stop()

    def follow_web_config(self, web_config: "WebConfigFile") -> None:
        """Read the web configuration again when a file that it depends on has changed, and at each reload."""
        watch = FileWatch()
        watch.look(web_config.files())
        self._web_config = web_config
        refresh = partial(asyncio.to_thread, web_config.refresh)
        self.watch("the web configuration", _LOOK_EVERY, lambda: watch.look(web_config.files()), refresh)

    def watch(
        self, what: str, interval: float, look: Callable[[], object], react: Callable[[], Awaitable[object]]
    ) -> None:
        """Call `look` in a thread every `interval` seconds, and `react` each time when it returns something."""

        async def run() -> None:
            while True:
                await asyncio.sleep(interval)
                try:
                    if await asyncio.to_thread(look):
                        await react()
                except Exception:
                    log.exception("internal error while watching", what=what)

        self.run_in_background(f"the watch over {what}", run())

    def run_in_background(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a task for as long as the exporter runs; one that ends before that is logged and makes it unhealthy."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = name
        task.add_done_callback(self._task_ended)

    @property
    def is_ready(self) -> bool:
        """Whether each list has been read once and the first sweeps have ended; once true, it stays true."""
        is_read = all(state.up is not None for state in self.sources)
        self._was_ready = self._was_ready or (is_read and self._poller.is_ready)
        return self._was_ready

    @property
    def sources(self) -> Sequence[SourceState]:
        """What is known of the lists of campaigns that are kept elsewhere."""
        return self._collected.states

    @property
    def problems(self) -> list[str]:
        """What keeps the exporter from being healthy, a sentence each."""
        return [*(f"Polling has stalled for {name}." for name in self._poller.stalled), *self._ended]

    @property
    def reload_problems(self) -> list[str]:
        """What keeps the configuration, or files that it names, from being adopted, a line a problem."""
        return [*self._refused, *self._unusable]

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        if not self._is_stopped:
            self._ended.append(f"{name[0].upper()}{name[1:]} has ended.")
            log.error("a background task has ended", task=name, exc_info=None if task.cancelled() else task.exception())

    async def _refresh(self) -> None:
        """Read again what the configuration names."""
        async with self._adopting:
            last, self._unusable = self._unusable, await self._change(is_new=False)
            if self._unusable:
                self._named_files.forget()  # it may have been for want of a descriptor
            if self._unusable != last:
                self._tell(self._unusable)
                if not self._unusable:
                    log.info("the files that the configuration names can be used again")

    def _tell(self, problems: Sequence[str]) -> None:
        self._telemetry.loaded(None if self.reload_problems else self._wall())
        for problem in problems:
            log.error("configuration problem", problem=problem)
        if problems:
            log.error("the configuration was not loaded, the old one stays in use", file=str(self.config_file))

    async def _change(self, *, is_new: bool) -> list[str]:
        """Adopt what the file says now, or the same again; return what keeps it from that."""
        try:
            before, config = self._collected.config, self.config
            if is_new:
                config = await asyncio.to_thread(lambda: with_known_campaigns(load(self.config_file), self.config))
            await self._adopt(config)
            self._poller.begin()
        except (ConfigError, AccessError) as error:
            return str(error).splitlines()
        except Exception as error:  # whatever fails, the old configuration goes on
            log.exception("internal error while a configuration was adopted")
            return [f"{type(error).__name__}: {error}"]
        if is_new:
            log_warnings(self.config)
        await asyncio.to_thread(log_difference, before, self._collected.config, is_new=is_new)
        return []

    async def _adopt(self, config: Config) -> None:
        """Make state, page, polls and metrics those of `config`."""
        read = await asyncio.to_thread(self._read, config)
        if self._is_stopped:
            raise AccessError("the exporter is stopping")
        pollers = await self._poller.prepare(read.accesses)
        # From here to the end of the step nothing waits and nothing opens: nobody sees half of a configuration.
        self.store.adopt(read.states)
        retired = self._poller.adopt(read.own, read.plan, pollers)
        self._telemetry.configure(read.own.workspaces)
        log_lists(self._collected, read.collected)
        self.config, self._collected, self._accesses = config, read.collected, read.accesses
        self._urls.follow(state.source for state in read.collected.states)
        self._show_sources()
        await asyncio.gather(*(poller.stop() for poller in retired))
        await asyncio.to_thread(read.states.forget)

    async def _answered(self, source: Source, is_new: bool) -> None:  # noqa: FBT001 - its caller has nothing else to say
        """Adopt what a URL has answered."""
        if is_new:
            await self._refresh()
        else:
            self._collected = self._collected.answered(source, self._urls.answers[source])
            self._show_sources()

    def _show_sources(self) -> None:
        self._telemetry.sources(
            {(each.workspace, each.source.label): (each.up, each.last_success, each.campaigns) for each in self.sources}
        )

    def _read(self, config: Config) -> _Read:
        """Read what the configuration names, in a thread: a file system may hang, and ten thousand take their time."""
        self._named_files.look(files_of(config))  # first: what is written from now on is a change
        collected = collect(config, self._collected, self._urls.answers, self._wall())
        own = self.shard.part_of(collected.config)
        accesses = {}
        for workspace in own.workspaces:
            last = self._accesses.get(workspace.name)
            access = accesses[workspace.name] = read_access(workspace, last)
            log_key(workspace.name, last, access)
        states = self.store.prepare(own.targets)
        return _Read(collected, own, accesses, states, plan(own, states.states))


def _import_what_polls_need() -> None:
    """Import httpx and APScheduler, which takes 30 ms, beside the event loop: a first page need not wait for them."""
    import exporter.api.client  # noqa: PLC0415
    import exporter.polling.schedule  # noqa: F401, PLC0415
