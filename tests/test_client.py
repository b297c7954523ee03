"""What the client sends, whom it trusts with it, and what it says when nothing comes back."""

import json
import os
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import __version__
from exporter.api import Stats, read_access
from exporter.api.client import Client, seconds_to_wait
from exporter.api.endpoints import parse_stats, stats_path
from exporter.errors import PollError, Reason
from tests import build
from tests.fake_api import FakeApi, Script, http

READING = Stats(sent=1)
ANYONE = {"*": http(200, b'{"sent": 1}')}
LEAK = "leak_from_the_server"


@asynccontextmanager
async def client(base_url: str, key: str = build.KEY, **api: Any) -> AsyncIterator[Client]:
    workspace = build.workspace((), base_url=base_url, **{"timeout": 5.0} | api)
    os.environ[build.KEY_ENV] = key
    async with aclosing(Client(read_access(workspace))) as asked:
        yield asked


async def outcome(asked: Client, campaign_id: str = "camp_123") -> Stats | PollError:
    try:
        return parse_stats(await asked.get(stats_path(campaign_id)), campaign_id)
    except PollError as error:
        return error


async def ask(base_url: str, campaign_id: str = "camp_123", **options: Any) -> Stats | PollError:
    async with client(base_url, **options) as asked:
        return await outcome(asked, campaign_id)


def told(answer: Stats | PollError) -> tuple[str, str, str | None]:
    assert isinstance(answer, PollError)
    return answer.failure.reason, answer.failure.detail, answer.failure.code


def text_of(error: Stats | PollError) -> str:
    """Return all that may be shown of an error."""
    assert isinstance(error, PollError)
    return "".join([str(error), repr(error), repr(error.failure), *traceback.format_exception(error)])


async def answered(script: Script, **options: Any) -> Stats | PollError:
    async with FakeApi({"*": script}, keeps_connections=False) as api:
        return await ask(api.url, **options)


async def test_a_request_is_this_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # the environment names no proxy
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with FakeApi(ANYONE) as api:
        assert await ask(api.url) == READING
    (head,) = api.heads
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


@pytest.mark.parametrize("base_path", ["", "/api", "/api/"])
async def test_an_id_is_one_opaque_segment_of_the_path(base_path: str) -> None:
    async with FakeApi(ANYONE) as api:
        assert [await ask(api.url + base_path, campaign_id) for campaign_id in IDS] == [READING] * len(IDS)
    assert [head.split("\r\n")[0] for head in api.heads] == [
        f"GET {base_path.rstrip('/')}/v1/campaigns/{quoted}/stats HTTP/1.1" for quoted in IDS.values()
    ]


@pytest.mark.parametrize("size", [2**16, 2**20])
async def test_an_id_that_no_server_takes_is_a_failed_poll(size: int) -> None:
    async with FakeApi() as api:
        assert told(await ask(api.url, "x" * size))[0] == Reason.CONNECTION_FAILED


async def test_twenty_polls_use_one_connection_and_send_no_cookie_back() -> None:
    answer = http(200, b'{"sent": 1}', "Set-Cookie: session=1; Path=/")
    async with FakeApi({"*": answer}) as api, client(api.url) as asked:
        assert [await outcome(asked) for _ in range(20)] == [READING] * 20
    assert (api.connections, len(api.heads)) == (1, 20)
    assert "cookie" not in "".join(api.heads).lower()


async def test_answers_that_are_not_read_to_their_end_keep_no_connection() -> None:
    async with FakeApi({"*": http(500, b"x" * 300_000)}) as api, client(api.url, max_concurrency=1) as asked:
        assert [told(await outcome(asked))[0] for _ in range(5)] == [Reason.SERVER_ERROR] * 5


async def test_nobody_listens_or_no_host_has_the_name() -> None:
    assert told(await ask("http://127.0.0.1:9")) == ("connection_failed", "connection refused", "connection_failed")
    assert told(await ask("http://leadterra.invalid")) == (
        "connection_failed",
        "the host name does not resolve",
        "connection_failed",
    )


@pytest.mark.parametrize(
    "answer",
    [
        *(http(status, b"", f"Location: http://{LEAK}/", f"X-{LEAK}: {build.KEY}") for status in range(201, 600, 37)),
        *(http(status, f"<html>{LEAK} {build.KEY}".encode()) for status in (200, 400, 401, 403, 404, 429, 500)),
        http(200, b'{"campaignId": "%b"}' % LEAK.encode()),
        http(200, b'{"%b": 1, "sent": 1e999}' % LEAK.encode()),
        http(200, LEAK.encode(), "Content-Encoding: gzip"),
        http(200, b'{"sent": 1}', f"Content-Encoding: br, {LEAK}"),
        f"HTTP/1.1 418 {LEAK} {build.KEY}\r\n\r\n".encode(),
        f"{LEAK} {build.KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\n{LEAK}\0: {build.KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nX: {LEAK}\0 {build.KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nX: {LEAK * 4000}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nContent-Length: {LEAK}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{LEAK}\r\n".encode(),
    ],
)
async def test_an_error_repeats_nothing_but_what_the_api_says_of_it(answer: bytes) -> None:
    text = text_of(await answered(answer))
    assert LEAK not in text
    assert build.KEY not in text


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize(
    "spell",
    [
        json.dumps,
        lambda text: json.dumps(text).replace("/", r"\/"),  # as PHP does
        lambda text: '"' + "".join(rf"\u{ord(char):04X}" for char in text) + '"',
    ],
)
async def test_what_the_api_says_is_shown_without_the_key(status: int, spell: Callable[[str], str]) -> None:
    key = "live/ca+nary=="
    body = f'{{"error": {{"message": {spell(f"{LEAK}: {key} and sk_live_another")}}}}}'
    error = await answered(http(status, body.encode()), key=key)
    assert told(error)[1].endswith(f": {LEAK}: (key) and sk_(not shown)")
    assert key not in text_of(error)
    quoted = await answered(http(status, json.dumps({"error": json.dumps(key).replace("/", r"\/")}).encode()), key=key)
    assert "(key)" in told(quoted)[1]
    assert "nary" not in text_of(quoted)


NOW = 1_750_000_000.0  # Sun, 15 Jun 2025 15:06:40 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("999999999999999999", 1e18),
        ("Sun, 15 Jun 2025 15:07:40 GMT", 60.0),
        ("Sunday, 15-Jun-25 15:07:40 GMT", 60.0),
        ("Sun, 15 Jun 2025 17:07:40 +0200", 60.0),
        ("Sun Jun 15 15:07:40 2025", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_652_300_799.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Sun, 31 Feb 2025 15:07:40 GMT", None),
        *((header, None) for header in ("", "-1", "1.5", "1e3", "٣", "9" * 5000, "60, 120", "soon")),
    ],
)
def test_retry_after(header: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT")  # of which nothing is to depend
        time.tzset()
        assert seconds_to_wait(header, NOW) == seconds
    time.tzset()


@given(st.one_of(st.text(), st.text("0123456789 ,:+-GMTSunJ.", max_size=40)))
def test_no_retry_after_breaks_the_reading_of_it(header: str) -> None:
    seconds = seconds_to_wait(header, NOW)
    assert seconds is None or seconds >= 0
