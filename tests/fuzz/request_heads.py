"""Requests as strangers send them, to the real server: an answer that blames the client, or a closed connection."""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import Self

import httpx

from tests import build
from tests.fuzz.mutation import damaged
from tests.fuzz.target import Finding
from tests.process import PATIENCE, RunningExporter, running_exporter

_CONFIG = """\
api: {{base_url: "http://127.0.0.1:1", retries: 0}}
poll: {{interval: 1d, stale_after: 1d}}
workspaces: [{{name: acme, api_key_env: {env}, campaigns: [camp_123]}}]
"""
_FIRST_BYTE, _SILENCE = 0.4, 0.05  # seconds after which no more is expected
_TROUBLE = re.compile(r"Traceback|level=error|Exception|never awaited|internal error")
# fmt: off
_METHODS = ("GET",) * 30 + (
    "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "G\0T", "", "X" * 5000,
)
_PATHS = 10 * (
    "/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/config", "/api/v1/campaigns", "/metrics?a=b", "/..",
) + (
    "/%2e%2e/", "*", "", "//", "/%", "/metrics#x", "/%00", "/\u00e9", "http://h/metrics", "http://[/", "h:443",
    "/" + "a" * 9000, "/a b", "/;x", "?", "/%2d/reload", "/-/re%6Coad", "http://u:p@h:99999/",
)
_VERSIONS = ("HTTP/1.1",) * 99 + (
    "HTTP/1.0", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "HTTP/9.9", "HTTP/1", "http/1.1", "", "ICY",
)
_HOSTS = ("Host: h",) * 99 + (
    "Host: ", "Host: a b", "Host: [", "Host: h:99999", "Host: \u00e9", "Host: xn--\u00e9", "X: y", "Host: h\r\nHost: i",
)
_HEADERS = (
    "Connection: close", "Connection: keep-alive, upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x",
    "Upgrade: h2c", "HTTP2-Settings: AAM", "Expect: 100-continue", "Expect: x", "Content-Length: 0",
    "Content-Length: 3", "Content-Encoding: gzip", "Content-Encoding: x", "Transfer-Encoding: chunked",
    "Content-Type: \xff", "Cookie: a=b; $x=;;", "Range: bytes=0-1", "If-Modified-Since: x", "TE: trailers",
    "Accept: */*", "Accept: text/plain;version=abc;q=,", "Accept: application/openmetrics-text;q=0.1.2",
    "Accept: ;;,,", "Accept: a/" + "b" * 6000, "Accept-Encoding: gzip;q=x", "Accept-Encoding: gzip",
    "X-Prometheus-Scrape-Timeout-Seconds: NaN", "Authorization: Basic !", "X-Forwarded-For: 1, 2", "Origin: null",
    "A: b", "X: \t", "X: \x80",
)
_BAD_HEADERS = (
    "Content-Length: -1", "Content-Length: +3", "Content-Length: 3, 3", "Content-Length: 1_0",
    "Content-Length: 9999999",
    "Content-Length: 99999999999999999999", "Transfer-Encoding: x, chunked", "Transfer-Encoding: chunked, x",
    "Transfer-Encoding: x", " folded", "\tx: y", ": nameless", "no colon", "N\0L: x", "X: \0", "X: \r", "X : y",
    "\u00e9: x", "Accept: a/" + "b" * 9000,
)
_BODIES = ("",) * 40 + (
    "abc", "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n", "\r\n\r\n",
    "3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
)
_GOOD = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"
_WORDS = tuple(
    word.encode("latin-1")
    for word in (*_BAD_HEADERS[:-1], *_HEADERS, *_BODIES[40:], "\r\n", "\n", "\r", "\r\n\r\n", "\0", " ", "\t", _GOOD)
)
# fmt: on


class RequestHeads:
    """Fuzz the real command over sockets."""

    name = "request heads"
    batch = 200

    def make(self, dice: Random) -> bytes:
        """Write a request or two, mostly complete, then perhaps damage them."""
        text = "".join(_request(dice) for _ in range(dice.choice((1, 1, 1, 2))))
        data = text.encode("latin-1", "replace")
        return damaged(data, dice, _WORDS) if dice.random() < 0.4 else data

    def outcomes(self, inputs: Sequence[bytes]) -> list[str]:
        """Send each on a connection of its own, all at once; then a good request must be answered."""
        seen = len(self._exporter.log)
        answers = self._runner.run(self._send_all(inputs))
        good = httpx.get(f"{self._url}/metrics", timeout=PATIENCE)
        trouble = [line for line in self._exporter.log[seen:] if _TROUBLE.search(line)]
        if trouble:
            raise Finding(f"is told in the log: {trouble}")
        if good.status_code != httpx.codes.OK:
            raise Finding("the next good request is refused")
        return [_outcome(answer) for answer in answers]

    async def _send_all(self, inputs: Sequence[bytes]) -> list[bytes]:
        return await asyncio.gather(*map(self._send, inputs))

    async def _send(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        answer, patience = b"", _FIRST_BYTE
        with suppress(TimeoutError, ConnectionError):
            writer.write(data)
            while chunk := await asyncio.wait_for(reader.read(65536), patience):
                answer, patience = answer + chunk, _SILENCE
        writer.transport.abort()
        return answer

    def __enter__(self) -> Self:
        """Start the command, with an API that refuses all connections and asks for nothing again."""
        with ExitStack() as stack:
            config = Path(stack.enter_context(tempfile.TemporaryDirectory()), "config.yaml")
            config.write_text(_CONFIG.format(env=build.KEY_ENV))
            arguments = (f"--config.file={config}", "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle")
            self._exporter = stack.enter_context(running_exporter(*arguments, **{build.KEY_ENV: build.KEY}))
            self._url = self._exporter.url
            self._host, port = self._url.removeprefix("http://").split(":")
            self._port = int(port)
            self._exporter.wait_for("/-/ready", "is ready")
            self._runner = stack.enter_context(asyncio.Runner())
            self._descriptors = _descriptors(self._exporter)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it; by then it must have closed all connections but our last."""
        try:
            self._exporter.wait_for("/metrics", f"process_open_fds {self._descriptors}.0")
            assert self._exporter.stop() == 0
        finally:
            self._stack.close()


def _request(dice: Random) -> str:
    line = f"{dice.choice(_METHODS)} {dice.choice(_PATHS)} {dice.choice(_VERSIONS)}"
    headers = [dice.choice(_HOSTS), *(dice.choice(_HEADERS) for _ in range(dice.choice((0, 1, 1, 2, 3, 20))))]
    if dice.random() < 0.1:  # one of them is enough to be refused
        headers.insert(dice.randrange(len(headers) + 1), dice.choice(_BAD_HEADERS))
    end = dice.choice(("\r\n",) * 50 + ("\n", "\r", ""))
    return end.join([line, *headers, "", ""]) + dice.choice(_BODIES)


def _outcome(answer: bytes) -> str:
    if not answer:
        return "no answer"
    statuses = re.findall(rb"(?:^|\n|})HTTP/\d\.\d (\d{3}) ", answer)
    if not statuses or not answer.startswith(b"HTTP/"):
        raise Finding("an answer that is not HTTP")
    if any(status >= b"500" for status in statuses):
        raise Finding(f"blames the server: {statuses}")
    return b" ".join(statuses[:3]).decode()


def _descriptors(exporter: RunningExporter) -> int:
    """Count what is open while the page is made for our own request."""
    page = exporter.wait_for("/metrics", "process_open_fds")
    return int(float(re.search(r"^process_open_fds (\S+)$", page, re.MULTILINE)[1]))  # type: ignore[index]  # it is there
