"""The sandbox API behind a server that can be told, while it runs, to fail in every way a server can."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Self, TypeVar

from exporter.sandbox import Answer, Sandbox
from exporter.web.tls import per_handshake
from tests.scripted_api import Script, http
from tests.web.pki import Pair

T = TypeVar("T")

_GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


class FaultApi:
    """Answer as the sandbox does, or by script, over TLS where there is a certificate; runs in a thread of its own.

    `requests` holds when each request came, in monotonic seconds, and with which key.
    """

    def __init__(self, key: str, campaigns: Iterable[str], certificate: Pair | None = None) -> None:
        self.keys = {key}
        self.keeps_connections = True
        self.requests: list[tuple[float, str]] = []
        self._stories = dict.fromkeys(campaigns, "paused")  # a story whose figures stay, none of them 0
        self._scripts: dict[str, Script] = {}
        self._once: set[str] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self.certificate = certificate
        self._tls = per_handshake(self._current) if certificate else None
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.port = 0

    def _current(self) -> ssl.SSLContext:
        assert self.certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.certificate, self.certificate.key)
        return context

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def figures(self, campaign_id: str) -> bytes:
        """Return the answer that is right for a campaign."""
        return self._answer(f"/v1/campaigns/{campaign_id}/stats", f"Bearer {next(iter(self.keys))}").body

    def break_(self, script: Script, *campaigns: str) -> None:
        """Answer these campaigns, by default all, by script, until `mend`."""
        self._call(self._scripts.update, dict.fromkeys(campaigns or self._stories, script))

    def break_once(self, script: Script, campaign: str) -> None:
        """Answer the campaign's next request by script."""
        self._once.add(campaign)
        self.break_(script, campaign)

    def mend(self) -> None:
        """Answer as the sandbox does from now on, on the port as before; what hangs goes on to hang."""
        self._call(self._scripts.clear)
        self.listen()

    def listen(self) -> None:
        """Accept connections."""
        if self._server is None:
            self._await(self._listen())

    def refuse(self) -> None:
        """Accept no connection and end those that are there."""
        self._await(self._refuse())

    def drop_connections(self) -> None:
        """End all connections."""
        self._call(self._drop)

    def present(self, certificate: Pair) -> None:
        """Show another certificate from now on, to everybody."""
        self.certificate = certificate
        self.drop_connections()

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        sock = socket.create_server(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=sock, ssl=self._tls)

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
        self._server = None
        self._drop()

    def _drop(self) -> None:
        for writer in self._connections:
            writer.transport.abort()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with suppress(*_GONE):
            while await self._reply(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                await writer.drain()
        self._connections.discard(writer)
        writer.close()

    async def _reply(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection may be used again."""
        request, *lines = head.decode().split("\r\n")
        path = request.split(" ")[1]
        campaign = path.split("/")[3]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        authorization = headers.get("authorization", "")
        self.requests.append((time.monotonic(), authorization.removeprefix("Bearer ")))
        script = self._script(campaign)
        if script is None:
            writer.write(_written(self._answer(path, authorization)))
        elif isinstance(script, bytes):
            writer.write(script)
        else:
            await _while_listening(script(writer), reader)
            return False
        return self.keeps_connections

    def _script(self, campaign: str) -> Script | None:
        script = self._scripts.get(campaign)
        if script is not None and campaign in self._once:
            del self._scripts[campaign]
            self._once.discard(campaign)
        return script

    def _answer(self, path: str, authorization: str) -> Answer:
        workspaces = dict.fromkeys(self.keys, self._stories)
        sandbox = Sandbox(origin=0.0, now=lambda: 0.0, workspaces=workspaces)
        return sandbox.answer("GET", path, {"Authorization": authorization})

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        async def call() -> None:
            function(*arguments)

        self._await(call())

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


async def _while_listening(script: Any, reader: asyncio.StreamReader) -> None:
    """Run a script until it ends or the client hangs up."""
    running, hung_up = asyncio.ensure_future(script), asyncio.ensure_future(reader.read())
    await asyncio.wait({running, hung_up}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, hung_up):
        task.cancel()
    await asyncio.gather(running, hung_up, return_exceptions=True)


def _written(answer: Answer) -> bytes:
    return http(answer.status, answer.body, *(f"{name}: {value}" for name, value in answer.headers.items()))
