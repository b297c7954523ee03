"""The server over real sockets, requests as strangers send them, and the container's health check."""

import asyncio
import errno
import io
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter import log
from exporter.toolkit import WebConfigFile
from exporter.web.connections import sliced
from exporter.web.healthcheck import main
from exporter.web.server import Listener, Server
from tests.certificates import Authority
from tests.hostile.test_requests import HOST, ODD, SMUGGLED, get
from tests.process import ROOT
from tests.tools import PATIENCE, free_port
from tests.web.serving import Program, application_of, say, serving

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
    return get(path, method=method, headers=HOST + headers)


async def test_a_large_page_arrives_whole_and_a_head_without_it() -> None:
    async with serving(app()) as listener:
        head, _, body = (await say(listener.port, request())).partition(b"\r\n\r\n")
        assert body == b"".join(PAGE)
        assert b"Content-Length: %d" % len(body) in head
        empty = await say(listener.port, request(method=b"HEAD"))
        assert b"Content-Length: %d" % len(body) in empty
        assert empty.endswith(b"\r\n\r\n")


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
async def test_an_accept_that_fails_costs_no_newcomer_the_connection(error: Exception, status: bytes) -> None:
    listener = Listener("127.0.0.1:0")
    listener.socket = listening = _Listening(fileno=listener.socket.detach())
    with capture_logs() as logs:
        async with serving(app(), listener=listener):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            listening.error = error
            assert b" 404 " in await say(listener.port, request(b"/nothing"))
            writer.write(request(b"/nothing"))
            answer = await reader.readline()
            assert status in answer
            assert bool(status) == bool(answer)
            writer.close()
    assert [(line["log_level"], line["event"]) for line in logs] == [("warning", "no connection can be accepted")]


async def test_a_fault_of_ours_is_logged_in_one_line_and_leaves_nobody_hanging(tmp_path: Path) -> None:
    (tmp_path / "web.yml").touch()
    config = WebConfigFile(tmp_path / "web.yml")
    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    async with serving(app(), config) as listener:
        assert b" 500 " in await say(listener.port, request(b"/broken"))
        del config.ssl_context
        assert await say(listener.port, b"") == b""
        config.ssl_context = None
        assert b" 404 " in await say(listener.port, request(b"/nothing"))
    for line, error in zip(logged.getvalue().splitlines(), ("ZeroDivisionError", "AttributeError"), strict=True):
        assert error in line


async def test_a_connection_is_refused_when_the_listeners_are_closed_and_an_open_one_is_served() -> None:
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


