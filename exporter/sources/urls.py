"""Lists at URLs: each is asked again and again, and its token goes to its host only."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import httpx
import structlog

from exporter import __version__
from exporter.api.transport import describe_exception
from exporter.config import Source
from exporter.sources.lists import LARGEST, Answer, ListError

log = structlog.get_logger()

_WITHIN = 30.0
"""Seconds for a whole answer."""


class Urls:
    """Ask the URLs of a configuration, and keep what they answered last; `wall` gives Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.answers: dict[Source, Answer] = {}
        self._wall = wall
        self._due: dict[Source, float] = {}

    def follow(self, sources: Iterable[Source]) -> None:
        """Ask these from now on; new ones at once."""
        self._due = {source: self._due.get(source, 0.0) for source in sources if source.url}
        self.answers = {source: answer for source, answer in self.answers.items() if source in self._due}

    def hurry(self) -> None:
        """Ask all at once, and then again every `refresh` seconds."""
        self._due = dict.fromkeys(self._due, 0.0)

    async def run(self, answered: Callable[[Source, bool], Awaitable[object]]) -> None:
        """Ask each every `refresh` seconds; call `answered` each time with it, and whether its answer is another."""
        loop = asyncio.get_running_loop()
        asking: set[Source] = set()

        async def ask(source: Source) -> None:
            try:
                await answered(source, await self.ask(source))
            except Exception:
                log.exception("internal error while a list was asked for", source=source.label)
            finally:
                asking.discard(source)

        async with asyncio.TaskGroup() as group:
            while True:
                for source in [source for source, due in self._due.items() if due <= loop.time()]:
                    self._due[source] = loop.time() + (source.refresh or 0)
                    if source not in asking:
                        asking.add(source)
                        group.create_task(ask(source))
                await asyncio.sleep(0.5)

    async def ask(self, source: Source) -> bool:
        """Ask one now; return whether its answer is another than before."""
        last = self.answers.get(source, Answer())
        try:
            answer = Answer(await _fetch(source), self._wall())
        except ListError as error:
            answer = replace(last, problem=str(error))
        self.answers[source] = answer
        return (answer.content, answer.problem) != (last.content, last.problem)


async def _fetch(source: Source) -> bytes:
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
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",  # so that the limit bounds what is decoded
        "User-Agent": f"leadterra-exporter/{__version__}",
    }
    if source.bearer_token_file:
        headers["Authorization"] = f"Bearer {_token(source.bearer_token_file)}"
    tls = _tls(source)
    return httpx.AsyncClient(headers=headers, verify=tls, proxy=source.proxy_url, trust_env=False, timeout=None)  # noqa: S113 - the whole is bounded


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
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ListError("the answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST:
            raise ListError(f"the answer is larger than {LARGEST // 2**20} MiB")
    return bytes(body)
