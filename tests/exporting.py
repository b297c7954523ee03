"""An exporter in the test's own loop, which polls the fake API over real sockets, or in virtual time, and its page."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from exporter.api import Access
from exporter.api.client import Client
from exporter.app import Exporter
from exporter.config import Config, load
from exporter.exposition import Format
from exporter.shard import Shard
from exporter.telemetry import Telemetry
from tests.build import write_config
from tests.conftest import run_virtually
from tests.fake_api import FakeApi

STARTED = 1_750_000_000.0
LIMITS = {"requests_per_second": 10_000, "max_concurrency": 100}


@asynccontextmanager
async def exporting(
    folder: Path,
    *campaigns: Any,
    shard: Shard | None = None,
    open_client: Callable[[Access], Client] = Client,
    **workspace: Any,
) -> AsyncIterator[tuple[Exporter, FakeApi]]:
    """Make an exporter of a file with one workspace; it may be started, and is stopped."""
    async with FakeApi() as api:
        write_config(folder, api.url, *campaigns, api=LIMITS, poll=("1m", "5m"), **workspace)
        file = folder / "config.yaml"
        exporter = Exporter(file, load(file), shard=shard, open_client=open_client)
        yield exporter, api
        await exporter.stop()


def polled_page(
    config: Config,
    answer: Callable[[httpx.Request], Any],
    page_format: Format = Format.TEXT,
    *,
    seconds: float | None = None,
    wall: Callable[[], float] | None = None,
) -> bytes:
    """Return the page after all was polled once, or for so many seconds, in virtual time; `answer` is the API."""

    async def scenario() -> bytes:
        clock = asyncio.get_running_loop().time
        exporter = Exporter(
            Path("config.yaml"),
            config,
            telemetry=Telemetry(of_process=False),
            open_client=lambda access: Client(access, transport=httpx.MockTransport(answer)),
            wall=wall or (lambda: STARTED + clock()),
        )
        if seconds is None:
            await exporter.poll_once()
        else:
            await exporter.start()
            await asyncio.sleep(seconds)
        page = exporter.page.render(page_format)
        await exporter.stop()
        return page

    return run_virtually(scenario())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what a page shows sets no event
            await asyncio.sleep(0.01)


def shown(exporter: Exporter, start: str) -> dict[str, str]:
    """Return the series of the page whose names begin so, by their labels as they are written."""
    lines = exporter.page.render(Format.TEXT).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line.startswith(start))


def ids(exporter: Exporter, metric: str = "leadterra_campaign_stale_after_seconds") -> set[str]:
    """Return the ids of the campaigns that have a metric."""
    return {line.split('campaign_id="')[1].split('"')[0] for line in shown(exporter, f"{metric}{{")}