@pytest.mark.parametrize(("soft", "hard", "most"), [(64, 100, 50), (64, 1000, 500), (1500, 1500, 750)])
def test_half_of_the_files_are_for_clients(soft: int, hard: int, most: int) -> None:
    code = (
        "import resource; from exporter.web.connections import most_connections\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "print(most_connections(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=True)
    assert told.stdout.decode() == f"{most} ({hard}, {hard})\n"


USERS = "basic_auth_users: {alice: $2b$04$2SpXrAdjmCqLuTDDNvJG1.VNSBDl3f7Bl2MgYqFRkuXQMBR9XrG/u}"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
CLIENTS = ", client_ca_file: server.pem, client_auth_type: RequireAndVerifyClientCert}"


@pytest.mark.parametrize(
    ("web_config", "alive"),
    [("", ""), (f"{TLS}}}", ""), (USERS, "a password"), (TLS + CLIENTS, "a client certificate")],
    ids=range(4),
)
async def test_the_health_check(
    web_config: str, alive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody without a password or a certificate is told more than that it is alive."""
    Authority(tmp_path, "authority").issue("server")
    (tmp_path / "web.yaml").write_text(web_config)
    for problems, expected in (([], (0, "leadterra-exporter is healthy.\n")), (["acme", "b"], (1, "acme\nb\n"))):
        config = WebConfigFile(tmp_path / "web.yaml") if web_config else None
        async with serving(application_of(Program(problems=problems)), config) as listener:
            status = await asyncio.to_thread(main, [f"127.0.0.1:{listener.port}"])
        told = (status, capsys.readouterr().out)
        assert told == ((0, f"It asks for {alive}: it is alive.\n") if alive else expected)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"])
async def test_somebody_else_listens_or_nobody(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(tell, "127.0.0.1", 0) as server:
        assert await asyncio.to_thread(main, [f"127.0.0.1:{server.sockets[0].getsockname()[1]}"]) == 1
    capsys.readouterr()
    for address, said in ((f"127.0.0.1:{free_port()}", "Connection refused"), ("10421", "is not an address")):
        assert main([address]) == 1
        assert re.match(f"{address}: .*{said}", capsys.readouterr().out)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "[::]", "[::1]"])  # noqa: S104 - what it is told
async def test_it_asks_where_the_exporter_is_told_to_listen(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(f"{host}:0")
    monkeypatch.setenv("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS", f"{listener},127.0.0.1:1")
    async with serving(application_of(Program()), listener=listener):
        assert await asyncio.to_thread(main, []) == 0


def test_it_loads_little() -> None:
    """It runs six times a minute, and each of these would make it take longer by a third."""
    program = "import sys, exporter.web.healthcheck; print(*sys.modules)"
    command = [sys.executable, "-S", "-c", program]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "http.client", "ssl", "re"} & set(loaded)


PATHS = ("/", "/metrics", "/-/healthy", "/-/reload", "/config", "/api/v1/campaigns?format=csv", "/api/v1/campaigns/a/b")
SEEDS = [*(get(path.encode()) for path in PATHS), *SMUGGLED, *(request for request, _ in ODD)]
PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\xc3\xa9", b"HEAD", b"HTTP/1.0", b"HTTP/0.9", b"http://[/", b"/%2d/reload",
    b"a" * 9000, b"\r\nHost: xn--\xc3\xa9", b"\r\nConnection: keep-alive, upgrade",
    b"\r\nExpect: 100-continue", b"\r\nContent-Length: 3", b"\r\nContent-Length: 1_0", b"\r\nContent-Encoding: gzip",
    b"\r\nTransfer-Encoding: x, chunked", b"\r\nAccept: text/plain;version=abc;q=,", b"\r\nAccept: a/" + b"b" * 9000,
    b"\r\nAccept-Encoding: gzip;q=x", b"\r\nAuthorization: Basic !", b"\r\n folded", b"\r\n: nameless", b"\r\nX : y",
    b"\r\nX-Prometheus-Scrape-Timeout-Seconds: NaN", b"\r\nCookie: a=b; $x=;;", b"3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
)  # fmt: skip
# No "Upgrade:": to what aiohttp does not know, it drops what comes in one packet with it, so that LAST would wait.
LAST = b"\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"  # whatever comes before, it ends


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a request that a test sends, with some of its bytes replaced, moved, doubled or gone."""
    request = draw(st.sampled_from([seed for seed in SEEDS if len(seed) < 10_000]))
    for _ in range(draw(st.integers(0, 3))):
        at, cut = draw(st.integers(0, 200)), draw(st.sampled_from([0, 0, 1, 5]))
        request = request[:at] + draw(st.sampled_from(PIECES) | st.binary(max_size=5)) + request[at + cut :]
    return request


@settings(max_examples=settings().max_examples // 5)  # 20 at once
@given(st.lists(damaged() | st.binary(), min_size=20, max_size=20))
async def test_any_request_is_answered_or_refused(requests: list[bytes]) -> None:
    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    async with serving(application_of(Program(), lifecycle=True)) as listener:
        said = (say(listener.port, request + LAST) for request in requests)
        answers = await asyncio.gather(*said, return_exceptions=True)
        assert b" 200 " in await say(listener.port, LAST)
    for answer in answers:
        if isinstance(answer, ConnectionError):
            continue
        assert isinstance(answer, bytes)
        statuses = re.findall(rb"(?:^|\n|})HTTP/\d\.\d (\d{3}) ", answer)
        assert bool(statuses) == answer.startswith(b"HTTP/") == (answer != b"")
        assert all(status < b"500" for status in statuses)
    assert logged.getvalue() == ""
