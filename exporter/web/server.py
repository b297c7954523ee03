"""The exporter's endpoints. Nothing here waits for the API: all answers come from what is known already."""

import asyncio
import ssl
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from aiohttp import hdrs, web

from exporter import __version__
from exporter.config import Config, dump
from exporter.exposition import Page, accepts_gzip, choose_format
from exporter.shard import Shard
from exporter.store import Store
from exporter.web.listen import Listener
from exporter.web.status import CONTENT_SECURITY_POLICY, render_json, render_page, rows

log = structlog.get_logger()

_WORTH_A_THREAD = 2**17
"""Bytes from which a page is compressed beside the event loop: it takes over a millisecond."""
_GZIP_LEVEL = 1  # level 6 saves another 7 % and takes 2.5 times as long
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_CLOSE_WITHIN = 1.0


class Service(Protocol):
    """What the endpoints need of the program."""

    store: Store
    page: Page
    shard: Shard
    config: Config

    @property
    def is_ready(self) -> bool:
        """Tell whether the first sweeps have ended."""

    @property
    def stalled(self) -> list[str]:
        """Name the workspaces whose sweeps do not progress."""

    async def reload(self) -> str | None:
        """Load the configuration again; return what is wrong with it, or None."""


class Endpoints:
    """Answer requests about `service`."""

    def __init__(
        self,
        service: Service,
        *,
        telemetry_path: str = "/metrics",
        lifecycle: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._telemetry_path = telemetry_path
        self._lifecycle = lifecycle
        self._wall = wall

    def application(self) -> web.Application:
        """Build the application with all routes."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._status_page),
                web.get(self._telemetry_path, self._metrics),
                web.get("/-/healthy", self._healthy),
                web.get("/-/ready", self._ready),
                web.get("/-/reload", self._reload_with_get, allow_head=False),
                web.post("/-/reload", self._reload),
                web.put("/-/reload", self._reload),
                web.get("/config", self._config),
                web.get("/api/v1/campaigns", self._campaigns),
            ]
        )
        app.on_response_prepare.append(_harden)
        return app

    async def _metrics(self, request: web.Request) -> web.Response:
        page_format = choose_format(request.headers.get(hdrs.ACCEPT, ""))
        headers = {hdrs.CONTENT_TYPE: page_format.value, hdrs.VARY: "Accept, Accept-Encoding"}
        body = self._service.page.render(page_format)
        if accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = await _gzip(body)
        return web.Response(body=body, headers=headers)

    async def _status_page(self, _: web.Request) -> web.Response:
        states, now, shard = self._service.store.states(), self._wall(), self._service.shard

        def render() -> str:
            return render_page(
                rows(states),
                now=now,
                version=__version__,
                telemetry_path=self._telemetry_path,
                shard=(shard.index, shard.total) if shard.total > 1 else None,
            )

        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=await asyncio.to_thread(render), content_type="text/html", headers=headers)

    async def _campaigns(self, _: web.Request) -> web.Response:
        states, now = self._service.store.states(), self._wall()
        body = await asyncio.to_thread(lambda: render_json(rows(states), now=now))
        return web.Response(body=body, content_type="application/json")

    async def _config(self, _: web.Request) -> web.Response:
        text = await asyncio.to_thread(dump, self._service.config)
        return web.Response(text=text, content_type="text/plain")

    async def _healthy(self, _: web.Request) -> web.Response:
        stalled = self._service.stalled
        if stalled:
            return web.Response(status=503, text=f"Polling has stalled for: {', '.join(stalled)}.\n")
        return web.Response(text="leadterra-exporter is healthy.\n")

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._service.is_ready:
            return web.Response(status=503, text="The first sweep has not ended.\n")
        return web.Response(text="leadterra-exporter is ready.\n")

    async def _reload(self, _: web.Request) -> web.Response:
        if not self._lifecycle:
            return web.Response(status=403, text="Reloading over HTTP is off; --web.enable-lifecycle allows it.\n")
        faults = await self._service.reload()
        if faults is not None:
            return web.Response(status=500, text=f"The old configuration stays in use:\n{faults}\n")
        return web.Response(text="The configuration was loaded again.\n")

    async def _reload_with_get(self, _: web.Request) -> web.Response:
        return web.Response(status=405, text="Reload with POST or PUT.\n", headers={hdrs.ALLOW: "POST, PUT"})


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.pop(hdrs.SERVER, None)


async def _gzip(body: bytes) -> bytes:
    if len(body) < _WORTH_A_THREAD:
        return zlib.compress(body, _GZIP_LEVEL, _GZIP_FORMAT)
    return await asyncio.to_thread(zlib.compress, body, _GZIP_LEVEL, _GZIP_FORMAT)


class Server:
    """Serve an application on listening sockets that are bound already, with TLS where there is a context for it."""

    def __init__(self, app: web.Application, listeners: Sequence[Listener], tls: ssl.SSLContext | None = None) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_WITHIN, handle_signals=False)
        self._listeners = listeners
        self._tls = tls
        self._sites: list[web.SockSite] = []

    async def start(self) -> None:
        """Accept connections."""
        await self._runner.setup()
        for listener in self._listeners:
            site = web.SockSite(self._runner, listener.socket, ssl_context=self._tls)
            await site.start()
            self._sites.append(site)

    async def close_listeners(self) -> None:
        """Accept no further connection; those that are open go on."""
        for site in self._sites:
            await site.stop()

    async def close(self) -> None:
        """Let what is being answered end, within a second, and close all connections."""
        await self._runner.cleanup()
