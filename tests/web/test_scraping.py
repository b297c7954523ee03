"""What a scrape gets: pages of one moment and of a whole configuration, packed as any client reads them."""

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from exporter.app import Exporter
from exporter.config import Config
from exporter.exposition import Format, Page
from exporter.shard import Shard
from exporter.stats import Stats
from exporter.web.listen import Listener
from exporter.web.server import Endpoints, Server
from tests import build
from tests.tools import need

CAMPAIGNS = [
    build.campaign(f"camp_{number}") for number in range(1000)
]  # a page of 2 MB, which no socket takes at once


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Exporter, str]]:
    exporter = Exporter(Path("config.yaml"), Config(()), shard=Shard(), process_metrics=False)
    exporter.store.configure(CAMPAIGNS)
    for each in CAMPAIGNS:
        exporter.store.succeeded(each.key, Stats(sent=7, open_rate=0.5))
    listener = Listener("127.0.0.1:0")
    server = Server(Endpoints(exporter).application(), [listener])
    await server.start()
    try:
        yield exporter, listener.url
    finally:
        await server.close_listeners()
        await server.close()


def test_curl_reads_the_packed_page() -> None:
    async def scenario() -> None:
        async with serving() as (exporter, url):
            command = [need("curl"), "-sS", "--compressed", f"{url}/metrics"]
            told = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=20, check=True)
            assert told.stdout == exporter.page.render(Format.TEXT)

    asyncio.run(scenario())


def test_a_page_whose_campaigns_change_while_it_is_sent_is_of_one_moment() -> None:
    async def scenario() -> None:
        async with serving() as (exporter, url), httpx.AsyncClient() as client:
            before = exporter.page.render(Format.TEXT).decode()
            async with client.stream("GET", f"{url}/metrics", headers={"Accept-Encoding": "identity"}) as answer:
                chunks = answer.aiter_text()
                page = await anext(chunks)
                exporter.store.configure(CAMPAIGNS[:1])
                page += "".join([chunk async for chunk in chunks])
            assert page == before

    asyncio.run(scenario())


def test_many_metrics_of_its_own_are_rendered_beside_the_loop() -> None:
    rendered_in: list[bool] = []

    def render(_: Format) -> bytes:
        rendered_in.append(threading.current_thread() is threading.main_thread())
        return b"own 1\n" * 10_000

    async def scenario() -> None:
        async with serving() as (exporter, url), httpx.AsyncClient() as client:
            exporter.page = Page(exporter.store, render)
            pages = [(await client.get(f"{url}/metrics")).content for _ in range(3)]
            assert set(pages) == {exporter.page.render(Format.TEXT)}

    asyncio.run(scenario())
    assert rendered_in == [True, False, False, True]  # how many there are is known after the first time


def test_a_client_that_goes_in_the_middle_of_a_page_is_nobody_s_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        async with serving() as (_, url), httpx.AsyncClient() as client:
            async with client.stream("GET", f"{url}/metrics", headers={"Accept-Encoding": "identity"}) as answer:
                await anext(answer.aiter_bytes())
            assert (await client.get(f"{url}/-/healthy")).status_code == httpx.codes.OK

    asyncio.run(scenario())
    assert capsys.readouterr().err == ""


def test_nothing_shows_a_configuration_that_is_half_adopted() -> None:
    async def scenario() -> None:
        async with serving() as (exporter, url), httpx.AsyncClient() as client:
            steps = exporter.store.configuring([CAMPAIGNS[0], build.campaign("camp_new")])
            next(steps)
            asked = {asyncio.create_task(client.get(url + path)) for path in ("/metrics", "/", "/api/v1/campaigns")}
            assert (await client.get(f"{url}/-/healthy")).status_code == httpx.codes.OK
            assert not (await asyncio.wait(asked, timeout=0.2))[0]
            for _ in steps:
                pass
            for answer in await asyncio.gather(*asked):
                assert "camp_new" in answer.text
                assert "camp_17" not in answer.text

    asyncio.run(scenario())
