"""The web configuration file at work: what protects the endpoints, and how it is read again."""

from contextlib import suppress
from pathlib import Path
from threading import Lock

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.document.item import ConfigError, Item, Problem
from exporter.toolkit import tls
from exporter.toolkit.basic_auth import BasicAuth
from exporter.toolkit.schema import read

_TLS = "tls_server_config"

log = structlog.get_logger()


class WebConfigFile:
    """Serve as a web configuration file says. Raises ConfigError where it cannot be used at the start.

    To take away a protection (TLS, client certificates, users) needs a restart: a file that is cut short must let
    nobody in. `ssl_context` is that of the next connection, None without TLS.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._auth = BasicAuth()
        self._refreshing = Lock()
        self._protections: dict[str, int] = {}
        self._last_read = read(path)
        self._use(self._last_read)

    def files(self) -> set[Path]:
        """Return the files that it depends on now, with those that a refused change of it names."""
        named = (item.value for each in (self._used, self._last_read) for item in tls.files(each.child(_TLS)))
        return {self._path, *named}

    def refresh(self) -> None:
        """Read all files again, in whatever thread this is called: a change is adopted whole or not at all.

        While the file itself has a problem, the certificates of the last good one are followed.
        """
        with self._refreshing:
            try:
                self._last_read = read(self._path)
                self._use(self._last_read)
            except ConfigError as error:
                message = "the web configuration was not loaded, the old one stays in use"
                log.error(message, problems="; ".join(map(str, error.problems)))  # noqa: TRY400 - the file is at fault
                with suppress(ConfigError):
                    self._use(self._used)
            else:
                log.info("web configuration loaded", file=str(self._path))

    def protect(self, app: web.Application) -> None:
        """Put the users in front of everything that an application serves, and the headers on every answer."""
        app.middlewares.insert(0, self._middleware)
        app.on_response_prepare.append(self._add_headers)

    def _use(self, document: Item) -> None:
        section, headers = document.child(_TLS), document.child("http_server_config").child("headers")
        users = {name: item.value for name, item in document.child("basic_auth_users").mapping.items()}
        protections = {
            _TLS: bool(section.mapping),
            f"{_TLS}.client_auth_type": section.child("client_auth_type").value or 0,
            "basic_auth_users": bool(users),
        }
        if lost := [key for key, before in self._protections.items() if protections[key] < before]:
            message = f"to protect less than before takes a restart: {', '.join(lost)}"
            raise ConfigError([Problem(self._path, 1, 1, "", message)])
        self.ssl_context = tls.build(section) if section.mapping else None
        self._used, self._protections = document, protections
        self._headers = {name: item.value for name, item in headers.mapping.items()}
        self._auth.configure(users)

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if await self._auth.allows(request.headers.get("Authorization")):
            return await handler(request)
        return web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": "Basic"})

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._headers)
