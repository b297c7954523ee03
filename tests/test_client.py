"""What the client sends, whom it trusts with it, and what it says when nothing comes back."""

import asyncio
import json
import socket
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter import __version__
from exporter.api import Client
from exporter.config import Api
from exporter.errors import PollError, Reason
from exporter.secret import ApiKey, KeySource
from exporter.stats import Stats
from tests import build
from tests.peers import Peer
from tests.scripted_api import ScriptedApi, http

ANYONE = http(200, b'{"sent": 1}')
READING = Stats(sent=1)
LEAK = "leak_from_the_server"


def client(base_url: str, *, key: KeySource | None = None, **api: Any) -> Client:
    workspace = build.workspace([], base_url=base_url, timeout=5.0, **api)
    return Client(workspace.api, ApiKey(key or workspace.key))


async def ask(base_url: str, campaign_id: str = "camp_123", **options: Any) -> Stats | PollError:
    asked = client(base_url, **options)
    try:
        return await outcome(asked, campaign_id)
    finally:
        await asked.aclose()


async def outcome(asked: Client, campaign_id: str) -> Stats | PollError:
    try:
        return await asked.read(campaign_id)
    except PollError as error:
        return error


def told(answer: Stats | PollError) -> tuple[str, str, str | None]:
    assert isinstance(answer, PollError)
    return answer.failure.reason, answer.failure.detail, answer.failure.code


async def heads_of(base_path: str, *ids: str) -> list[str]:
    async with Peer(ANYONE).running() as peer:
        for campaign_id in ids:
            assert await ask(peer.url + base_path, campaign_id) == READING
        return peer.heads


def test_a_request_is_this_and_nothing_else() -> None:
    (head,) = asyncio.run(heads_of("", "camp_123"))

    request, *fields = head.rstrip().split("\r\n")
    assert request == "GET /v1/campaigns/camp_123/stats HTTP/1.1"
    sent = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    assert sent.pop("host").startswith("127.0.0.1:")
    assert sent == {
        "authorization": f"Bearer {build.KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"leadterra-exporter/{__version__}",
    }


IDS = {
    "camp_123": "camp_123",
    "a/b": "a%2Fb",
    "%2e%2e": "%252e%252e",
    "ü x": "%C3%BC%20x",
    "a?b#c": "a%3Fb%23c",
    "a+b&c=d;e": "a%2Bb&c=d;e",  # these may stand in a path as they are
    "a\r\nX: y": "a%0D%0AX:%20y",
    "...": "...",
    "日本": "%E6%97%A5%E6%9C%AC",
}


def test_an_id_is_one_opaque_segment_of_the_path() -> None:
    heads = asyncio.run(heads_of("", *IDS))

    assert [head.split("\r\n")[0].split(" ", 1)[1] for head in heads] == [
        f"/v1/campaigns/{quoted}/stats HTTP/1.1" for quoted in IDS.values()
    ]


@pytest.mark.parametrize("base_path", ["/api", "/api/"])
def test_a_base_url_may_have_a_path(base_path: str) -> None:
    (head,) = asyncio.run(heads_of(base_path, "camp_123"))

    assert head.startswith("GET /api/v1/campaigns/camp_123/stats HTTP/1.1\r\n")


def test_twenty_polls_use_one_connection_and_send_no_cookie_back() -> None:
    async def poll() -> Peer:
        async with Peer(http(200, b'{"sent": 1}', "Set-Cookie: session=1; Path=/")).running() as peer:
            asked = client(peer.url)
            for _ in range(20):
                await asked.read("camp_123")
            await asked.aclose()
            return peer

    peer = asyncio.run(poll())

    assert (peer.connections, len(peer.heads)) == (1, 20)
    assert "cookie" not in "".join(peer.heads).lower()


def test_answers_that_are_not_read_to_their_end_keep_no_connection() -> None:
    async def poll() -> list[str]:
        async with Peer(http(500, b"x" * 300_000)).running() as peer:
            asked = client(peer.url, max_concurrency=1)
            answers = [await outcome(asked, "camp_123") for _ in range(5)]
            await asked.aclose()
            return [told(answer)[0] for answer in answers]

    assert asyncio.run(poll()) == [Reason.SERVER_ERROR] * 5


