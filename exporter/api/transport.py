"""aiohttp's connections behind httpx's transport: what a poll needs of them, and nothing that it does not.

No redirect is followed, so that the key does not travel; no cookie is kept, no URL logged, nothing decompressed. There
is no time-out here: who asks bounds the whole request.
"""

import functools
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx
from yarl import URL

from exporter.config import Api


class Transport(httpx.AsyncBaseTransport):
    """Send requests to the host of `api.base_url`, through its proxy, as many at once as may be in flight.

    Raises aiohttp's errors as they are: they say what happened. Needs a running event loop.
    """

    def __init__(self, api: Api) -> None:
        tls = _tls_context(str(api.ca_file) if api.ca_file else None)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=api.max_concurrency, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=api.proxy_url,
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
        )
        self._origin = URL(str(httpx.URL(api.base_url)))
        self._fields: dict[str, str] = {}
        self._fields_of: list[tuple[bytes, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body; return as soon as the answer's head is there."""
        response = await self._session.request(
            request.method,
            self._origin.with_path(request.url.raw_path.decode("ascii"), encoded=True),
            headers=self._as_fields(request.headers.raw),
            allow_redirects=False,
        )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _as_fields(self, raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
        """Decode headers, which are the same in each request until the key changes."""
        if raw != self._fields_of:
            self._fields = {name.decode("ascii"): value.decode("ascii") for name, value in raw}
            self._fields_of = raw
        return self._fields


class _Body(httpx.AsyncByteStream):
    """Give an answer's body as it comes; a connection whose answer was not read to its end is closed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.content.iter_any()

    async def aclose(self) -> None:
        self._response.release()


@functools.cache  # loading a CA bundle takes some 20 ms, and workspaces share it
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()
