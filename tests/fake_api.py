"""The API of the tests, over real sockets: what it answers may be written byte by byte, and what came is kept."""

import asyncio
import json
import re
import socket
import ssl
import time
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeAlias
from urllib.parse import unquote

from anyio.from_thread import start_blocking_portal

from tests.certificates import Pair

Script: TypeAlias = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""An answer as it travels, or what writes it; after the latter the connection is closed."""

GONE = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError)
_CAMPAIGN = re.compile(r"/v1/campaigns/([^/ ]*)/stats ")


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer with its right length."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def figures(campaign_id: str) -> dict[str, Any]:
    """Return a campaign's figures: none is 0, and no two campaigns have the same."""
    more = zlib.crc32(campaign_id.encode()) % 100_000
    counts = {"totalEnrolled": 500 + more, "sent": 480 + more, "delivered": 471 + more, "bounced": 9, "replied": 38}
    return {"campaignId": campaign_id, **counts, "queued": 20, "openRate": 0.42, "replyRate": 0.08}


async def silence(_: asyncio.StreamWriter) -> None:
    """Never answer; the client's hanging up ends it."""
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send an endless body a byte at a time, each sooner than any time-out between bytes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Request:
    """A request's head, and when it came, in monotonic seconds."""

    at: float
    head: str

    @cached_property
    def campaign(self) -> str:
        """The id that was asked for, "" where the path is none of a campaign."""
        found = _CAMPAIGN.search(self.head.partition("\r\n")[0])
        return unquote(found[1]) if found else ""

    @cached_property
    def key(self) -> str:
        """The key that it came with, "" for none."""
        found = re.search(r"^authorization: Bearer (\S+)\r$", self.head, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else ""


class FakeApi:
    """Answer each campaign by its script in `answers`, or else by that of `*`, or else with its `figures`.

    `keys` are those that are accepted, any where there are none. Each answer comes after `delay` seconds. TLS is spoken
    where there is a certificate. All of it may change at any time. `async with` serves in the running loop, `with` in a
    thread of its own, where `do` runs what else is asked for.
    """

    def __init__(
        self,
        answers: Mapping[str, Script] | None = None,
        *,
        figures: Callable[[str], Mapping[str, Any]] = figures,
        keys: Iterable[str] = (),
        certificate: Pair | None = None,
        keeps_connections: bool = True,
    ) -> None:
        self.answers = dict(answers or {})
        self.figures = figures
        self.keys = set(keys)
        self.keeps_connections = keeps_connections
        self.delay = 0.0
        self.requests: list[Request] = []
        self.connections = 0  # so far
        self.held = 0  # requests that wait for their answers
        self.port = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def heads(self) -> list[str]:
        return [request.head for request in self.requests]

    def do(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run one of its coroutines in its thread, from outside."""
        self._portal.call(lambda: coroutine)

    async def listen(self) -> None:
        """Accept connections, on the port as before."""
        if self._server is None:
            sock = socket.create_server(("127.0.0.1", self.port), backlog=1000)
            self.port = sock.getsockname()[1]
            self._server = await asyncio.start_server(self._serve, sock=sock, ssl=self._tls)

    async def refuse(self) -> None:
        """Accept no connection and end those that are there."""
        if self._server:
            self._server.close()
            self._server = None
        await self.drop_connections()

    async def drop_connections(self) -> None:
        """End all connections."""
        for writer in self._serving.values():
            writer.transport.abort()

    async def present(self, certificate: Pair) -> None:
        """Show another certificate from now on, to everybody."""
        assert self._tls
        self._tls.load_cert_chain(certificate.certificate, certificate.key)
        await self.drop_connections()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in the loop's next turn

    def __enter__(self) -> Self:
        self._thread = ExitStack()
        self._portal = self._thread.enter_context(start_blocking_portal())
        self._thread.enter_context(self._portal.wrap_async_context_manager(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._serving[task] = writer
        try:
            with suppress(*GONE, asyncio.CancelledError):  # the client went first, or the test has ended
                while await self.reply((await reader.readuntil(b"\r\n\r\n")).decode(), reader, writer):
                    await writer.drain()
                await writer.drain()
        finally:
            del self._serving[task]
            writer.close()

    async def reply(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether another may follow."""
        request = Request(time.monotonic(), head)
        self.requests.append(request)
        self.held += 1
        try:
            await asyncio.sleep(self.delay)
            script = self._script(request)
            if isinstance(script, bytes):
                writer.write(script)
                return self.keeps_connections
            await _while_listening(script(writer), reader)
            return False
        finally:
            self.held -= 1

    def _script(self, request: Request) -> Script:
        script = self.answers.get(request.campaign, self.answers.get("*"))
        if script is not None:
            return script
        if self.keys and request.key not in self.keys:
            return http(401, b'{"error": {"code": "authentication_failed"}}')
        return http(200, json.dumps(self.figures(request.campaign)).encode())


async def _while_listening(script: Awaitable[None], reader: asyncio.StreamReader) -> None:
    """Run a script until it ends or the client hangs up."""
    tasks = {asyncio.ensure_future(script), asyncio.ensure_future(reader.read())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_MEGABYTE = bytes(2**20)


def headers_without_end(at_once: int, pause: float) -> Script:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: to come\r\n" * at_once)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


async def huge(writer: asyncio.StreamWriter) -> None:
    """Send a body of 100 MB."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        writer.write(_MEGABYTE)
        await writer.drain()


async def cut(writer: asyncio.StreamWriter) -> None:
    """Break off in the middle of the body."""
    writer.write(http(200, b'{"campaignId": "camp_bad", "sent": 480, "bounced": 9}')[:-16])
    await writer.drain()


def _packed(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


# A full flush makes the packer forget, so each of 900 blocks of a megabyte of zeros is the same.
_ZEROS = _packed(_MEGABYTE) + 899 * _packed(_MEGABYTE)[10:]
BOMB = http(200, _ZEROS, "Content-Encoding: gzip")
"""Some hundred KB that unpack to 900 MiB."""
NESTED_BOMB = http(200, _packed(_ZEROS), "Content-Encoding: gzip, gzip")
"""Some KB that unpack to some hundred KB, and those to 900 MiB."""
