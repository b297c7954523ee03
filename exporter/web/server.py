"""The HTTP server: it binds addresses, accepts connections, puts TLS on them, and passes them to aiohttp."""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from yarl import URL

from exporter.web.connections import Connection, Connections, most_connections, send

if TYPE_CHECKING:
    from exporter.toolkit import WebConfigFile

log = structlog.get_logger()

_ACCEPT_AGAIN_AFTER = 1.0  # seconds after an accept that failed
_CLOSE_WITHIN = 1.0  # seconds for the end of what is being answered, and of a TLS connection
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")
_ADVICE = {
    errno.EADDRINUSE: ": end what listens there, or name another port",
    errno.EACCES: ": name a port from 1024 on",
    errno.EADDRNOTAVAIL: ": name an address of this machine, or none for all",
}


class ListenError(Exception):
    """An address that can't be listened on: which, why, and what to write instead."""


class Listener:
    """A socket bound to `host:port`, `[::1]:port` or `:port`, which takes IPv4 and IPv6. Raises ListenError."""

    def __init__(self, address: str) -> None:
        match = _ADDRESS.fullmatch(address)
        if match is None or int(match["port"]) > 65535:  # noqa: PLR2004 - the highest port
            advice = "write it like :10421, 127.0.0.1:10421, [::1]:10421"
            raise ListenError(f'"{address}" is not an address to listen on: {advice}')
        self.host = match["v6"] or match["host"] or ""
        try:
            self.socket = _bind(self.host, int(match["port"]))
        except OSError as error:
            why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            why = f"{(why or str(error)).lower()}{_ADVICE.get(error.errno or 0, '')}"
            raise ListenError(f"cannot listen on {address}: {why}") from None
        self.port = int(self.socket.getsockname()[1])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return a URL that reaches it from this machine."""
        return f"http://{self if self.host else f'localhost:{self.port}'}"


def _bind(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    family = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0][0]  # noqa: S104 - asked for
    return socket.create_server((host, port), family=family, backlog=1024)


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
