"""Answers that a server should not give; those that tests/fake_api.py has are not repeated here."""

import asyncio
import zlib

from tests.fake_api import Script, http

_MEGABYTE = bytes(2**20)


async def garbage(writer: asyncio.StreamWriter) -> None:
    """Speak another protocol."""
    writer.write(b"220 mail.example ESMTP\r\n")


def headers_without_end(at_once: int, pause: float) -> Script:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: to come\r\n" * at_once)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


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


def _packed(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


# A full flush makes the packer forget, so each of 900 blocks of a megabyte of zeros is the same.
_ZEROS = _packed(_MEGABYTE) + 899 * _packed(_MEGABYTE)[10:]
BOMB = http(200, _ZEROS, "Content-Encoding: gzip")
"""Some hundred KB that unpack to 900 MiB."""
NESTED_BOMB = http(200, _packed(_ZEROS), "Content-Encoding: gzip, gzip")
"""Some KB that unpack to some hundred KB, and those to 900 MiB."""
