"""How the parts begin and end: in which order, and what the event loop can do meanwhile, seen from outside."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from exporter.app import Exporter, serve
from exporter.shard import Shard
from exporter.web.listen import Listener
from exporter.web.server import Endpoints, Server
from tests import build


class _Asked(Exporter):
    """An exporter that, when its polls are about to end, sees whether anyone new is still let in."""

    url = ""
    lets_in: bool | None = None

    async def stop(self) -> None:
        async with httpx.AsyncClient() as client:
            try:
                await client.get(self.url)
            except httpx.ConnectError:
                self.lets_in = False
            else:
                self.lets_in = True
        await super().stop()


def test_the_listener_closes_before_the_polls_end() -> None:
    async def scenario() -> bool | None:
        exporter = _Asked(Path("config.yaml"), build.config(), shard=Shard())
        listener = Listener("127.0.0.1:0")
        exporter.url = f"{listener.url}/-/healthy"
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(exporter, Server(Endpoints(exporter).application(), [listener]), stop))
        await asyncio.sleep(0)
        async with httpx.AsyncClient() as client:
            assert (await client.get(exporter.url)).status_code == httpx.codes.OK
        stop.set()
        await serving
        return exporter.lets_in

    assert asyncio.run(scenario()) is False


@pytest.fixture
def _as_collected_before() -> Iterator[None]:
    yield
    gc.unfreeze()  # what a configuration is adopted with is left alone by the garbage collector; other tests' is not


@pytest.mark.usefixtures("_as_collected_before")
def test_the_loop_goes_on_while_many_campaigns_are_adopted() -> None:
    async def scenario() -> int:
        turns, config = 0, build.config(build.workspace(build.campaign(f"camp_{n}") for n in range(3000)))
        exporter = Exporter(Path("config.yaml"), build.config(), shard=Shard())
        exporter.config = config
        adopting = asyncio.create_task(exporter.start())
        while exporter.store.get(config.campaigns[-1].key) is None:
            await asyncio.sleep(0)
            turns += 1
        await adopting
        await exporter.stop()
        return turns

    assert asyncio.run(scenario()) > 5  # adopting takes a tenth of a second, a turn of the loop some milliseconds
    assert gc.get_freeze_count() > 3000
