"""The HTTP server: it accepts connections, puts TLS on them, and passes them to aiohttp."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from yarl import URL

from exporter.web.connections import Connection, Connections, most_connections, send
from exporter.web.listen import Listener

if TYPE_CHECKING:
    from exporter.toolkit import WebConfigFile

log = structlog.get_logger()

_ACCEPT_AGAIN_AFTER = 1.0  # seconds after an accept that failed
_CLOSE_WITHIN = 1.0  # seconds for the end of what is being answered, and of a TLS connection


class Server:
    """Serve an application on listening sockets that are bound already, behind a web configuration file.

    asyncio's own server accepts a hundred connections before one is counted, cannot close one before its TLS handshake
    is over, and logs a hundred tracebacks a second while the process may open no further file.
    """

    def __init__(
        self, app: web.Application, listeners: Sequence[Listener], web_config: "WebConfigFile | None" = None
    ) -> None:
        if web_config:
            web_config.protect(app)
        app.middlewares.insert(0, send)
        self._runner = web.AppRunner(app, shutdown_timeout=_CLOSE_WITHIN)
        self._listeners = listeners
        self._web_config = web_config
        self._connections = Connections(most_connections())
        self._accepting: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Accept connections."""
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - for the type checker: it has been set up
        self._http, make = self._runner.server, self._runner.server.request_factory
        # A request without a target, `CONNECT `, would end aiohttp's task and let the connection hang.
        self._http.request_factory = lambda message, *rest: make(message._replace(url=message.url or URL()), *rest)
        for listener in self._listeners:
            listener.socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
            self._accepting.append(asyncio.create_task(self._accept(listener.socket)))

    async def close_listeners(self) -> None:
        """Accept no further connection; those that are open go on."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listener in self._listeners:
            listener.socket.close()

    async def close(self) -> None:
        """Wait a second at most for what is being answered, and close all connections."""
        await self.close_listeners()
        await self._runner.cleanup()
        for connection in list(self._connections):
            connection.give_up()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = await asyncio.get_running_loop().sock_accept(listening)
            except ConnectionError:  # gone before it was accepted
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, the next may be accepted
                log.warning("no connection can be accepted", error=str(error), open=len(self._connections))
                if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
                    self._connections.make_room()
                await asyncio.sleep(_ACCEPT_AGAIN_AFTER)
                continue
            connection = Connection(self._connections, self._http)
            connection.handshake = asyncio.create_task(self._connect(connection, client))
            await asyncio.sleep(0)  # accepting does not wait while there is somebody: those let in want to be served

    async def _connect(self, connection: Connection, client: socket.socket) -> None:
        try:
            tls = self._web_config.ssl_context if self._web_config else None
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, client, ssl=tls, ssl_shutdown_timeout=_CLOSE_WITHIN if tls else None
            )
        except (Exception, asyncio.CancelledError) as error:
            connection.forget()
            client.close()
            # No TLS, a certificate that is not trusted, or its time is up: the client's business.
            if not isinstance(error, OSError | asyncio.CancelledError):
                log.exception("a connection could not be served")
