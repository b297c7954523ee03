"""The parts put together: what runs, how it is loaded again, and how it ends."""

import asyncio
import gc
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import structlog

from exporter.api import Client
from exporter.config import Config, ConfigError, Workspace, load
from exporter.exposition import Format, Page
from exporter.polling import Poller
from exporter.secret import ApiKey
from exporter.shard import Shard
from exporter.store import Store
from exporter.telemetry import Telemetry
from exporter.web.server import Server

log = structlog.get_logger()

_TURN = 0.005
"""Seconds for which the event loop may be kept from its other work."""


def open_client(workspace: Workspace) -> Client:
    """Build the client of one workspace."""
    return Client(workspace.api, ApiKey(workspace.key))


class Exporter:
    """Poll what a configuration file says and keep the page of it. Needs a running event loop."""

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        config_file: Path,
        config: Config,
        *,
        shard: Shard,
        process_metrics: bool = True,
        open_client: Callable[[Workspace], Client] = open_client,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.shard = shard
        self.config = config
        self._wall = wall
        self.store = Store(wall=wall, monotonic=asyncio.get_running_loop().time)
        self._telemetry = Telemetry(shard_index=shard.index, shard_total=shard.total, of_process=process_metrics)
        self.page = Page(self.store, self._own_metrics)
        self._poller = Poller(self.store, self._telemetry, open_client)
        self.config_file = config_file
        self._reloading = asyncio.Lock()

    async def start(self) -> None:
        """Begin to poll."""
        self._poller.start()
        await self._adopt(self.config, self._poller.configure)

    async def poll_once(self) -> bool:
        """Poll every campaign once; tell whether all polls succeeded."""
        await self._adopt(self.config, self._poller.poll_once)
        return all(state.up for state in self.store.states())

    async def reload(self) -> str | None:
        """Load the configuration again; where it has problems, return them and go on with the old one."""
        async with self._reloading:
            try:
                config = await asyncio.to_thread(load, self.config_file)
            except ConfigError as error:
                return self._refuse(error)
            await self._adopt(config, self._poller.configure)
            log.info("configuration loaded", file=str(self.config_file), campaigns=len(config.campaigns))
            return None

    def _refuse(self, problems: ConfigError) -> str:
        self._telemetry.loaded(None)
        for problem in problems.problems:
            log.error("configuration problem", problem=str(problem))
        log.error("the configuration was not loaded, the old one stays in use", file=str(self.config_file))
        return str(problems)

    async def stop(self) -> None:
        """End all polls and close the connections to the API."""
        await self._poller.stop()

    @property
    def is_ready(self) -> bool:
        """Tell whether the first sweeps have ended."""
        return self._poller.is_ready

    @property
    def stalled(self) -> list[str]:
        """Name the workspaces whose sweeps do not progress."""
        return self._poller.stalled

    async def _adopt(self, config: Config, poll: Callable[[Config], Awaitable[None]]) -> None:
        """Make the state, the page, the polls and the metrics those of `config`."""
        for warning in config.warnings:
            log.warning(warning)
        self.config = config
        own = await asyncio.to_thread(self.shard.part_of, config)
        await _gently(self.store.configuring(own.campaigns))
        await poll(own)  # before the metrics: a poll that this ends may still be counted
        self._telemetry.configure((workspace.name, len(workspace.campaigns)) for workspace in own.workspaces)
        self._telemetry.loaded(self._wall())
        gc.freeze()  # else the garbage collector would go through all of it again and again, and the loop would wait

    def _own_metrics(self, page_format: Format) -> bytes:
        openmetrics = page_format is Format.OPENMETRICS
        return self._telemetry.render_openmetrics() if openmetrics else self._telemetry.render_text()


async def _gently(steps: Iterator[None]) -> None:
    """Go through many small steps, giving way to the event loop every few milliseconds."""
    turn_ends = time.monotonic() + _TURN
    for _ in steps:
        if time.monotonic() >= turn_ends:
            await asyncio.sleep(0)
            turn_ends = time.monotonic() + _TURN


async def serve(exporter: Exporter, server: Server, stop: asyncio.Event) -> None:
    """Run until `stop` is set; then close the listeners first, so that nobody new is let down."""
    await server.start()
    await exporter.start()
    await stop.wait()
    log.info("stopping")
    await server.close_listeners()
    await exporter.stop()
    await server.close()


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
