"""aiohttp's connections behind httpx's transport.

No redirect is followed, so that the key does not travel; no cookie is kept, no URL logged, nothing decompressed. There
is no time-out here: the client bounds the whole request.
"""

import os
import re
import socket
import ssl
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
from yarl import URL

from exporter import __version__
from exporter.api.access import Access

LARGEST_BODY = 2**20
"""Bytes of an answer that are read; the documented one has 150."""

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a few bytes need no decompressor, and a limit holds as it is
    "User-Agent": f"leadterra-exporter/{__version__}",
}
_CODINGS = {"gzip", "x-gzip", "br", "compress", "deflate", "x-compress", "zstd"}
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 1000
_QUOTED = re.compile(r":?(?:\s*\n|\s+b?['\"])")
"""What stands between the parser's own words and what it quotes, on the same line or the next."""


class Transport(httpx.AsyncBaseTransport):
    """Send requests to the host of `api.base_url`, through its proxy, as many at once as may be in flight.

    What is asked for stands in a request's `target` extension, which httpx documents: one URL serves all requests, and
    all have the same headers. Raises aiohttp's errors as they are. Needs a running event loop.
    """

    def __init__(self, access: Access) -> None:
        api, key = access.api, access.key
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=api.max_concurrency, ssl=access.tls_context() or True),
            headers={"Authorization": f"Bearer {key.reveal() if key else ''}", **HEADERS},
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=api.proxy_url,
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        self._origin = URL(str(httpx.URL(api.base_url)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body; return the answer. A body above the limit is not read to its end."""
        url = self._origin.with_path(request.extensions["target"].decode("ascii"), encoded=True)
        async with self._session.request(request.method, url, allow_redirects=False) as response:
            body = bytearray()
            while len(body) <= LARGEST_BODY and (chunk := await response.content.readany()):
                body += chunk
        return httpx.Response(response.status, headers=response.raw_headers, stream=httpx.ByteStream(bytes(body)))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()


def decompressed(content_encoding: str, body: bytes, largest: int) -> bytes:
    """Unpack gzip no further than the limit: httpx unpacks whole chunks, and a bomb within a bomb without end.

    Raises ValueError, which says what is wrong with the answer. What is no coding at all ("none", "UTF-8") is none.
    """
    codings = [each for each in content_encoding.lower().replace(" ", "").split(",") if each in _CODINGS]
    if codings and len(body) <= largest:
        if codings not in (["gzip"], ["x-gzip"]):
            raise ValueError("the answer is compressed in a way that was not asked for: only gzip is read")
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            body = unpacker.decompress(body, largest + 1)
        except zlib.error:
            raise ValueError("the answer cannot be decompressed") from None
        if not unpacker.eof and len(body) <= largest:
            raise ValueError("the answer cannot be decompressed: it ends in its middle")
    if len(body) > largest:
        raise ValueError(f"the answer is larger than {largest // 1024} KiB")
    return body


def describe_exception(error: BaseException) -> str:
    """Return one line about the cause of a connection's failure, in words of our own.

    A library's text may name a proxy's password, or quote the server.
    """
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    texts = (text(link) for link in reversed(chain) for kind, text in _DESCRIPTIONS if isinstance(link, kind))
    return next(filter(None, texts), type(error).__name__)


def _not_http(error: aiohttp.ClientResponseError) -> str:
    """Return what the parser found wrong, without what it quotes of the answer."""
    found = _QUOTED.split(error.message, maxsplit=1)[0].lower()
    return f"the answer is not HTTP: {found}" if found else "the answer is not HTTP"


_DESCRIPTIONS: tuple[tuple[type[BaseException], Callable[[Any], str]], ...] = (
    (ssl.SSLCertVerificationError, lambda error: f"certificate not accepted: {error.verify_message}"),
    (ssl.SSLError, lambda error: f"TLS failed: {error.reason}"),
    (socket.gaierror, lambda _: "the host name does not resolve"),
    (aiohttp.ClientHttpProxyError, lambda error: f"the proxy answered HTTP {error.status}"),
    (aiohttp.ServerDisconnectedError, lambda _: "the connection was closed without an answer"),
    (aiohttp.ClientPayloadError, lambda _: "the answer broke off"),
    (aiohttp.ClientResponseError, _not_http),
    (httpx.ProxyError, lambda _: "the proxy refused"),
    (httpx.RemoteProtocolError, lambda _: "the answer is not HTTP, or broke off"),
    (OSError, lambda error: os.strerror(error.errno).lower() if error.errno else ""),
)
"""What to say of an error; the more exact class stands first."""
