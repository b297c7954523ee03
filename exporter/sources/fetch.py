"""One GET of a list, whose token goes to its host only."""

import asyncio
import ssl
from pathlib import Path

import httpx

from exporter.api.transport import HEADERS, decompressed, describe_exception
from exporter.config import Source
from exporter.sources.lists import LARGEST, ListError

_WITHIN = 30.0
"""Seconds for a whole answer."""


async def fetch(source: Source) -> bytes:
    """Return the body of an answer with status 200. Raises ListError, whose text has neither query nor token."""
    try:
        async with (
            asyncio.timeout(_WITHIN),
            await asyncio.to_thread(_client, source) as client,
            client.stream("GET", source.url or "") as response,
        ):
            return await _body(response)
    except TimeoutError:
        raise ListError(f"no whole answer within {_WITHIN:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise ListError(describe_exception(error)) from None


def _client(source: Source) -> httpx.AsyncClient:
    """Return a client for one request. Blocks: it reads files. No redirect is followed, no environment is obeyed."""
    token = {"Authorization": f"Bearer {_token(source.bearer_token_file)}"} if source.bearer_token_file else {}
    tls = _tls(source)
    return httpx.AsyncClient(headers=HEADERS | token, verify=tls, proxy=source.proxy_url, trust_env=False, timeout=None)  # noqa: S113 - the whole is bounded


def _token(file: Path) -> str:
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ListError(f"{file} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8 text')}") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ListError(f"{file} does not hold a token: one line without blanks")
    return token


def _tls(source: Source) -> ssl.SSLContext:
    if not (source.url or "").startswith("https"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and httpx would load its own at each request
    try:
        return ssl.create_default_context(cafile=source.ca_file) if source.ca_file else httpx.create_ssl_context()
    except OSError as error:  # what is no certificate among them
        raise ListError(f"{source.ca_file or 'the CA bundle'} cannot be used: {error.strerror or error}") from None


async def _body(response: httpx.Response) -> bytes:
    if response.has_redirect_location:
        raise ListError(f"HTTP {response.status_code}: a redirect, not followed: write where the list itself is")
    if response.status_code != httpx.codes.OK:
        raise ListError(f"HTTP {response.status_code}")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST:
            raise ListError(f"the answer is larger than {LARGEST // 2**20} MiB")
    try:
        return await asyncio.to_thread(decompressed, response.headers.get("content-encoding", ""), bytes(body), LARGEST)
    except ValueError as error:
        raise ListError(str(error)) from None
