"""Servers at the other end of the client: one that keeps its connections open, and a proxy that tunnels."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


@dataclass
class Peer:
    """Give every request the same answer, over TLS where there is a certificate; keep heads and count connections."""

    answer: bytes
    certificate: tuple[Path, Path] | None = None
    heads: list[str] = field(default_factory=list)
    url: str = ""
    _serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Peer"]:
        tls = None
        if self.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*self.certificate)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task, writer in self._serving.items():
                writer.transport.abort()
                await asyncio.wait({task})
            await asyncio.sleep(0)  # the transports close in the loop's next turn

    @property
    def connections(self) -> int:
        return len(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._serving[task] = writer
        with suppress(*_GONE):
            while True:
                await self.reply((await reader.readuntil(b"\r\n\r\n")).decode(), reader, writer)
        writer.close()

    async def reply(self, head: str, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head)
        writer.write(self.answer)
        await writer.drain()


class Tunnel(Peer):
    """A proxy that does what CONNECT asks for, and nothing else."""

    async def reply(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head)
        host, port = head.split()[1].split(":")
        upstream, to_upstream = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, to_upstream), _pump(upstream, writer))
        finally:
            to_upstream.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(*_GONE):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
