"""Take connections from listening sockets, as many as there may be, and put TLS on them."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable

import structlog

from exporter.web.connections import Connection, Connections
from exporter.web.limits import ROOM_AGAIN_WITHIN, most_connections

log = structlog.get_logger()

_LOOK_EVERY = 1.0
"""Seconds between two looks at deadlines; each takes some microseconds a hundred connections."""
_GOODBYE_WITHIN = 1.0
"""Seconds for the end of a TLS connection, in which the client has nothing to say any more."""


class Door:
    """Let clients in through listening sockets; `http` makes the protocol that speaks with one of them.

    asyncio's own server knows no number of connections, sees none before its TLS handshake is over, and logs a
    traceback a second while the process may open no further file.
    """

    def __init__(self, http: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None) -> None:
        self._http = http
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._connections = Connections(self._loop.time, most_connections())
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._arriving: set[asyncio.Task[None]] = set()
        self._watching = self._loop.create_task(self._watch())
        self._is_full = False

    def open(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections from now on."""
        for sock in sockets:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            self._sockets.append(sock)
            self._accepting.append(self._loop.create_task(self._accept(sock)))

    async def shut(self) -> None:
        """Accept no further connection; those that are open go on."""
        await _end(self._accepting)
        for sock in self._sockets:
            sock.close()

    async def leave(self) -> None:
        """Stop to watch over the connections, when all are closed."""
        await _end([*self._arriving, self._watching])

    async def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                client, _ = await self._loop.sock_accept(sock)
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:
                await self._wait_for_room(error)
                continue
            self._is_full = False
            task = self._loop.create_task(self._welcome(client))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)
            await asyncio.sleep(0)  # accepting does not wait while there is somebody: those let in want to be served

    async def _wait_for_room(self, error: OSError) -> None:
        """Give a descriptor back where the system has no other, and leave the loop time to do so."""
        if not self._is_full:  # once, until one more could be accepted
            log.warning("no connection can be accepted", error=error.strerror, open=len(self._connections))
        self._is_full = True
        self._connections.make_room()
        await asyncio.sleep(ROOM_AGAIN_WITHIN)

    async def _welcome(self, client: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        connection = Connection(self._connections, self._http(), task.cancel)
        goodbye = _GOODBYE_WITHIN if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, client, ssl=self._tls, ssl_shutdown_timeout=goodbye
            )
        except OSError:  # no TLS, a certificate that is not trusted, or gone: the client's business
            self._connections.forget(connection)
        except asyncio.CancelledError:  # too late or too many
            self._connections.forget(connection)
            raise

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self._connections.close_overdue()


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
