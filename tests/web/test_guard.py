"""A server over real sockets: bodies, slices, junk, and what is left when all have gone."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web

from exporter.web.limits import LARGE, LARGEST_BODY
from exporter.web.listen import Listener
from exporter.web.server import Server

PAGE = bytes(range(256)) * (5 * LARGE // 256) + b"end"


def application() -> web.Application:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=PAGE)

    async def broken(_: web.Request) -> web.Response:
        raise ZeroDivisionError

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/broken", broken)
    return app


def serve(talk: Callable[[int], Awaitable[None]]) -> None:
    """Serve while the coroutine talks to the port."""

    async def run() -> None:
        listener = Listener("127.0.0.1:0")
        server = Server(application(), [listener])
        await server.start()
        try:
            await talk(listener.port)
        finally:
            await server.close()

    asyncio.run(run())


async def say(port: int, text: bytes) -> bytes:
    """Send bytes on a connection of its own and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def request(path: bytes = b"/", method: bytes = b"GET", headers: bytes = b"Connection: close\r\n") -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: exporter\r\n%s\r\n" % (method, path, headers)


def test_a_large_page_arrives_whole_and_a_head_without_it() -> None:
    async def talk(port: int) -> None:
        head, _, body = (await say(port, request())).partition(b"\r\n\r\n")
        assert body == PAGE
        assert b"Content-Length: %d" % len(PAGE) in head
        assert b"Content-Type: application/octet-stream" in head
        empty = await say(port, request(method=b"HEAD"))
        assert b"Content-Length: %d" % len(PAGE) in empty
        assert empty.endswith(b"\r\n\r\n")

    serve(talk)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (b"Content-Length: %d\r\nConnection: close\r\n" % LARGEST_BODY, bytes(LARGEST_BODY), b"200"),
        (b"Content-Length: %d\r\n" % (LARGEST_BODY + 1), b"", b"413"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"413"),
    ],
)
def test_bodies(headers: bytes, body: bytes, status: bytes) -> None:
    async def talk(port: int) -> None:
        answer = await say(port, request(headers=headers) + body)
        assert answer.startswith(b"HTTP/1.1 " + status)

    serve(talk)


@contextmanager
def collected_log() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign, assignment]  # of this one handler
    logging.getLogger().addHandler(handler)
    try:
        yield records
    finally:
        logging.getLogger().removeHandler(handler)


def test_junk_is_not_logged_and_a_fault_of_ours_is() -> None:
    async def talk(port: int) -> None:
        with collected_log() as records:
            for junk in (request(headers=b"A: \x00\r\n"), b"\xff\r\n\r\n", request(headers=b"Host: twice\r\n")):
                assert b" 400 " in await say(port, junk)
            assert records == []
            assert b" 500 " in await say(port, request(b"/broken"))
            assert [record.exc_info[0] for record in records if record.exc_info] == [ZeroDivisionError]

    serve(talk)


async def comes(is_true: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if is_true():
            return
        await asyncio.sleep(0)
    raise AssertionError


def test_no_task_is_left_of_clients_that_went_away() -> None:
    async def talk(port: int) -> None:
        before = len(asyncio.all_tasks())
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(90)]
        for client in clients[::3]:
            client.send(request(headers=b"") * 20)  # reads nothing
        for client in clients[1::3]:
            client.send(b"GET /")
        await comes(lambda: len(asyncio.all_tasks()) >= before + len(clients))
        for client in clients:
            client.close()
        await comes(lambda: len(asyncio.all_tasks()) <= before)

    serve(talk)


def test_a_connection_is_refused_when_the_listeners_are_closed_and_an_open_one_is_served() -> None:
    async def run() -> None:
        listener = Listener("127.0.0.1:0")
        server = Server(application(), [listener])
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(b"/nothing", headers=b""))
        assert b" 404 " in await reader.readline()
        await server.close_listeners()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request(b"/nothing"))
        assert b" 404 " in await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await server.close()

    asyncio.run(run())
