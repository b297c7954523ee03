"""The web configuration file at work: TLS, users and headers, read again when a file has changed."""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.document.problems import ConfigError, Problem
from exporter.web import tls
from exporter.web.basic_auth import BasicAuth, BusyError
from exporter.web.rate_limit import RateLimit
from exporter.web.web_config_schema import Settings, read

log = structlog.get_logger()

_Stamps: TypeAlias = dict[Path, tuple[int, ...] | None]


class WebConfigFile:
    """Serve as a web configuration file says. Raises ConfigError where it cannot be used at the start.

    The file and those it names are looked at again (a `stat` each) at every request and every handshake. A change is
    taken as a whole; a bad one leaves everything as it was and is logged once. To take away a protection (TLS, client
    certificates, users) needs a restart: a file that is cut short must not open a door.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._auth = BasicAuth()
        self._stamps = _stamps([path])
        self._settings = read(path)
        self._stamps |= _stamps(_files(self._settings))
        self._context = _context(self._settings)
        self._auth.configure(self._settings.users)
        self._limit = RateLimit(self._settings.rate, time.monotonic)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the listening sockets' context, which follows the files at each handshake; None without TLS."""
        return tls.per_handshake(self._current_context) if self._context else None

    def protect(self, app: web.Application) -> None:
        """Put the users in front of everything that an application serves, and the headers on every answer."""
        app.middlewares.insert(0, self._middleware)
        app.on_response_prepare.append(self._add_headers)

    @property
    def headers(self) -> Mapping[str, str]:
        """Give the headers that every answer carries."""
        return self._settings.headers

    async def authorize(self, request: web.Request) -> web.Response | None:
        """Return the answer that turns a request away, None where it may pass."""
        self._refresh()
        if not self._limit.allows():
            return web.Response(status=429, text="Too many requests.\n")
        if not self._knows(request.transport):
            return web.Response(status=403, text="The client's certificate has none of the names that are let in.\n")
        try:
            if await self._auth.allows(request.headers.get("Authorization")):
                return None
        except BusyError:
            return web.Response(
                status=503, text="Too many passwords are being checked.\n", headers={"Retry-After": "5"}
            )
        return web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": "Basic"})

    def _knows(self, transport: asyncio.BaseTransport | None) -> bool:
        """Tell whether a client's certificate has one of the allowed names; a client without one may not need it."""
        allowed = self._settings.client_allowed_sans
        certificate = transport.get_extra_info("peercert") if transport and allowed else None
        return not certificate or not allowed.isdisjoint(tls.alternative_names(certificate))

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = await self.authorize(request)
        return await handler(request) if refusal is None else refusal

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self.headers)

    def _current_context(self) -> ssl.SSLContext:
        self._refresh()
        if self._context is None:  # never: a reload cannot switch TLS off
            raise ssl.SSLError("TLS is off")
        return self._context

    def _refresh(self) -> None:
        stamps = _stamps(self._stamps)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._take(read(self._path))
        except ConfigError as error:
            problems = "; ".join(map(str, error.problems))
            log.error("the web configuration was not loaded, the old one stays in use", problems=problems)  # noqa: TRY400 - a traceback helps no operator
            self._renew_certificate()
        else:
            log.info("web configuration loaded", file=str(self._path))

    def _take(self, settings: Settings) -> None:
        # Also the files of a configuration that is turned down are watched: they may be what is wrong with it.
        watched = [self._path, *_files(self._settings), *_files(settings)]
        self._stamps = {file: stamp for file, stamp in self._stamps.items() if file in watched}
        self._stamps |= _stamps(set(watched) - self._stamps.keys())
        if losses := list(_losses(self._settings, settings)):
            raise ConfigError(losses)
        self._context = _context(settings)
        self._settings = settings
        self._auth.configure(settings.users)
        if settings.rate != self._limit.rate:
            self._limit = RateLimit(settings.rate, time.monotonic)

    def _renew_certificate(self) -> None:
        """Follow the old configuration's certificate for as long as the new configuration is bad."""
        try:
            self._context = _context(self._settings)
        except ConfigError:
            return  # the old one stays


def _files(settings: Settings) -> Iterable[Path]:
    return settings.tls.files.values() if settings.tls else ()


def _context(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    try:
        return tls.build(settings.tls)
    except tls.TlsFilesError as error:
        problems = [settings.problem(problem, "tls_server_config", key) for key, problem in error.problems.items()]
        raise ConfigError(problems) from None


def _losses(old: Settings, new: Settings) -> Iterable[Problem]:
    if (old.tls is None) != (new.tls is None):
        yield new.problem("TLS is switched on or off by a restart only", "tls_server_config")
    elif old.tls and new.tls and new.tls.client_auth < old.tls.client_auth:
        yield new.problem("asks less of clients: that takes a restart", "tls_server_config", "client_auth_type")
    if old.client_allowed_sans and not new.client_allowed_sans:
        yield new.problem("has no name left: that takes a restart", "tls_server_config", "client_allowed_sans")
    if old.users and not new.users:
        yield new.problem("has no user left: that takes a restart", "basic_auth_users")


def _stamps(files: Iterable[Path]) -> _Stamps:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, ...] | None:
    try:
        status = file.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    # The time of the last change too: a copy may keep the size and the time of the last write.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
