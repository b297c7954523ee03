"""Answers that a server should not give; those that tests/scripted_api.py has are not repeated here."""

import asyncio
import functools
import zlib

from tests.scripted_api import http

_MEGABYTE = bytes(2**20)


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    """Send headers for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: to come\r\n" * 1000)
        await writer.drain()


async def slow_headers(writer: asyncio.StreamWriter) -> None:
    """Send a header now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: to come\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)


async def huge(writer: asyncio.StreamWriter) -> None:
    """Send a body of 100 MB."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        writer.write(_MEGABYTE)
        await writer.drain()


async def cut(writer: asyncio.StreamWriter) -> None:
    """Break off in the middle of the body."""
    writer.write(http(200, b'{"campaignId": "camp_bad", "sent": 480, "bounced": 9}')[:-16])
    await writer.drain()


@functools.cache
def bomb() -> bytes:
    """Return an answer of 1 MB of less than 1 MiB that unpacks to 900 MiB."""
    return http(200, _zeros(), "Content-Encoding: gzip")


@functools.cache
def nested_bomb() -> bytes:
    """Return an answer of some KB that unpacks to 1 MB, and that to 900 MiB."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return http(200, packer.compress(_zeros()) + packer.flush(), "Content-Encoding: gzip, gzip")


@functools.cache
def _zeros() -> bytes:
    """Pack 900 MiB of zeros: a full flush makes the packer forget, so each block is the same."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    head = packer.compress(_MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(_MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + 899 * block
