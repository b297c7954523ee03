"""The limits are those that the documentation states, and follow what the system allows."""

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter.web import limits
from exporter.web.listen import Listener
from exporter.web.server import Server
from tests.process import PATIENCE, ROOT

STATED = [
    f"| open connections | {limits.MOST_CONNECTIONS}, ",
    f"to its last header (with TLS: the handshake too) | {limits.HEAD_WITHIN:.0f} s |",
    f"| between two requests | {limits.IDLE_WITHIN:.0f} s |",
    f"| taking an answer | {limits.READ_WITHIN:.0f} s |",
    f"| answers that wait to be read, all together | {limits.MOST_KEPT // 2**20} MiB, but at least four |",
    f"| a request's body | {limits.LARGEST_BODY // 2**10} KiB, ",
]


@pytest.mark.parametrize("row", STATED)
def test_the_documentation_states_it(row: str) -> None:
    assert row in Path(ROOT, "docs", "limits.md").read_text()
    assert limits.FEWEST_READERS == 4


@pytest.mark.parametrize(("soft", "hard", "most"), [(64, 100, 50), (64, 1000, 500), (1500, 1500, 750)])
def test_half_of_the_files_are_for_clients(soft: int, hard: int, most: int) -> None:
    code = (
        "import resource; from exporter.web.limits import most_connections\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "print(most_connections(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=True)
    assert told.stdout.decode() == f"{most} ({hard}, {hard})\n"


@contextmanager
def no_file_left() -> Iterator[None]:
    """Let this process open no further file."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as last:
        highest = last.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, allowed[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


def test_where_no_file_is_left_a_waiting_connection_goes_and_the_newcomer_gets_in() -> None:
    async def run() -> bytes:
        listener = Listener("127.0.0.1:0")
        server = Server(web.Application(), [listener])
        await server.start()
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", listener.port)
        newcomer = socket.socket()
        newcomer.setblocking(False)  # noqa: FBT003 - the standard library's signature
        with no_file_left():
            await asyncio.get_running_loop().sock_connect(newcomer, ("127.0.0.1", listener.port))
            assert await asyncio.wait_for(idle.read(), limits.HEAD_WITHIN / 2) == b""
        await asyncio.get_running_loop().sock_sendall(newcomer, b"GET / HTTP/1.0\r\n\r\n")
        answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(newcomer, 1000), PATIENCE)
        newcomer.close()
        idle_writer.close()
        await server.close()
        return answer

    with capture_logs() as logs:
        assert asyncio.run(run()).startswith(b"HTTP/1.0 404 ")
    assert [(line["log_level"], line["error"]) for line in logs] == [("warning", "Too many open files")]
