"""Whole HTTP answers through the real client and a real socket: a reading or a PollError, in time."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from random import Random
from typing import Self

from exporter.api import Client
from exporter.config import Api
from exporter.errors import PollError
from exporter.secret import ApiKey, KeySource
from tests import build
from tests.fuzz.answers import Answers
from tests.fuzz.mutation import damaged
from tests.fuzz.target import Finding

# fmt: off
_STATUSES = ("HTTP/1.1 200 OK",) * 20 + (
    "HTTP/1.0 200 OK", "HTTP/1.1 204 No", "HTTP/1.1 302 F", "HTTP/1.1 304 N", "HTTP/1.1 404 N", "HTTP/1.1 429 T",
    "HTTP/1.1 503 S", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 101 S", "HTTP/1.1 999 ?", "HTTP/1.1 99",
    "HTTP/2 200", "ICY 200", "", "HTTP/1.1 401 \xff",
)
_HEADERS = (
    "Content-Type: application/json", "Content-Type: ;;=\xff", "Content-Encoding: gzip", "Content-Encoding: br",
    "Content-Encoding: deflate", "Content-Encoding: zstd", "Content-Encoding: x, gzip", "Connection: close",
    "Connection: upgrade", "Upgrade: websocket", "Location: /x", "Location: http://[", "Set-Cookie: a=\x01; $",
    "Retry-After: 3", "Retry-After: " + "9" * 19, "Retry-After: -1", "Retry-After: x",
    "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: Wed, 99 Oct 99999 07:28:00 +9999", "Trailer: x",
)
_BAD_HEADERS = (
    "Content-Length: 5", "Content-Length: 0", "Content-Length: -1", "Content-Length: x", "Content-Length: +9",
    "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: x", " folded", ": x", "no colon", "X: \0", "\xff: x", "X: " + "y" * 9000,
)
_BODIES = (
    '5\r\n{"sen\r\n5\r\nt":1}\r\n0\r\n\r\n', "fffffffffffffffffff\r\n", "\x1f\x8b\x08\0\0",
    '{"error": {"code": "workspace_not_found"}}',
)
_WORDS = tuple(
    word.encode("latin-1")
    for word in (*_HEADERS, *_BAD_HEADERS[:-1], *_BODIES, "\r\n", "\n", "\r\n\r\n", "\0", "HTTP/1.1 200 OK\r\n")
)
# fmt: on
_TIMEOUT = 1.0  # seconds, as configured; on a busy machine the answer may come that much later
_LATE = 10.0


class Responses:
    """Fuzz `exporter.api.Client` with the transport that it opens itself."""

    name = "responses"
    batch = 20

    def __init__(self) -> None:
        self._bodies = Answers()

    def make(self, dice: Random) -> bytes:
        """Write an answer with a body that has a length, or has none."""
        body = self._bodies.make(dice) if dice.random() < 0.7 else dice.choice(_BODIES).encode("latin-1")
        headers = [dice.choice(_HEADERS) for _ in range(dice.choice((0, 1, 2, 4)))]
        if dice.random() < 0.8:
            headers.append(f"Content-Length: {len(body)}")
        if dice.random() < 0.2:
            headers.insert(dice.randrange(len(headers) + 1), dice.choice(_BAD_HEADERS))
        head = "\r\n".join([dice.choice(_STATUSES), *headers, "", ""]).encode("latin-1")
        return damaged(head + body, dice, _WORDS) if dice.random() < 0.4 else head + body

    def outcomes(self, inputs: Sequence[bytes]) -> list[str]:
        """Let the client ask for each."""
        return self._runner.run(self._ask_all(inputs))

    async def _ask_all(self, inputs: Sequence[bytes]) -> list[str]:
        answers = cycle(inputs)  # a connection each, unless the client tries again

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(next(answers))
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the client went first
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        api = Api(base_url=f"http://{host}:{port}", timeout=_TIMEOUT, max_concurrency=self.batch)
        client = Client(api, ApiKey(KeySource(env=build.KEY_ENV)))
        try:
            return await asyncio.gather(*(_outcome(client) for _ in inputs))
        finally:
            await client.aclose()
            server.close()

    def __enter__(self) -> Self:
        """Start a loop."""
        os.environ[build.KEY_ENV] = build.KEY
        with ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the loop."""
        self._stack.close()


async def _outcome(client: Client) -> str:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await client.read("camp_123")
    except PollError as error:
        if loop.time() - began > _LATE:
            raise Finding("comes too late") from error
        if "canary" in str(error) or not str(error).isprintable():
            raise Finding(f"repeats the answer: {error}") from error
        return f"{error.failure.reason} {error.failure.code}: {error.failure.detail}"[:80]
    return "reading"
