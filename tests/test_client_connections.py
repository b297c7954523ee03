"""Which connections the client takes: certificates it does and does not trust, and proxies."""

import asyncio
import base64
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from exporter.api import Stats
from exporter.errors import PollError, Reason
from tests.certificates import Authority
from tests.fake_api import GONE, FakeApi, http
from tests.test_client import ANYONE, READING, ask, text_of, told

PASSWORD = "pr0xy_c@nary"  # noqa: S105 - stands for one
CREDENTIALS = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
LOOPBACK = "127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        ("other.example", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("", "self-signed certificate"),
    ],
)
async def test_which_certificates_are_not_trusted(authority: Authority, identity: str, why: str) -> None:
    pair = authority.issue("api", identity) if identity else authority.pair
    async with FakeApi(ANYONE, certificate=pair) as api:
        answer = await ask(api.url, ca_file=authority.pair.certificate if identity else None)
    assert told(answer)[0] == Reason.CONNECTION_FAILED
    assert told(answer)[1].startswith(f"certificate not accepted: {why}")
    assert not api.requests  # the key does not reach whom it does not trust


async def test_a_server_that_speaks_no_tls(authority: Authority) -> None:
    async def complain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))
        writer.close()

    async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await ask(f"https://127.0.0.1:{port}", ca_file=authority.pair.certificate)
    assert told(answer)[0] == Reason.CONNECTION_FAILED
    assert told(answer)[1].startswith("TLS failed: ")


def with_password(url: str) -> str:
    return url.replace("://", f"://user:{quote(PASSWORD)}@")


def is_kept(answer: Stats | PollError) -> bool:
    """Return whether the password stands nowhere in an error, as it is or quoted."""
    return not any(secret in text_of(answer) for secret in (PASSWORD, quote(PASSWORD), CREDENTIALS))


class Tunnel(FakeApi):
    """A proxy that does what CONNECT asks for, and nothing else."""

    async def reply(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await super().reply(head, reader, writer)
        host, port = head.split()[1].split(":")
        upstream, to_upstream = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_pump(reader, to_upstream), _pump(upstream, writer))
        finally:
            to_upstream.close()
        return False


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(*GONE):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def test_a_proxy_is_asked_for_the_whole_url_or_for_a_tunnel_and_then_never_sees_the_key(
    authority: Authority,
) -> None:
    async with FakeApi(ANYONE) as plain:
        assert await ask("http://api.invalid", proxy_url=with_password(plain.url)) == READING
    assert plain.heads[0].startswith("GET http://api.invalid/v1/campaigns/camp_123/stats HTTP/1.1\r\n")
    pair = authority.issue("api", LOOPBACK)
    connected = {"*": b"HTTP/1.1 200 Connected\r\n\r\n"}
    async with FakeApi(ANYONE, certificate=pair) as api, Tunnel(connected) as proxy:
        proxied: dict[str, Any] = {"ca_file": authority.pair.certificate, "proxy_url": with_password(proxy.url)}
        assert await ask(api.url, **proxied) == READING
    assert proxy.heads[0].startswith(f"CONNECT {api.url.removeprefix('https://')} HTTP/1.1\r\n")
    for head in (*plain.heads, *proxy.heads):
        assert f"\r\nProxy-Authorization: Basic {CREDENTIALS}\r\n" in head
    assert "Bearer" not in "".join(proxy.heads)
    assert "Proxy-Authorization" not in "".join(api.heads)


@pytest.mark.parametrize(
    ("scheme", "status", "reason", "detail"),
    [
        ("http", 407, "unexpected_status", "HTTP 407"),
        ("http", 502, "server_error", "HTTP 502"),
        ("https", 407, "connection_failed", "the proxy answered HTTP 407"),
        ("https", 502, "connection_failed", "the proxy answered HTTP 502"),
    ],
)
async def test_a_proxy_that_does_not_help_or_is_not_there(scheme: str, status: int, reason: str, detail: str) -> None:
    async with FakeApi({"*": http(status, b"", "Proxy-Authenticate: Basic")}) as proxy:
        answer = await ask(f"{scheme}://api.invalid", proxy_url=with_password(proxy.url))
    assert told(answer)[:2] == (reason, detail)
    assert is_kept(answer)
    for gone in ("127.0.0.1:9", "proxy.invalid:3128"):
        answer = await ask(f"{scheme}://api.invalid", proxy_url=with_password(f"http://{gone}"))
        assert told(answer)[0] == Reason.CONNECTION_FAILED
        assert is_kept(answer)
