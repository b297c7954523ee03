"""Requests as strangers send them, to the real server: an answer that blames the client, or a closed connection.

`HYPOTHESIS_PROFILE=million` tries as many as are wanted.
"""

import asyncio
import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import log
from tests.web.serving import Program, application_of, say, served

# fmt: off
METHODS = (
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "G\0T", "", "X" * 5000,
)
PATHS = (
    "/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/config", "/api/v1/campaigns", "/metrics?a=b", "/..",
    "/%2e%2e/", "*", "", "//", "/%", "/metrics#x", "/%00", "/\u00e9", "http://h/metrics", "http://[/", "h:443",
    "/" + "a" * 9000, "/a b", "/;x", "?", "/%2d/reload", "/-/re%6Coad", "http://u:p@h:99999/",
)
VERSIONS = ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "HTTP/9.9", "HTTP/1", "http/1.1", "", "ICY")
HEADERS = (
    "Host: ", "Host: a b", "Host: [", "Host: h:99999", "Host: \u00e9", "Host: xn--\u00e9", "Host: i",
    "Connection: close", "Connection: keep-alive, upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x",
    "HTTP2-Settings: AAM", "Expect: 100-continue", "Expect: x", "Content-Length: 0",
    "Content-Length: 3", "Content-Encoding: gzip", "Content-Encoding: x", "Transfer-Encoding: chunked",
    "Content-Type: \xff", "Cookie: a=b; $x=;;", "Range: bytes=0-1", "If-Modified-Since: x", "TE: trailers",
    "Accept: text/plain;version=abc;q=,", "Accept: application/openmetrics-text;q=0.1.2", "Accept: ;;,,",
    "Accept: a/" + "b" * 6000, "Accept-Encoding: gzip;q=x", "Accept-Encoding: gzip", "Authorization: Basic !",
    "X-Prometheus-Scrape-Timeout-Seconds: NaN", "X-Forwarded-For: 1, 2", "Origin: null", "A: b", "X: \t", "X: \x80",
    "Content-Length: -1", "Content-Length: +3", "Content-Length: 3, 3", "Content-Length: 1_0",
    "Content-Length: 9999999", "Content-Length: 99999999999999999999", "Transfer-Encoding: x, chunked",
    "Transfer-Encoding: chunked, x", "Transfer-Encoding: x", " folded", "\tx: y", ": nameless", "no colon", "N\0L: x",
    "X: \0", "X: \r", "X : y", "\u00e9: x", "Accept: a/" + "b" * 9000,
)
BODIES = (
    "", "abc", "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n", "\r\n\r\n",
    "3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
)
# fmt: on
# Not "Upgrade: h2c": aiohttp drops what comes in one packet with it, so that LAST would wait as an idle client may.
LAST = b"\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"  # whatever comes before, it ends


def _bytes(line: tuple[str, ...], headers: list[str], end: str, body: str) -> bytes:
    return (end.join([" ".join(line), *headers, "", ""]) + body).encode("latin-1", "replace")


REQUEST = st.builds(
    _bytes,
    st.tuples(st.sampled_from(METHODS), st.sampled_from(PATHS), st.just("HTTP/1.1") | st.sampled_from(VERSIONS)),
    st.lists(st.just("Host: h") | st.sampled_from(HEADERS), max_size=20),
    st.just("\r\n") | st.sampled_from(["\n", "\r", ""]),
    st.sampled_from(BODIES),
)
DAMAGED = st.builds(
    lambda request, at, junk: request[:at] + junk + request[at:], REQUEST, st.integers(0, 200), st.binary(max_size=5)
)


async def refused_or_answered(port: int, request: bytes) -> bytes:
    try:
        return await say(port, request + LAST)
    except ConnectionError:
        return b""


@settings(max_examples=settings().max_examples // 5)  # 20 at once
@given(st.lists(REQUEST | DAMAGED | st.binary(), min_size=20, max_size=20))
def test_any_request_is_answered_or_refused(requests: list[bytes]) -> None:
    async def ask(port: int) -> list[bytes]:
        return await asyncio.gather(*(refused_or_answered(port, request) for request in requests))

    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    with served(application_of(Program(), lifecycle=True)) as server:
        answers = server.run(ask(server.port))
        assert b" 200 " in server.say(LAST)
    for answer in answers:
        statuses = re.findall(rb"(?:^|\n|})HTTP/\d\.\d (\d{3}) ", answer)
        assert bool(statuses) == answer.startswith(b"HTTP/") == (answer != b"")
        assert all(status < b"500" for status in statuses)
    assert logged.getvalue() == ""
