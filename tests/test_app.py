"""How a configuration is adopted, whole or not at all, and how the parts begin and end."""

import asyncio
import errno
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest

from exporter import log
from exporter.api import Access, Client
from exporter.app import Exporter
from exporter.config import Config, load
from exporter.exposition import Format
from exporter.options import WebOptions
from exporter.sandbox import Sandbox, create_app
from exporter.serve import serve
from exporter.web.endpoints import application
from exporter.web.listen import Listener
from tests import build
from tests.web.serving import serving

KEY, ENV = "sk_test_sandbox_acme", "ADOPTION_KEY"


class _Clients:
    """Opens clients, until it is told to fail, and knows which are open."""

    def __init__(self) -> None:
        self.open: list[Client] = []
        self.error: BaseException | None = None
        self.allowed = 0

    def __call__(self, access: Access) -> Client:
        if self.error is not None and not self.allowed:
            raise self.error
        self.allowed -= 1
        client = Client(access)
        close = client.aclose

        async def aclose() -> None:
            self.open.remove(client)
            await close()

        client.aclose = aclose  # type: ignore[method-assign]  # the real one, and noted
        self.open.append(client)
        return client


def write(file: Path, url: str, *ids: str, timeout: str = "10s", more: str = "") -> Config:
    """Write a configuration with these campaigns of one workspace, and load it."""
    workspace = f"{{name: acme, api_key_env: {ENV}, campaigns: [{', '.join(ids)}]}}"
    limits = "max_concurrency: 100, requests_per_second: 10000"
    file.write_text(f"api: {{base_url: '{url}', timeout: {timeout}, {limits}}}\nworkspaces: [{workspace}{more}]\n")
    return load(file)


@asynccontextmanager
async def polled(file: Path, *ids: str) -> AsyncIterator[tuple[Exporter, _Clients, str]]:
    """Run an exporter on the sandbox API, over real sockets."""
    clients = _Clients()
    async with serving(create_app(Sandbox(load_campaigns=2000))) as api:
        exporter = Exporter(file, write(file, api.url, *ids), open_client=clients)
        yield exporter, clients, api.url
        await exporter.stop()
        assert clients.open == []


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what a page shows sets no event
            await asyncio.sleep(0.01)


def shown(exporter: Exporter) -> set[str]:
    """Return the ids of the campaigns on the page."""
    lines = exporter.page.render(Format.TEXT).decode().splitlines()
    return {line.split('campaign_id="')[1].split('"')[0] for line in lines if line.startswith("leadterra_campaign_")}


def gauge(exporter: Exporter, name: str) -> str:
    lines = exporter.page.render(Format.TEXT).decode().splitlines()
    return next(line.split()[-1] for line in lines if line.startswith(f"{name} "))


RELOADED = "leadterra_exporter_config_last_reload_successful"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, KEY)


@pytest.mark.parametrize("opened", [0, 1])
def test_a_configuration_whose_clients_cannot_be_opened_changes_nothing(tmp_path: Path, opened: int) -> None:
    file, logged = tmp_path / "config.yaml", StringIO()
    log.configure("info", "logfmt", logged)
    second = f", {{name: other, api_key_env: {ENV}, campaigns: [camp_paused]}}"

    async def scenario() -> None:
        async with polled(file, "camp_123") as (exporter, clients, url):
            await exporter.start()
            await until(lambda: exporter.is_ready)
            (used,), clients.error, clients.allowed = clients.open, OSError(errno.EMFILE, "Too many open files"), opened
            write(file, url, "camp_healthy", timeout="9s", more=second)

            assert "Too many open files" in (await exporter.reload() or "")

            assert (shown(exporter), clients.open) == ({"camp_123"}, [used])
            assert (gauge(exporter, RELOADED), exporter.problems, exporter.is_ready) == ("0.0", [], True)
            assert await used.get("/v1/campaigns/camp_123/stats")  # it has not been closed
            assert "Too many open files" in logged.getvalue()

            clients.error = None
            assert await exporter.reload() is None
            assert (shown(exporter), gauge(exporter, RELOADED)) == ({"camp_healthy", "camp_paused"}, "1.0")

    asyncio.run(scenario())


def test_a_reload_waits_for_the_first_adoption_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    old, new = ([f"camp_load_{n:05}" for n in numbers] for numbers in (range(1, 1001), range(801, 2001)))

    async def scenario() -> None:
        async with polled(file, *old) as (exporter, _, url):
            starting = asyncio.create_task(exporter.start())
            write(file, url, *new)
            await asyncio.gather(starting, exporter.reload())
            assert shown(exporter) == set(new)
            await until(lambda: all(state.up for state in exporter.store.states()))

    asyncio.run(scenario())


