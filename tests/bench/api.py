"""The sandbox API with a count of what it was asked, so that all who ask it are counted alike.

Run as `python -m tests.bench.api COUNT PORT`; it answers the count at /requests.
"""

import asyncio
import sys

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.sandbox import Sandbox, create_app
from exporter.web.listen import Listener
from exporter.web.server import Server


async def serve(count: int, port: int) -> None:
    requests = 0

    @web.middleware
    async def count_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal requests
        requests += request.path != "/requests"
        return await handler(request)

    async def told(_: web.Request) -> web.Response:
        return web.Response(text=str(requests))

    app = create_app(Sandbox(load_campaigns=count))
    app.middlewares.append(count_up)
    app.router.add_get("/requests", told)
    await Server(app, [Listener(f"127.0.0.1:{port}")]).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
