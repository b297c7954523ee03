"""One workspace's API: what is asked, and what an answer, or none, comes to.

Requests go straight to httpx's transport: what its client would add to each of them costs more than the poll.
"""

import asyncio
import json
import os
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import quote

import aiohttp
import httpx

from exporter import __version__
from exporter.api.transport import Transport
from exporter.config import Api
from exporter.errors import PollError, Reason
from exporter.secret import ApiKey, KeyUnavailableError
from exporter.stats import Stats, parse

LARGEST_ANSWER = 2**20
"""Bytes of a decoded answer that are read; the documented one has 150."""

_REASONS = {
    400: Reason.INVALID_REQUEST,
    401: Reason.AUTHENTICATION_FAILED,
    403: Reason.AUTHENTICATION_FAILED,
    404: Reason.CAMPAIGN_NOT_FOUND,
    429: Reason.RATE_LIMITED,
}

_NO_BODY = httpx.ByteStream(b"")
_SAFE_IN_PATH = "!$&'()*,:;=@"


class Client:
    """Ask one workspace's API."""

    def __init__(
        self,
        api: Api,
        key: ApiKey,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._key = key
        self._transport = transport or Transport(api)
        self._wall = wall
        self._urls: dict[str, httpx.URL] = {}
        self._headers = httpx.Headers()
        self._key_in_headers = ""

    async def read(self, campaign_id: str) -> Stats:
        """Return the campaign's reading. Raises PollError, and nothing else, within `api.timeout` seconds."""
        request = self._request(campaign_id)
        try:
            async with asyncio.timeout(self._api.timeout):
                return await self._read(request, campaign_id)
        except TimeoutError:
            detail = f"no whole answer within {self._api.timeout:g} s"
            raise PollError(Reason.TIMEOUT, detail, code="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise PollError(Reason.CONNECTION_FAILED, _why(error), code="connection_failed") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _read(self, request: httpx.Request, campaign_id: str) -> Stats:
        response = await self._transport.handle_async_request(request)
        try:
            if response.status_code == httpx.codes.OK:
                return parse(await _body(response), campaign_id)
            body = await _body(response) if response.status_code == httpx.codes.NOT_FOUND else b""
            raise self._refusal(response, body)
        finally:
            await response.aclose()

    def _request(self, campaign_id: str) -> httpx.Request:
        try:
            key = self._key.value()
        except KeyUnavailableError as error:
            raise PollError(Reason.AUTHENTICATION_FAILED, f"no key: {error}") from None
        if key != self._key_in_headers:
            self._headers, self._key_in_headers = _headers(key), key
        return httpx.Request("GET", self._url(campaign_id), headers=self._headers, stream=_NO_BODY)

    def _url(self, campaign_id: str) -> httpx.URL:
        url = self._urls.get(campaign_id)
        if url is None:
            path = f"/v1/campaigns/{quote(campaign_id, safe=_SAFE_IN_PATH)}/stats"
            url = self._urls[campaign_id] = httpx.URL(self._api.base_url.rstrip("/") + path)
        return url

    def _refusal(self, response: httpx.Response, body: bytes) -> PollError:
        status = response.status_code
        reason = _REASONS.get(status, Reason.SERVER_ERROR if status >= 500 else Reason.UNEXPECTED_STATUS)  # noqa: PLR2004 - 5xx
        detail = f"HTTP {status}"
        if status == httpx.codes.NOT_FOUND and Reason.WORKSPACE_NOT_FOUND in _error_codes(body):
            reason = Reason.WORKSPACE_NOT_FOUND
            detail += f" {reason}"
        elif response.has_redirect_location:
            detail += ": a redirect, not followed so that the key does not travel; check api.base_url"
        retry_after = seconds_to_wait(response.headers.get("retry-after", ""), self._wall())
        return PollError(reason, detail, code=str(status), retry_after=retry_after)


def _headers(key: str) -> httpx.Headers:
    return httpx.Headers(
        {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # 150 bytes are not worth a decompressor
            "User-Agent": f"leadterra-exporter/{__version__}",
        }
    )


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
    async for chunk in response.stream:
        body += chunk
        if len(body) > LARGEST_ANSWER:
            _reject(response, "the answer is larger than 1 MiB")
    encoding = response.headers.get("content-encoding", "identity").lower()
    return bytes(body) if encoding == "identity" else _gunzip(response, bytes(body), encoding)


def _gunzip(response: httpx.Response, body: bytes, encoding: str) -> bytes:
    """Unpack no more than the limit: httpx unpacks whole chunks, and a bomb within a bomb without end."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, LARGEST_ANSWER + 1) if encoding == "gzip" else None
    except zlib.error:
        unpacked = None
    if unpacked is None:
        _reject(response, "the answer cannot be decompressed")
    if len(unpacked) > LARGEST_ANSWER:
        _reject(response, "the answer is larger than 1 MiB")
    return unpacked


def _reject(response: httpx.Response, why: str) -> NoReturn:
    raise PollError(Reason.INVALID_RESPONSE, why, code=str(response.status_code)) from None


def seconds_to_wait(retry_after: str, now: float) -> float | None:
    """Read a Retry-After header, seconds or a date, as seconds from `now`; None where it says nothing usable."""
    if re.fullmatch(r"[0-9]{1,18}", retry_after.strip()):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _error_codes(body: bytes) -> set[str]:
    """Find an error's code; its envelope is not documented, so look where APIs put it."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return set()
    errors = answer.get("errors") if isinstance(answer, dict) else None
    places = [answer, *(errors if isinstance(errors, list) else ())]
    return {code for place in places for code in _codes_at(place)}


def _codes_at(place: Any) -> Iterator[str]:
    while isinstance(place, dict):
        if isinstance(code := place.get("code"), str):
            yield code
        place = place.get("error")
    if isinstance(place, str):
        yield place


def _why(error: BaseException) -> str:
    """Say in a few words of our own why there was no answer: a library's text may name the proxy's password."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return next((why for link in reversed(chain) if (why := _say(link))), type(error).__name__)


_WORDS: tuple[tuple[type[BaseException], Callable[[Any], str]], ...] = (
    (ssl.SSLCertVerificationError, lambda error: f"certificate not accepted: {error.verify_message}"),
    (ssl.SSLError, lambda error: f"TLS failed: {error.reason}"),
    (socket.gaierror, lambda _: "the host name does not resolve"),
    (aiohttp.ClientHttpProxyError, lambda error: f"the proxy answered HTTP {error.status}"),
    (aiohttp.ServerDisconnectedError, lambda _: "the connection was closed without an answer"),
    (aiohttp.ClientPayloadError, lambda _: "the answer broke off"),
    (aiohttp.ClientResponseError, lambda _: "the answer is not HTTP"),
    (OSError, lambda error: os.strerror(error.errno).lower() if error.errno else ""),
)


def _say(error: BaseException) -> str:
    return next((say(error) for kind, say in _WORDS if isinstance(error, kind)), "")
