"""The sandbox API, which answers at /requests how often it was asked: `python -m tests.bench.api COUNT PORT`."""

import sys

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.sandbox import Sandbox, create_app

asked = [0]


@web.middleware
async def count_up(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == "/requests":
        return web.Response(text=str(asked[0]))
    asked[0] += 1
    return await handler(request)


if __name__ == "__main__":
    app = create_app(Sandbox(load_campaigns=int(sys.argv[1])))
    app.middlewares.append(count_up)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None, shutdown_timeout=0)
