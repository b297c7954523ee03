"""The sandbox API with a count of what it was asked, so that all who ask it are counted alike.

Run as `python -m tests.bench.api COUNT PORT`; it answers the count at /requests.
"""

import asyncio
import sys

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.sandbox import Sandbox, create_app
from exporter.web.server import Listener, Server


async def serve(count: int, port: int) -> None:
    asked = [0]

    @web.middleware
    async def count_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/requests":
            return web.Response(text=str(asked[0]))
        asked[0] += 1
        return await handler(request)

    app = create_app(Sandbox(load_campaigns=count))
    app.middlewares.append(count_up)
    await Server(app, [Listener(f"127.0.0.1:{port}")]).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
