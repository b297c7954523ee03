"""What stands between the endpoints and clients that mean no good: bodies are refused, answers given bit by bit."""

import logging
from collections.abc import Callable
from typing import Any

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from yarl import URL

from exporter.web.connections import Connection
from exporter.web.limits import LARGE, LARGEST_BODY
from exporter.web.pieces import Pieces


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request and see to it that the answer is read."""
    connection = request.transport.get_protocol() if request.transport else None
    if not isinstance(connection, Connection):  # gone already
        return await handler(request)
    connection.begin()
    try:
        response = _refused(request) or await handler(request)
        await _hand_over(response, request, connection)
    except ConnectionError:  # gone in the middle; aiohttp would call this the handler's fault and log it
        return web.Response(status=499)
    finally:
        connection.end()
    return response


def _refused(request: web.Request) -> web.Response | None:
    """Return the answer to a request that no endpoint could want, and end the connection.

    A length that is not said beforehand is refused whatever it is: so no two programs can be of two minds about where
    a request ends.
    """
    if request.version < HttpVersion10:
        response = web.Response(status=400, text="Speak HTTP/1.1.\n")
    elif hdrs.TRANSFER_ENCODING in request.headers or (request.content_length or 0) > LARGEST_BODY:
        response = web.Response(status=413, text="No endpoint takes a body.\n")
    else:
        return None
    response.force_close()
    return response


async def _hand_over(response: web.StreamResponse, request: web.Request, connection: Connection) -> None:
    if isinstance(response, web.Response) and (pieces := _pieces(response.body)):
        connection.hand_over(pieces.size, pieces)
        response.body = Pieces(iter(connection.next_piece, b""), pieces.size)
        del pieces  # a client that goes, or has to, lets go of them
    else:
        connection.hand_over(response.content_length or 0)
    await response.prepare(request)
    await response.write_eof()


def _pieces(body: object) -> Pieces | None:
    if isinstance(body, bytes) and len(body) > LARGE:
        return Pieces([body], len(body))
    return body if isinstance(body, Pieces) else None


class _NoJunk(logging.Filter):
    """Drop what aiohttp logs, with a traceback, of each request that is not HTTP: anybody could fill a disk that way.

    It must not be told without the traceback either: the message quotes the request, which may hold a password.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is of another kind."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)


def quiet_logger() -> logging.Logger:
    """Return the logger for aiohttp's server."""
    logger = logging.getLogger("aiohttp.server")
    if not any(isinstance(known, _NoJunk) for known in logger.filters):
        logger.addFilter(_NoJunk())
    return logger


def with_target(make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Give a request without a target an empty one: `CONNECT ` ends aiohttp's task, and the connection hangs."""

    def make_request(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
        return make(message if message.url is not None else message._replace(url=URL()), *rest)

    return make_request
