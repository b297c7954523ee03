"""How a configuration is adopted, whole or not at all, and how the parts begin and end."""

import asyncio
import errno
import os
import signal
import socket
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from exporter import log
from exporter.api import Access
from exporter.api.client import Client
from exporter.app import Exporter
from exporter.options import WebOptions
from exporter.serve import serve
from exporter.web.endpoints import application
from exporter.web.server import Listener
from tests import build
from tests.build import write_config
from tests.exporting import LIMITS, exporting, ids, shown, until
from tests.fake_api import FakeApi
from tests.web.serving import serving

RELOADED = "leadterra_exporter_config_last_reload_successful"


class Counted(Client):
    """A client that is known to be open; after `allowed` ones more an error comes instead."""

    known: ClassVar[set[Client]] = set()
    error: ClassVar[OSError | None] = None
    allowed: ClassVar[int] = 0

    def __init__(self, access: Access) -> None:
        if Counted.error and not Counted.allowed:
            raise Counted.error
        Counted.allowed -= 1
        super().__init__(access)
        Counted.known.add(self)

    async def aclose(self) -> None:
        Counted.known.remove(self)
        await super().aclose()


def rewrite(folder: Path, api: FakeApi, *campaigns: str, **more: Any) -> None:
    write_config(folder, api.url, *campaigns, api={**LIMITS, "timeout": "9s"}, poll=("1m", "5m"), **more)


@pytest.fixture
def logged() -> StringIO:
    stream = StringIO()
    log.configure("info", "logfmt", stream)
    return stream


async def test_a_configuration_whose_clients_cannot_be_opened_changes_nothing(
    tmp_path: Path, logged: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exporting(tmp_path, "a", open_client=Counted) as (exporter, api):
        await exporter.start()
        await until(lambda: exporter.is_ready)
        (used,) = Counted.known
        monkeypatch.setattr(Counted, "error", OSError(errno.EMFILE, "Too many open files"))
        Counted.allowed = 1
        rewrite(tmp_path, api, "b", others=[{"name": "other", "api_key_file": "key", "campaigns": ["c"]}])

        assert "Too many open files" in (await exporter.reload() or "")

        assert (ids(exporter), Counted.known) == ({"a"}, {used})
        assert (shown(exporter, RELOADED), exporter.problems, exporter.is_ready) == ({RELOADED: "0.0"}, [], True)
        assert await used.get("/v1/campaigns/a/stats")  # it has not been closed
        assert "Too many open files" in logged.getvalue()

        monkeypatch.undo()
        assert await exporter.reload() is None
        assert (ids(exporter), shown(exporter, f"{RELOADED} ")) == ({"b", "c"}, {RELOADED: "1.0"})
    assert Counted.known == set()


async def test_a_reload_waits_for_the_first_adoption_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    old, new = ([f"c{n}" for n in numbers] for numbers in (range(1000), range(800, 2000)))
    async with exporting(tmp_path, *old) as (exporter, api):
        starting = asyncio.create_task(exporter.start())
        rewrite(tmp_path, api, *new)
        await asyncio.gather(starting, exporter.reload())
        assert ids(exporter) == set(new)
        await until(lambda: all(state.up for state in exporter.store.states()))


async def test_a_reload_in_flight_opens_nothing_after_the_end(tmp_path: Path) -> None:
    async with exporting(tmp_path, "a", open_client=Counted) as (exporter, api):
        await exporter.start()
        rewrite(tmp_path, api, "a")
        _, said = await asyncio.gather(exporter.stop(), exporter.reload())
        assert (said, Counted.known) == ("the exporter is stopping", set())


async def test_the_end_does_not_wait_for_a_file_system_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.app._STOP_WITHIN", 0.05)
    hanging = tmp_path / "pipe"
    os.mkfifo(hanging)  # reading it waits for its writer
    async with exporting(tmp_path, "a", open_client=Counted) as (exporter, _):
        await exporter.start()
        content, exporter.config_file = exporter.config_file.read_bytes(), hanging
        reloading = asyncio.create_task(exporter.reload())
        await asyncio.sleep(0)
        await exporter.stop()
        assert Counted.known == set()
        hanging.write_bytes(content)
        assert await reloading == "the exporter is stopping"


async def test_a_reload_logs_which_campaigns_came_and_went_and_a_missing_sweep_is_a_stall(
    tmp_path: Path, logged: StringIO
) -> None:
    async with exporting(tmp_path, "stays", "goes") as (exporter, api):
        await exporter.start()
        stays = exporter.config.campaigns[0]
        rewrite(tmp_path, api, "stays", *(f"c{n:02}" for n in range(12)))
        await exporter.reload()
        assert exporter.config.campaigns[0] is stays  # so that ten thousand are soon compared, and kept once
        assert exporter.problems == []
        exporter._poller._sweeps.clear()  # noqa: SLF001 - what a bug might do
        assert exporter.problems == ["Polling has stalled for acme."]
    (line,) = (line for line in logged.getvalue().splitlines() if "configuration loaded" in line)
    assert 'came="acme/c00, ' in line
    assert line.endswith('acme/c09 and 2 more" went=acme/goes')


async def test_a_background_task_that_fails_goes_on_and_one_that_ends_makes_the_exporter_unhealthy(
    tmp_path: Path, logged: StringIO
) -> None:
    looks, reacted = iter([ValueError("a bug"), True]), asyncio.Event()

    def look() -> object:
        if isinstance(found := next(looks, False), ValueError):
            raise found
        return found

    async def react() -> None:
        reacted.set()

    async def ends() -> None:
        raise OSError("a bug that ends it")

    async with exporting(tmp_path, "a") as (exporter, _):
        exporter.watch("something", 0.001, look, react)
        await asyncio.wait_for(reacted.wait(), 10)
        assert exporter.problems == []
        assert "a bug" in logged.getvalue()
        exporter.run_in_background("the watch over files", ends())
        await until(lambda: exporter.problems == ["The watch over files has ended."])
        assert "a bug that ends it" in logged.getvalue()
        async with serving(application(exporter)) as listener, httpx.AsyncClient() as client:
            assert (await client.get(f"{listener.url}/-/healthy")).status_code == httpx.codes.SERVICE_UNAVAILABLE


async def test_the_listener_closes_before_the_polls_end(tmp_path: Path) -> None:
    listener, answers = Listener("127.0.0.1:0"), list[int]()

    class Asked(Exporter):
        async def stop(self) -> None:
            with socket.socket() as sock:
                answers.append(sock.connect_ex(("127.0.0.1", int(listener.url.rpartition(":")[2]))))
            await super().stop()

    exporter = Asked(tmp_path / "config.yaml", build.config())
    web = WebOptions("info", "logfmt", (), "/metrics", None, web_enable_lifecycle=False)
    served = asyncio.create_task(serve(exporter, web, [listener], ()))
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{listener.url}/-/healthy")).status_code == httpx.codes.OK
    os.kill(os.getpid(), signal.SIGTERM)
    await served
    assert answers == [errno.ECONNREFUSED]
