"""What a workspace's requests are sent with, and aiohttp's connections behind httpx's transport.

No redirect is followed, so that the key does not travel; no cookie is kept, no URL logged, nothing decompressed. There
is no time-out here: the client bounds the whole request.
"""

import os
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from yarl import URL

from exporter import __version__
from exporter.config import Api, Workspace
from exporter.secret import KeySource, KeyUnavailableError, Secret

LARGEST_BODY = 2**20
"""Bytes of an answer that are read; the documented one has 150."""

_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 1000
_QUOTED = re.compile(r":?(?:\s*\n|\s+b?['\"])")
"""What stands between the parser's own words and what it quotes, on the same line or the next."""


class AccessError(Exception):
    """A file that requests cannot be sent without, and why it cannot be used."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a workspace's API is asked; connections are opened anew when any of it changes.

    `key` is None where there is none to send, and `key_problem` says why. `ca` is the text of `api.ca_file`.
    """

    api: Api
    source: KeySource
    key: Secret | None = None
    key_problem: str = field(default="", compare=False)
    ca: str | None = field(default=None, repr=False)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context for the certificates of API and proxy, None where no TLS is spoken. Raises AccessError."""
        if not any(url.lower().startswith("https:") for url in (self.api.base_url, self.api.proxy_url or "")):
            return None
        try:
            return _trusting(self.ca)
        except (ssl.SSLError, OSError) as error:
            raise AccessError(f"{self.api.ca_file or 'the CA bundle'} cannot be used: {error}") from None


def read_access(workspace: Workspace, last: Access | None = None) -> Access:
    """Read the workspace's key and CA file. Blocks. Raises AccessError where the CA file cannot be read.

    A key file that is gone or empty keeps the key of `last`, as it may be in the middle of being replaced.
    """
    ca, file = None, workspace.api.ca_file
    try:
        ca = file.read_text("utf-8") if file else None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise AccessError(f"{file} cannot be read: {why}") from None
    key, problem = last.key if last and last.source == workspace.key else None, ""
    try:
        key = workspace.key.read()
    except KeyUnavailableError as error:
        problem = str(error)
    return Access(workspace.api, workspace.key, key, problem, ca)


@lru_cache(maxsize=8)  # loading a CA bundle takes some 20 ms, and workspaces share it
def _trusting(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca) if ca else httpx.create_ssl_context()


class Transport(httpx.AsyncBaseTransport):
    """Send requests to the host of `api.base_url`, through its proxy, as many at once as may be in flight.

    What is asked for stands in a request's `target` extension, which httpx documents: one URL serves all requests, and
    all have the same headers. Raises aiohttp's errors as they are. Needs a running event loop.
    """

    def __init__(self, access: Access) -> None:
        api, key = access.api, access.key
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=api.max_concurrency, ssl=access.tls_context() or True),
            headers={
                "Authorization": f"Bearer {key.reveal() if key else ''}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # 150 bytes are not worth a decompressor
                "User-Agent": f"leadterra-exporter/{__version__}",
            },
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
