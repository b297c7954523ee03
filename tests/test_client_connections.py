"""Which connections the client takes: certificates it does and does not trust, and proxies."""

import asyncio
import base64
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from exporter.errors import PollError, Reason
from exporter.stats import Stats
from tests.peers import Peer, Tunnel
from tests.scripted_api import http
from tests.test_client import ask, told
from tests.web.pki import Authority

READING = Stats(sent=1)
ANSWER = http(200, b'{"sent": 1}')
PASSWORD = "pr0xy_c@nary"  # noqa: S105 - stands for one
CREDENTIALS = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
LOOPBACK = "subjectAltName=IP:127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def ask_over_tls(authority: Authority, extension: str, ca_file: Path | None) -> Stats | PollError:
    pair = authority.issue("api", extension)

    async def poll() -> Stats | PollError:
        async with Peer(ANSWER, (pair.certificate, pair.key)).running() as peer:
            answer = await ask(peer.url, ca_file=ca_file)
            assert bool(peer.heads) == (answer == READING)  # the key does not reach whom it does not trust
            return answer

    return asyncio.run(poll())


def test_a_certificate_of_the_ca_file_is_trusted(authority: Authority) -> None:
    assert ask_over_tls(authority, LOOPBACK, authority.pair.certificate) == READING


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Authority) -> None:
    answer = ask_over_tls(authority, LOOPBACK, None)

    detail = "certificate not accepted: unable to get local issuer certificate"
    assert told(answer) == ("connection_failed", detail, "connection_failed")


def test_a_self_signed_certificate_is_refused(authority: Authority) -> None:
    async def poll() -> Stats | PollError:
        async with Peer(ANSWER, (authority.pair.certificate, authority.pair.key)).running() as peer:
            return await ask(peer.url)

    assert told(asyncio.run(poll()))[1] == "certificate not accepted: self-signed certificate"


def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    answer = ask_over_tls(authority, "subjectAltName=DNS:other.example", authority.pair.certificate)

    assert told(answer)[0] == Reason.CONNECTION_FAILED
    assert "not valid for '127.0.0.1'" in told(answer)[1]


def test_a_server_that_speaks_no_tls(authority: Authority) -> None:
    async def complain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))
        writer.close()

    async def poll() -> Stats | PollError:
        async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await ask(f"https://127.0.0.1:{port}", ca_file=authority.pair.certificate)

    answer = asyncio.run(poll())

    assert told(answer)[0] == Reason.CONNECTION_FAILED
    assert told(answer)[1].startswith("TLS failed: ")


def with_password(url: str) -> str:
    return url.replace("://", f"://user:{quote(PASSWORD)}@")


def is_kept(answer: Stats | PollError) -> bool:
    """Tell whether the password stands nowhere in an error, as it is or quoted."""
    assert isinstance(answer, PollError)
    text = "".join([repr(answer.failure), *traceback.format_exception(answer)])
    return not any(secret in text for secret in (PASSWORD, quote(PASSWORD), CREDENTIALS))


def test_a_proxy_is_asked_for_the_whole_url() -> None:
    async def poll() -> tuple[Stats | PollError, list[str]]:
        async with Peer(ANSWER).running() as proxy:
            return await ask("http://api.invalid", proxy_url=with_password(proxy.url)), proxy.heads

    answer, (head,) = asyncio.run(poll())

    assert answer == READING
    assert head.startswith("GET http://api.invalid/v1/campaigns/camp_123/stats HTTP/1.1\r\n")
    assert f"\r\nProxy-Authorization: Basic {CREDENTIALS}\r\n" in head


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_key(authority: Authority) -> None:
    pair = authority.issue("api", LOOPBACK)

    async def poll() -> tuple[Stats | PollError, Peer, Peer]:
        async with Peer(ANSWER, (pair.certificate, pair.key)).running() as api, Tunnel(b"").running() as proxy:
            answer = await ask(api.url, ca_file=authority.pair.certificate, proxy_url=with_password(proxy.url))
            return answer, api, proxy

    answer, api, proxy = asyncio.run(poll())

    assert answer == READING
    assert proxy.heads[0].startswith(f"CONNECT {api.url.removeprefix('https://')} HTTP/1.1\r\n")
    assert f"\r\nProxy-Authorization: Basic {CREDENTIALS}\r\n" in proxy.heads[0]
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
def test_a_proxy_that_does_not_help(scheme: str, status: int, reason: str, detail: str) -> None:
    async def poll() -> Stats | PollError:
        async with Peer(http(status, b"", "Proxy-Authenticate: Basic")).running() as proxy:
            return await ask(f"{scheme}://api.invalid", proxy_url=with_password(proxy.url))

    answer = asyncio.run(poll())

    assert told(answer)[:2] == (reason, detail)
    assert is_kept(answer)


@pytest.mark.parametrize("proxy", ["127.0.0.1:9", "proxy.invalid:3128"])
def test_a_proxy_that_is_not_there_keeps_its_password(proxy: str) -> None:
    answer = asyncio.run(ask("https://api.invalid", proxy_url=with_password(f"http://{proxy}")))

    assert told(answer)[0] == Reason.CONNECTION_FAILED
    assert is_kept(answer)