def test_a_reload_in_flight_opens_nothing_after_the_end(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    async def scenario() -> str | None:
        async with polled(file, "camp_123") as (exporter, clients, url):
            await exporter.start()
            write(file, url, "camp_123", timeout="9s")
            _, said = await asyncio.gather(exporter.stop(), exporter.reload())
            assert clients.open == []
            return said

    assert asyncio.run(scenario()) == "the exporter is stopping"


def test_the_end_does_not_wait_for_a_file_system_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, hangs = tmp_path / "config.yaml", threading.Event()
    monkeypatch.setattr("exporter.app._STOP_WITHIN", 0.05)

    async def scenario() -> None:
        async with polled(file, "camp_123") as (exporter, clients, _url):
            await exporter.start()
            exporter.config_file = _Hanging(file, hangs)
            reloading = asyncio.create_task(exporter.reload())
            await asyncio.sleep(0)
            await exporter.stop()
            assert clients.open == []
            hangs.set()
            assert await reloading == "the exporter is stopping"

    asyncio.run(scenario())


class _Hanging(type(Path())):  # type: ignore[misc]  # Path's class is the platform's
    """A path whose content comes late."""

    def __new__(cls, path: Path, event: threading.Event) -> "_Hanging":
        hanging = super().__new__(cls, path)
        hanging.event = event
        return hanging  # type: ignore[no-any-return]

    def read_bytes(self) -> bytes:
        self.event.wait(10)
        return bytes(super().read_bytes())


def test_a_reload_logs_which_campaigns_came_and_went(tmp_path: Path) -> None:
    file, logged = tmp_path / "config.yaml", StringIO()
    log.configure("info", "logfmt", logged)

    async def scenario() -> None:
        async with polled(file, "camp_123", "camp_draft") as (exporter, _, url):
            await exporter.start()
            write(file, url, "camp_123", *(f"camp_load_{n:05}" for n in range(1, 13)))
            await exporter.reload()

    asyncio.run(scenario())
    (line,) = (line for line in logged.getvalue().splitlines() if "configuration loaded" in line)
    assert "went=acme/camp_draft" in line
    assert 'came="acme/camp_load_00001, ' in line
    assert line.endswith('acme/camp_load_00010 and 2 more" went=acme/camp_draft')


def test_a_sweep_that_is_missing_is_a_stall(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    async def scenario() -> list[str]:
        async with polled(file, "camp_123") as (exporter, _, _url):
            await exporter.start()
            assert exporter.problems == []
            exporter._poller._sweeps.clear()  # noqa: SLF001 - what a bug might do
            return exporter.problems

    assert asyncio.run(scenario()) == ["Polling has stalled for acme."]


def test_a_background_task_that_fails_goes_on_and_one_that_ends_makes_the_exporter_unhealthy(tmp_path: Path) -> None:
    file, logged, looks = tmp_path / "config.yaml", StringIO(), iter([ValueError("a bug"), True])
    log.configure("info", "logfmt", logged)

    def look() -> object:
        if isinstance(found := next(looks), ValueError):
            raise found
        return found

    async def ends() -> None:
        raise OSError("a bug that ends it")

    async def scenario() -> int:
        async with polled(file, "camp_123") as (exporter, _, _url):
            reacted = asyncio.Event()

            async def react() -> None:
                reacted.set()

            exporter.watch("something", 0.001, look, react)
            await asyncio.wait_for(reacted.wait(), 10)
            assert exporter.problems == []
            assert "a bug" in logged.getvalue()
            exporter.run_in_background("the watch over files", ends())
            await until(lambda: exporter.problems == ["The watch over files has ended."])
            assert "a bug that ends it" in logged.getvalue()
            async with serving(application(exporter)) as listener, httpx.AsyncClient() as client:
                return (await client.get(f"{listener.url}/-/healthy")).status_code

    assert asyncio.run(scenario()) == httpx.codes.SERVICE_UNAVAILABLE


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


def test_the_listener_closes_before_the_polls_end(tmp_path: Path) -> None:
    async def scenario() -> bool | None:
        exporter = _Asked(tmp_path / "config.yaml", build.config())
        listener = Listener("127.0.0.1:0")
        exporter.url = f"{listener.url}/-/healthy"
        web = WebOptions("info", "logfmt", (), "/metrics", None, web_enable_lifecycle=False)
        serving = asyncio.create_task(serve(exporter, web, [listener], ()))
        await asyncio.sleep(0)
        async with httpx.AsyncClient() as client:
            assert (await client.get(exporter.url)).status_code == httpx.codes.OK
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        return exporter.lets_in

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        assert asyncio.run(scenario()) is False
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