def test_a_redirect_carries_the_key_nowhere() -> None:
    async def poll() -> tuple[Stats | PollError, list[str]]:
        async with Peer(ANYONE).running() as elsewhere:
            there = f"Location: {elsewhere.url}/v1/campaigns/camp_123/stats"
            async with Peer(http(307, b"", there)).running() as peer:
                return await ask(peer.url), elsewhere.heads

    answer, seen_elsewhere = asyncio.run(poll())

    assert told(answer)[0] == Reason.UNEXPECTED_STATUS
    assert seen_elsewhere == []


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert len(asyncio.run(heads_of("", "camp_123"))) == 1


def ask_a_closed_port() -> Stats | PollError:
    with socket.socket() as bound:  # without listen() the port is taken and refuses
        bound.bind(("127.0.0.1", 0))
        return asyncio.run(ask(f"http://127.0.0.1:{bound.getsockname()[1]}"))


def test_nobody_listens() -> None:
    reason, _, code = told(ask_a_closed_port())

    assert (reason, code) == ("connection_failed", "connection_failed")


def test_refused_is_told_from_unreachable() -> None:
    assert told(ask_a_closed_port())[1] == "connection refused"


def test_a_host_name_that_does_not_resolve() -> None:
    answer = asyncio.run(ask("http://leadterra.invalid"))

    assert told(answer) == ("connection_failed", "the host name does not resolve", "connection_failed")


def test_the_key_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "key"

    async def poll() -> list[str]:
        async with Peer(ANYONE).running() as peer:
            file.write_text("sk_old\n")
            asked = client(peer.url, key=KeySource(file=file))
            await asked.read("camp_123")
            file.write_text("sk_new_one\n")
            await asked.read("camp_123")
            await asked.aclose()
            return peer.heads

    old, new = asyncio.run(poll())

    assert ("Bearer sk_old\r\n" in old, "Bearer sk_new_one\r\n" in new) == (True, True)


def test_without_a_key_nothing_is_sent() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200)

    source = KeySource(env="LEADTERRA_KEY_THAT_NOBODY_SET")
    asked = Client(Api(), ApiKey(source), transport=httpx.MockTransport(answer))
    with pytest.raises(PollError) as raised:
        asyncio.run(asked.read("camp_123"))

    detail = "no key: environment variable LEADTERRA_KEY_THAT_NOBODY_SET is not set"
    assert told(raised.value) == ("authentication_failed", detail, None)
    assert raised.value.failure.refuses_key
    assert requests == []


TALKATIVE = json.dumps({"error": {"code": LEAK, "message": f"{LEAK} {build.KEY}"}, "sent": LEAK}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        *(
            http(status, TALKATIVE, f"Location: http://{LEAK}/", f"X-{LEAK}: {build.KEY}")
            for status in range(200, 600, 37)
        ),
        *(http(status, TALKATIVE) for status in (400, 401, 403, 404, 429, 500)),
        http(200, b'{"campaignId": "%b"}' % LEAK.encode()),
        http(200, b'{"%b": 1, "sent": 1e999}' % LEAK.encode()),
        http(200, LEAK.encode(), "Content-Encoding: gzip"),
        f"HTTP/1.1 418 {LEAK} {build.KEY}\r\n\r\n".encode(),
        f"{LEAK} {build.KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\n{LEAK}\0: {build.KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nContent-Length: {LEAK}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{LEAK}\r\n".encode(),
    ],
)
def test_an_error_tells_neither_the_key_nor_what_the_server_wrote(answer: bytes) -> None:
    async def poll() -> Stats | PollError:
        async with ScriptedApi({"camp_123": answer}).running() as api:
            return await ask(api.url)

    error = asyncio.run(poll())

    assert isinstance(error, PollError)
    text = "".join([str(error), repr(error), repr(error.failure), *traceback.format_exception(error)])
    assert LEAK not in text
    assert build.KEY not in text
