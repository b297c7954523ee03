"""The endpoints and their paths. Nothing here waits for the API: all answers come from what is known already."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from exporter.app import Exporter
from exporter.config import Campaign, SenderList, dump
from exporter.exposition import accepts_gzip, choose_format
from exporter.web.campaigns import render_csv, render_json, render_one
from exporter.web.connections import sliced
from exporter.web.evaluation import History, evaluate
from exporter.web.overview import Overview, Selection
from exporter.web.status import CONTENT_SECURITY_POLICY, render_page

T = TypeVar("T")

MOST_RENDERINGS = 16  # pages that may wait to be rendered

_WORTH_A_THREAD = 2**17  # bytes from which a page is compressed beside the event loop: it takes over a millisecond
_OWN_WORTH_A_THREAD = 2**14  # and of the exporter's own metrics: those of ten workspaces take 2 ms to render
_SENT_BY_BROWSERS = (hdrs.ORIGIN, "Sec-Fetch-Site")
"""Every browser says one of them with a POST or PUT, even from a page of ours, which has no need to reload."""


class Endpoints:
    """Answer requests about an exporter."""

    def __init__(self, exporter: Exporter, *, telemetry_path: str, lifecycle: bool) -> None:
        self._exporter = exporter
        self._telemetry_path = telemetry_path
        self._lifecycle = lifecycle
        self._own_size = 0
        self._compressing = asyncio.Lock()
        self._rendering = asyncio.Lock()
        self._renderings: dict[str, asyncio.Task[bytes]] = {}
        self._history = History(exporter.store)

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the page for Prometheus."""
        page, page_format = self._exporter.page, choose_format(_joined(request, hdrs.ACCEPT))
        render_own = partial(page.own_metrics, page_format)
        own_metrics = await _run(render_own, in_thread=self._own_size >= _OWN_WORTH_A_THREAD)
        self._own_size = len(own_metrics)
        snapshot = await page.scrape(page_format, own_metrics)
        if accepts_gzip(_joined(request, hdrs.ACCEPT_ENCODING)):
            async with self._compressing:  # two scrapes at once would compress the same twice
                body = await _run(snapshot.gzip, in_thread=snapshot.left_to_deflate >= _WORTH_A_THREAD)
            response = sliced(body, page_format.value)
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        else:
            response = sliced(snapshot.plain(), page_format.value)
        response.headers[hdrs.VARY] = "Accept, Accept-Encoding"
        return response

    async def status_page(self, request: web.Request) -> web.Response:
        """Return the page for people."""
        selection = Selection(request.query)
        body = await self._rendered(request, lambda overview: render_page(overview, selection, self._telemetry_path))
        response = _packed(request, body, "text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    async def campaigns(self, request: web.Request) -> web.Response:
        """Return what the status page shows, as JSON or as a table for a spreadsheet."""
        selection, form = Selection(request.query), request.query.get("format", "json")
        if form not in ("json", "csv"):
            raise web.HTTPBadRequest(text="format: write json or csv\n")

        def render(overview: Overview) -> bytes:
            found = selection.of_all(overview.evaluations)
            return render_json(overview, found) if form == "json" else render_csv(found, overview.config.links)

        body = await self._rendered(request, render)
        if form == "json":
            return _packed(request, body, "application/json")
        response = _packed(request, body, "text/csv; charset=utf-8")
        response.headers[hdrs.CONTENT_DISPOSITION] = 'attachment; filename="campaigns.csv"'
        return response

    async def campaign(self, request: web.Request) -> web.Response:
        """Return all that is known of one campaign."""
        exporter, key = self._exporter, (request.match_info["workspace"], Campaign.kind, request.match_info["id"])
        exporter.store.expire()
        state = exporter.store.get(key)
        if state is None:
            raise web.HTTPNotFound(text="No such campaign is polled here.\n")
        now, due = exporter.store.wall(), exporter.next_due(state.target)
        evaluation = evaluate(state, self._history.seen(state), now)
        next_poll, failures = None if due is None else now + due, exporter.store.failures(key)
        body = render_one(evaluation, exporter.config.links, next_poll=next_poll, failures=failures)
        return web.Response(body=body, content_type="application/json")

    async def config(self, request: web.Request) -> web.Response:
        """Return the effective configuration."""
        body = await self._rendered(request, lambda overview: dump(overview.config).encode())
        return _packed(request, body, "text/plain; charset=utf-8")

    async def _rendered(self, request: web.Request, render: Callable[[Overview], bytes]) -> bytes:
        """Render an answer once for all who ask for it at the same time: with many campaigns each takes its time."""
        key = request.path_qs
        if key not in self._renderings:
            if len(self._renderings) >= MOST_RENDERINGS:
                text = "Too many pages are being rendered.\n"
                raise web.HTTPServiceUnavailable(text=text, headers={hdrs.RETRY_AFTER: "5"})
            self._renderings[key] = asyncio.create_task(self._render(render))
            self._renderings[key].add_done_callback(lambda _: self._renderings.pop(key))
        return await asyncio.shield(self._renderings[key])  # one that goes away must not take it from the others

    async def _render(self, render: Callable[[Overview], bytes]) -> bytes:
        async with self._rendering:  # each thread that computes makes the event loop wait its turn
            exporter, store = self._exporter, self._exporter.store
            failed = [f"The last reload failed: {problem}" for problem in exporter.reload_problems]
            overview = Overview(
                store.wall(),
                store.states(),
                store.states(SenderList.kind),
                exporter.sources,
                self._history.seen,
                exporter.config,
                exporter.shard,
                [*exporter.problems, *failed],
            )
            return await asyncio.to_thread(render, overview)

    async def healthy(self, _: web.Request) -> web.Response:
        """Return 503 with what is wrong where something is."""
        if problems := self._exporter.problems:
            return web.Response(status=503, text="".join(f"{problem}\n" for problem in problems))
        return web.Response(text="leadterra-exporter is healthy.\n")

    async def ready(self, _: web.Request) -> web.Response:
        """Return 503 before the first sweeps have ended."""
        if not self._exporter.is_ready:
            return web.Response(status=503, text="The first sweep has not ended.\n")
        return web.Response(text="leadterra-exporter is ready.\n")

    async def reload(self, request: web.Request) -> web.Response:
        """Load the configuration again; a link or a crawler must not cause that."""
        if request.method not in ("POST", "PUT"):
            return web.Response(status=405, text="Reload with POST or PUT.\n", headers={hdrs.ALLOW: "POST, PUT"})
        if any(header in request.headers for header in _SENT_BY_BROWSERS):
            return web.Response(status=403, text="Reloading is not for web pages.\n")
        if not self._lifecycle:
            return web.Response(status=403, text="Reloading over HTTP is off; --web.enable-lifecycle allows it.\n")
        problems = await self._exporter.reload()
        if problems is not None:
            return web.Response(status=500, text=f"The old configuration stays in use:\n{problems}\n")
        return web.Response(text="The configuration was loaded again.\n")


async def _run(work: Callable[[], T], *, in_thread: bool) -> T:
    return await asyncio.to_thread(work) if in_thread else work()


def _packed(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """Return an answer that is compressed for who takes that."""
    if not accepts_gzip(_joined(request, hdrs.ACCEPT_ENCODING)):
        response = sliced([body], content_type)
    else:
        response = web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
        response.enable_compression(web.ContentCoding.gzip)
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    return response


def _joined(request: web.Request, header: str) -> str:
    """Return a header that may stand in several lines."""
    return ", ".join(request.headers.getall(header, ()))


_PAGES = {
    "/": Endpoints.status_page,
    "/-/healthy": Endpoints.healthy,
    "/-/ready": Endpoints.ready,
    "/config": Endpoints.config,
    "/api/v1/campaigns": Endpoints.campaigns,
    "/api/v1/campaigns/{workspace:[^/]+}/{id:[^/]+}": Endpoints.campaign,
}


def is_free(path: str) -> bool:
    """Return whether the metrics may stand at a path."""
    is_taken = path in _PAGES or path.startswith(("/-/", "/api/"))
    return bool(re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+/?", path)) and not is_taken


def application(exporter: Exporter, *, telemetry_path: str = "/metrics", lifecycle: bool = False) -> web.Application:
    """Return the application that answers about an exporter; `lifecycle` allows to reload."""
    endpoints = Endpoints(exporter, telemetry_path=telemetry_path, lifecycle=lifecycle)
    app = web.Application(middlewares=[_as_written])
    for path, endpoint in {**_PAGES, telemetry_path: Endpoints.metrics}.items():
        app.router.add_get(path, partial(endpoint, endpoints))
    app.router.add_route("*", "/-/reload", endpoints.reload)
    app.on_response_prepare.append(_harden)
    return app


@web.middleware
async def _as_written(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve a path only as it is written above: who bars /-/reload in a proxy need not know of /%2d/reload.

    A target may have a scheme and a host before its path.
    """
    resource, written = request.match_info.route.resource, request.raw_path.partition("?")[0]
    if isinstance(resource, web.PlainResource):
        path = resource.canonical
        if not written.endswith((path, URL.build(path=path).raw_path)):
            raise web.HTTPNotFound
    return await handler(request)


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.pop(hdrs.SERVER, None)
