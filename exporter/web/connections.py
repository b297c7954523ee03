"""The open connections: how many there may be, how long each may take, which is closed for another, what is sent.

The limits are far above what scraping needs, and stated in docs/limits.md.
"""

import asyncio
import logging
import resource
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import cast

import structlog
from aiohttp import HttpVersion10, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import Handler

log = structlog.get_logger()

MOST_CONNECTIONS = 1000  # a Prometheus keeps one open; each takes about 20 KiB
HEAD_WITHIN = 10.0  # seconds from connecting to the last header of the first request
IDLE_WITHIN = 330.0  # seconds from an answer to the next request: Prometheus itself closes after five minutes
READ_WITHIN = 60.0  # seconds for reading an answer; Prometheus gives a scrape ten by default
LARGEST_BODY = 64 * 1024  # of a request, thrown away: no endpoint needs one, but curl may send one with a reload
DISCARD_WITHIN = 1.0  # seconds for throwing a body away, so that its sender can still read the answer
MOST_UNREAD = 128 * 1024 * 1024  # bytes of answers kept for those who read slowly, ...
FEWEST_READERS = 4  # ... but never fewer readers than these, however large a page is
_SLICE = 256 * 1024  # bytes handed to the system at a time: each costs a call, and what it does not take is copied
_CUT = 1024 * 1024  # bytes of what is in one piece already: nothing is joined for them

_NOBODY = logging.Logger("aiohttp.server", logging.CRITICAL + 1)  # noqa: LOG001 - whose level nobody sets
"""Who is told of requests that are not HTTP: a line for each, which quotes it, would fill a disk with passwords."""


def most_connections() -> int:
    """Raise the number of files that the process may open as far as it may, and return how many are for clients.

    Go programs do the same at their start. The other half is for the API, files and the program itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


class Connection(web.RequestHandler):
    """A client's connection, closed when its time is up; `length` bytes of an answer are kept while it reads them."""

    def __init__(self, others: "Connections", server: web.Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's way to say none
            logger=_NOBODY,
            lingering_time=DISCARD_WITHIN,
            auto_decompress=False,  # a body is thrown away, so it need not be unpacked before
        )
        self._others = others
        self.handshake: asyncio.Task[None] | None = None  # while there is no transport yet
        self.is_busy = False
        self.length = 0
        self._writer: AbstractStreamWriter | None = None
        self._since = 0.0
        self._timer = self._loop.call_later(HEAD_WITHIN, self.give_up)
        if len(others) >= others.most:
            others.make_room()
        others[self] = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave room for another."""
        self.forget()
        super().connection_lost(exc)

    def begin(self) -> None:
        """Note that a request's head has come: what the exporter itself takes is not the client's fault."""
        self.is_busy = True
        self._timer.cancel()

    def answer(self, length: int, writer: AbstractStreamWriter) -> None:
        """Begin to send an answer of that many bytes."""
        self.length, self._writer, self._since = length, writer, self._loop.time()
        self._allow(READ_WITHIN)
        self._others.bound_unread()

    def end(self) -> None:
        """Note that the answer has been read, or will not be."""
        self.is_busy, self.length = False, 0
        self._allow(IDLE_WITHIN)

    def held_up(self) -> float:
        """Return how much is unread for how long: who keeps pace has little left, who has just come had no time."""
        sent = self._writer.output_size if self._writer else 0
        return (self.length - sent) * (self._loop.time() - self._since)

    def give_up(self) -> None:
        """Close at once, whatever has not been sent."""
        self.forget()
        if self.transport:
            self.transport.abort()
        elif self.handshake:
            self.handshake.cancel()

    def forget(self) -> None:
        """Leave room for another."""
        self._timer.cancel()
        self.length = 0
        self._others.pop(self, None)

    def _allow(self, seconds: float) -> None:
        self._timer.cancel()
        if self in self._others:
            self._timer = self._loop.call_later(seconds, self.give_up)
            self._others.move_to_end(self)


class Connections(OrderedDict[Connection, None]):
    """At most `most` connections; whose last request is the youngest stands last. A newcomer always gets in."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def make_room(self) -> None:
        """Close the connection that has waited longest for a request; where none waits, the one that reads worst."""
        waiting = (connection for connection in self if not connection.is_busy)
        if connection := next(waiting, None) or max(self, key=Connection.held_up, default=None):
            connection.give_up()

    def bound_unread(self) -> None:
        """Close those that read worst where too much is kept for all together."""
        readers = sorted((connection for connection in self if connection.length), key=Connection.held_up)
        while len(readers) > FEWEST_READERS and sum(reader.length for reader in readers) > MOST_UNREAD:
            readers.pop().give_up()


def sliced(parts: Sequence[bytes | memoryview], content_type: str) -> web.Response:
    """Return an answer whose body is in parts: they are neither joined nor copied, and sent as they are read."""
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CONTENT_LENGTH: str(sum(map(len, parts)))}
    return web.Response(body=_slices(parts), headers=headers)


async def _slices(parts: Sequence[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """Yield small parts joined, and large ones cut, which copies nothing."""
    waiting: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        if size + len(part) > _SLICE:
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(part) <= _SLICE:
            waiting.append(part)
            size += len(part)
        else:
            view = memoryview(part)
            for start in range(0, len(view), _CUT):
                yield view[start : start + _CUT]
    yield b"".join(waiting)


@web.middleware
async def send(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request, and bound how long and how much its client leaves unread."""
    connection = cast("Connection", request.protocol)
    connection.begin()
    try:
        response = _refusal(request) or await handler(request)
        connection.answer(response.content_length or 0, request.writer)
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:  # gone in the middle; aiohttp would call this the handler's fault
        return web.Response(status=499)
    except web.HTTPException:
        raise
    except Exception:
        log.exception("internal error while a request was answered")
        raise
    finally:
        connection.end()
    return response


def _refusal(request: web.Request) -> web.Response | None:
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
