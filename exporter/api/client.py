"""One GET from one workspace's API: a body comes out, or a PollError that says what came instead.

Requests go straight to httpx's transport: what its client would add to each of them costs more than the poll.
"""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import httpx

from exporter.api.access import Access
from exporter.api.answers import excerpt, read_error
from exporter.api.transport import LARGEST_BODY, Transport, decompressed, describe_exception
from exporter.errors import PollError, Reason

_REASONS = {
    400: Reason.INVALID_REQUEST,
    401: Reason.AUTHENTICATION_FAILED,
    403: Reason.AUTHENTICATION_FAILED,
    404: Reason.CAMPAIGN_NOT_FOUND,
    429: Reason.RATE_LIMITED,
    **dict.fromkeys(range(500, 600), Reason.SERVER_ERROR),
}
_NO_BODY = httpx.ByteStream(b"")
_ESCAPE = re.compile(rb"\\u00([2-7][0-9a-fA-F])|\\([^\"bfnrtu])", re.DOTALL)
"""How JSON may write a character of a key. A pattern made of the key itself would stay in the cache of `re`."""
_MOST_ESCAPES = 3  # of each other, as of JSON in a text of JSON


class Client:
    """Ask one workspace's API. Needs a running event loop. Raises AccessError where TLS cannot be set up."""

    def __init__(
        self,
        access: Access,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._access = access
        self._url = httpx.URL(access.api.base_url)
        self._base_path = urlsplit(access.api.base_url).path.rstrip("/")
        self._key = access.key.reveal().encode() if access.key else b""
        self._transport = transport or Transport(access)
        self._wall = wall

    async def get(self, path: str) -> bytes:
        """Return the body of an answer with status 200. Raises PollError, within `api.timeout` seconds."""
        if not self._key:
            raise PollError(Reason.AUTHENTICATION_FAILED, f"no key: {self._access.key_problem}")
        target, timeout = f"{self._base_path}{path}".encode(), self._access.api.timeout
        request = httpx.Request("GET", self._url, stream=_NO_BODY, extensions={"target": target})
        try:
            async with asyncio.timeout(timeout):
                response = await self._transport.handle_async_request(request)
                assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - for the type checker
                body = b"".join([chunk async for chunk in response.stream])
        except TimeoutError:
            raise PollError(Reason.TIMEOUT, f"no whole answer within {timeout:g} s", code="timeout") from None
        except (aiohttp.ClientError, httpx.HTTPError, OSError) as error:
            detail = describe_exception(error)
            raise PollError(Reason.CONNECTION_FAILED, detail, code="connection_failed") from None
        return self._take(response, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _take(self, response: httpx.Response, body: bytes) -> bytes:
        """Return an answer without the key, which it may repeat: what the API says may be shown."""
        is_ok = response.status_code == httpx.codes.OK
        try:
            body = decompressed(response.headers.get("content-encoding", ""), body, LARGEST_BODY)
        except ValueError as error:
            if is_ok:
                raise PollError(Reason.INVALID_RESPONSE, str(error), code="200") from None
            body = b""  # the status says enough
        body = self._without_key(body)
        if is_ok:
            return body
        raise _refusal(response, body, self._wall())

    def _without_key(self, body: bytes) -> bytes:
        plain = body = body.replace(self._key, b"(key)")
        for _ in range(_MOST_ESCAPES if b"\\" in body else 0):
            plain = _ESCAPE.sub(_unescaped, plain)
            if self._key in plain:
                plain = body = plain.replace(self._key, b"(key)")
        return body


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else found[2]


def _refusal(response: httpx.Response, body: bytes, now: float) -> PollError:
    status, (said, codes) = response.status_code, read_error(body)
    reason = _REASONS.get(status, Reason.UNEXPECTED_STATUS)
    detail = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status == httpx.codes.NOT_FOUND and Reason.WORKSPACE_NOT_FOUND in codes:
        reason = Reason.WORKSPACE_NOT_FOUND
    elif status == httpx.codes.NOT_FOUND and not codes:
        detail += ", without an error code of the API: check api.base_url"
    elif response.has_redirect_location:
        detail += ": a redirect, not followed so that the key does not travel; check api.base_url"
    retry_after = seconds_to_wait(response.headers.get("retry-after", ""), now)
    return PollError(reason, detail, code=str(status), retry_after=retry_after, excerpt=excerpt(body))


def seconds_to_wait(retry_after: str, now: float) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date, from `now`; None where it has neither."""
    if re.fullmatch(r"[0-9]{1,18}", retry_after.strip()):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None
