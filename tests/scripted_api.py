"""An API whose every answer is written byte by byte: what a real server would never send on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Script: TypeAlias = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ScriptedApi:
    """Answer each campaign id with its script, closing the connection after it; keep the request heads."""

    scripts: Mapping[str, Script]
    heads: list[str] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedApi"]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            script = self.scripts[head.split("/")[3]]
            if callable(script):
                await script(writer)
            else:
                writer.write(script)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went first, or the test has ended
        finally:
            writer.close()


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Write an answer with its right length."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answer; the client's closing ends it."""
    await writer.wait_closed()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send an endless body a byte at a time, each sooner than any time-out between bytes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)
