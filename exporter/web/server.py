"""The exporter's endpoints. Nothing here waits for the API: all answers come from what is known already."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from exporter import __version__
from exporter.config import Config, dump
from exporter.exposition import Format, Page, Snapshot, accepts_gzip, choose_format
from exporter.shard import Shard
from exporter.store import Store
from exporter.web.door import Door
from exporter.web.guard import guard, quiet_logger, with_target
from exporter.web.limits import DISCARD_WITHIN
from exporter.web.listen import Listener
from exporter.web.pieces import Pieces
from exporter.web.shared import Shared
from exporter.web.status import CONTENT_SECURITY_POLICY, render_json, render_page, rows

T = TypeVar("T")

log = structlog.get_logger()

_WORTH_A_THREAD = 2**17
"""Bytes from which a page is compressed beside the event loop: it takes over a millisecond."""
_OWN_WORTH_A_THREAD = 2**14
"""Bytes of the exporter's own metrics from which they are rendered there: those of ten workspaces take 2 ms."""
_CLOSE_WITHIN = 1.0
_SENT_BY_BROWSERS = (hdrs.ORIGIN, "Sec-Fetch-Site")
"""Every browser says one of them with a POST or PUT, even from a page of ours, which has no need to reload."""


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
        self._own_size = 0
        self._compressing = asyncio.Lock()
        self._rendering = asyncio.Lock()
        # However many ask for them at once: each of these takes a thread and, with many campaigns, its time.
        self._status_html = Shared(self._render_status)
        self._campaigns_json = Shared(self._render_campaigns)
        self._config_text = Shared(self._render_config)

    def application(self) -> web.Application:
        """Build the application with all routes."""
        app = web.Application(middlewares=[_as_written])
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
        own_metrics = await self._own_metrics(page_format)
        await self._service.store.settled()
        page = self._service.page.snapshot(page_format, own_metrics)
        if accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            pieces = await self._gzip(page)
        else:
            pieces = page.plain()
        return web.Response(body=Pieces(pieces, sum(map(len, pieces))), headers=headers)

    async def _own_metrics(self, page_format: Format) -> bytes:
        page = self._service.page
        if self._own_size < _OWN_WORTH_A_THREAD:
            own_metrics = page.own_metrics(page_format)
        else:
            own_metrics = await asyncio.to_thread(page.own_metrics, page_format)
        self._own_size = len(own_metrics)
        return own_metrics

    async def _gzip(self, page: Snapshot) -> Sequence[bytes]:
        async with self._compressing:  # two scrapes at once would compress the same twice
            if page.left_to_deflate < _WORTH_A_THREAD:
                return page.gzip()
            return await asyncio.to_thread(page.gzip)

    async def _status_page(self, _: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=await self._status_html(), content_type="text/html", headers=headers)

    async def _render_status(self) -> str:
        await self._service.store.settled()
        states, now, shard = self._service.store.states(), self._wall(), self._service.shard

        def render() -> str:
            return render_page(
                rows(states),
                now=now,
                version=__version__,
                telemetry_path=self._telemetry_path,
                shard=(shard.index, shard.total) if shard.total > 1 else None,
            )

        return await self._beside(render)

    async def _campaigns(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._campaigns_json(), content_type="application/json")

    async def _render_campaigns(self) -> bytes:
        await self._service.store.settled()
        states, now = self._service.store.states(), self._wall()
        return await self._beside(lambda: render_json(rows(states), now=now))

    async def _config(self, _: web.Request) -> web.Response:
        return web.Response(text=await self._config_text(), content_type="text/plain")

    async def _render_config(self) -> str:
        config = self._service.config
        return await self._beside(lambda: dump(config))

    async def _beside(self, render: Callable[[], T]) -> T:
        """Render in a thread; one page at a time, as each thread that computes makes the event loop wait its turn."""
        async with self._rendering:
            return await asyncio.to_thread(render)

    async def _healthy(self, _: web.Request) -> web.Response:
        stalled = self._service.stalled
        if stalled:
            return web.Response(status=503, text=f"Polling has stalled for: {', '.join(stalled)}.\n")
        return web.Response(text="leadterra-exporter is healthy.\n")

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._service.is_ready:
            return web.Response(status=503, text="The first sweep has not ended.\n")
        return web.Response(text="leadterra-exporter is ready.\n")

    async def _reload(self, request: web.Request) -> web.Response:
        if any(header in request.headers for header in _SENT_BY_BROWSERS):
            return web.Response(status=403, text="Reloading is not for web pages.\n")
        if not self._lifecycle:
            return web.Response(status=403, text="Reloading over HTTP is off; --web.enable-lifecycle allows it.\n")
        problems = await self._service.reload()
        if problems is not None:
            return web.Response(status=500, text=f"The old configuration stays in use:\n{problems}\n")
        return web.Response(text="The configuration was loaded again.\n")

    async def _reload_with_get(self, _: web.Request) -> web.Response:
        return web.Response(status=405, text="Reload with POST or PUT.\n", headers={hdrs.ALLOW: "POST, PUT"})


@web.middleware
async def _as_written(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve a path only as it is written above: who bars /-/reload in a proxy need not know of /%2d/reload.

    A target may have a scheme and a host before its path.
    """
    resource, written = request.match_info.route.resource, request.raw_path.partition("?")[0]
    if resource and written != resource.canonical and not written.endswith(_quoted(resource.canonical)):
        raise web.HTTPNotFound
    return await handler(request)


def _quoted(path: str) -> str:
    return URL.build(path=path).raw_path


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.pop(hdrs.SERVER, None)


class Server:
    """Serve an application on listening sockets that are bound already, with TLS where there is a context for it."""

    def __init__(self, app: web.Application, listeners: Sequence[Listener], tls: ssl.SSLContext | None = None) -> None:
        app.middlewares.insert(0, guard)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=quiet_logger(),
            shutdown_timeout=_CLOSE_WITHIN,
            handle_signals=False,
            lingering_time=DISCARD_WITHIN,
            auto_decompress=False,  # a body is thrown away, so it need not be unpacked before
        )
        self._listeners = listeners
        self._tls = tls

    async def start(self) -> None:
        """Accept connections."""
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - for the type checker: it has been set up
        self._runner.server.request_factory = with_target(self._runner.server.request_factory)
        self._door = Door(self._runner.server, self._tls)
        self._door.open(listener.socket for listener in self._listeners)

    async def close_listeners(self) -> None:
        """Accept no further connection; those that are open go on."""
        await self._door.shut()

    async def close(self) -> None:
        """Let what is being answered end, within a second, and close all connections."""
        await self._door.shut()
        await self._runner.cleanup()
        await self._door.leave()
