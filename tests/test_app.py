"""How the parts end: in which order, seen from outside."""

import asyncio
from pathlib import Path

import httpx

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
