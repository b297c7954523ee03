"""The server over real sockets: bodies, slices, junk, what keeps it from accepting, and what is left of clients."""

import asyncio
import errno
import io
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter import log
from exporter.toolkit import WebConfigFile
from exporter.web.connections import LARGEST_BODY, sliced
from exporter.web.listen import Listener
from exporter.web.server import Server
from tests.process import PATIENCE, ROOT
from tests.web.serving import say, served

HOST = b"Host: exporter\r\n"
PAGE = [bytes(range(256)) * 20_000, b"", b"in parts", bytes(1024 * 1024)]


async def _page(_: web.Request) -> web.Response:
    return sliced(PAGE, "text/plain")


async def _broken(_: web.Request) -> web.Response:
    raise ZeroDivisionError


def app() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/", _page), web.get("/broken", _broken)])
    return app


def request(path: bytes = b"/", method: bytes = b"GET", headers: bytes = b"Connection: close\r\n") -> bytes:
    return b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method, path, HOST, headers)


def test_a_large_page_arrives_whole_and_a_head_without_it() -> None:
    with served(app()) as server:
        head, _, body = server.say(request()).partition(b"\r\n\r\n")
        assert body == b"".join(PAGE)
        assert b"Content-Length: %d" % len(body) in head
        empty = server.say(request(method=b"HEAD"))
        assert b"Content-Length: %d" % len(body) in empty
        assert empty.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (b"Content-Length: %d\r\nConnection: close\r\n" % LARGEST_BODY, bytes(LARGEST_BODY), b"200"),
        (b"Content-Length: %d\r\n" % (LARGEST_BODY + 1), b"", b"413"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"413"),
    ],
)
def test_bodies(headers: bytes, body: bytes, status: bytes) -> None:
    with served(app()) as server:
        assert server.say(request(headers=headers) + body).startswith(b"HTTP/1.1 " + status)


def test_junk_is_not_logged_and_a_fault_of_ours_is_in_one_line() -> None:
    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    with served(app()) as server:
        for junk in (request(headers=b"A: \x00\r\n"), b"\xff\r\n\r\n", request(headers=HOST), b"CONNECT \n\r\n"):
            assert b" 400 " in server.say(junk)
        assert logged.getvalue() == ""
        assert b" 500 " in server.say(request(b"/broken"))
    assert logged.getvalue().count("\n") == 1
    assert "ZeroDivisionError" in logged.getvalue()


class _Listening(socket.socket):
    """A listening socket that fails to accept once it has been told how."""

    error: Exception | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        error, self.error = self.error, None
        if error:
            raise error
        return super().accept()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.EPROTO, "Protocol error"), b" 404 "),
        (ZeroDivisionError(), b" 404 "),
        (OSError(errno.EMFILE, "Too many open files"), b""),  # who waits has to go
    ],
)
def test_an_accept_that_fails_costs_no_newcomer_the_connection(error: Exception, status: bytes) -> None:
    listener = Listener("127.0.0.1:0")
    listener.socket = listening = _Listening(fileno=listener.socket.detach())

    async def talk(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        listening.error = error
        assert b" 404 " in await say(port, request(b"/nothing"))
        writer.write(request(b"/nothing"))
        answer = await reader.readline()
        assert status in answer
        assert bool(status) == bool(answer)
        writer.close()

    with capture_logs() as logs, served(app(), listener=listener) as server:
        server.run(talk(server.port))
    assert [(line["log_level"], line["event"]) for line in logs] == [("warning", "no connection can be accepted")]


def test_a_client_whom_a_bug_of_ours_keeps_out_is_not_left_hanging(tmp_path: Path) -> None:
    (tmp_path / "web.yml").touch()
    config = WebConfigFile(tmp_path / "web.yml")
    del config.ssl_context
    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    with served(app(), config) as server:
        assert server.say(b"") == b""
        config.ssl_context = None
        assert b" 404 " in server.say(request(b"/nothing"))
    assert logged.getvalue().count("\n") == 1
    assert "AttributeError" in logged.getvalue()


def test_a_connection_is_refused_when_the_listeners_are_closed_and_an_open_one_is_served() -> None:
    async def run() -> None:
        listener = Listener("127.0.0.1:0")
        server = Server(web.Application(), [listener])
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(b"/nothing", headers=b""))
        assert b" 404 " in await reader.readline()
        await server.close_listeners()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(b"/nothing"))
        assert b" 404 " in await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        await server.close()

    asyncio.run(run())


@pytest.mark.parametrize(("soft", "hard", "most"), [(64, 100, 50), (64, 1000, 500), (1500, 1500, 750)])
def test_half_of_the_files_are_for_clients(soft: int, hard: int, most: int) -> None:
    code = (
        "import resource; from exporter.web.connections import most_connections\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "print(most_connections(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=True)
    assert told.stdout.decode() == f"{most} ({hard}, {hard})\n"
