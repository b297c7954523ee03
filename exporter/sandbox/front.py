"""The sandbox's HTTP side: carries out what the core answers, and takes faults at run time."""

import asyncio

from aiohttp import web

from exporter.sandbox.answer import Answer
from exporter.sandbox.core import Sandbox
from exporter.sandbox.faults import FaultError, parse


def create_app(sandbox: Sandbox) -> web.Application:
    """Build the application; run it without an access log where requests per second matter."""

    async def stats(request: web.Request) -> web.StreamResponse:
        answer = sandbox.answer(request.method, request.raw_path, request.headers)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.cut_after is not None:
            return await _cut_off(request, answer, answer.cut_after)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    app = web.Application()
    _add_faults(app, sandbox)
    app.router.add_route("*", "/{path:.*}", stats)
    return app


async def _cut_off(request: web.Request, answer: Answer, length: int) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[:length])
    if request.transport:
        request.transport.close()
    return response


def _add_faults(app: web.Application, sandbox: Sandbox) -> None:
    async def show(_: web.Request) -> web.Response:
        return web.json_response(sandbox.faults.show())

    async def put(request: web.Request) -> web.Response:
        try:
            options = await request.json()
            if not isinstance(options, dict):
                return _bad('write a JSON object, such as {"status": 503, "count": 5}')
            sandbox.faults.put(request.match_info["target"], parse(options))
        except FaultError as fault:
            return _bad(str(fault))
        except ValueError:  # not JSON, or not even text
            return _bad('not JSON: write an object, such as {"status": 503, "count": 5}')
        return web.Response(status=204)

    async def remove(request: web.Request) -> web.Response:
        return web.Response(status=204 if sandbox.faults.remove(request.match_info["target"]) else 404)

    app.router.add_get("/sandbox/faults", show)
    app.router.add_put("/sandbox/faults/{target:.+}", put)
    app.router.add_delete("/sandbox/faults/{target:.+}", remove)


def _bad(message: str) -> web.Response:
    return web.json_response({"error": {"code": "invalid_fault", "message": message}}, status=400)
