"""A program's endpoints on a real server, in whatever condition a test wants, and clients of them."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiohttp import web

from exporter.api import Stats
from exporter.config import Campaign, Config, TargetKey
from exporter.errors import Failure, Reason
from exporter.exposition import Page
from exporter.shard import Shard
from exporter.sources import SourceState
from exporter.store import State, Store
from exporter.toolkit import WebConfigFile
from exporter.web.endpoints import application
from exporter.web.evaluation import Seen
from exporter.web.overview import Overview
from exporter.web.server import Listener, Server
from tests import build
from tests.certificates import Authority, Pair
from tests.tools import PATIENCE

if TYPE_CHECKING:
    from exporter.app import Exporter

NOW = 1_795_377_600.0  # 2026-11-22 20:00:00 UTC
REFUSED = (ssl.SSLError, ConnectionError)
DOCUMENTED = Stats(500, 480, 471, 9, 38, 20, 0.42, 0.08)
TIMEOUT = Failure(Reason.TIMEOUT, "no whole answer within 10 s")


@dataclass
class Program:
    """What the endpoints need of an exporter."""

    store: Store = field(default_factory=lambda: build.Clock().store())
    config: Config = field(default_factory=lambda: Config(()))
    shard: Shard = field(default_factory=Shard)
    is_ready: bool = True
    problems: list[str] = field(default_factory=list)
    sources: list[SourceState] = field(default_factory=list)
    reload_problems: list[str] = field(default_factory=list)
    faults: str | None = None
    own: str = "own 1\n"
    reloads: int = 0

    def __post_init__(self) -> None:
        self.page = Page(self.store, lambda _: self.own.encode())

    def next_due(self, campaign: Campaign) -> float | None:
        return campaign.poll.interval

    async def reload(self) -> str | None:
        self.reloads += 1
        return self.faults


def overview(*states: State, **known: Any) -> Overview:
    """Return what is known of campaigns, and beside them what a test says."""
    given = {"states": states, "senders": (), "sources": (), "config": Config(()), "shard": Shard()}
    seen = look_up(known.pop("seen", {}))
    return Overview(**{"now": NOW, "notices": (), "seen": seen, **given, **known})


def look_up(seen: Mapping[TargetKey, Seen]) -> Callable[[State], Seen]:
    return lambda state: seen.get(state.target.key, Seen())


def application_of(program: Program, **options: Any) -> web.Application:
    return application(cast("Exporter", program), **options)


@asynccontextmanager
async def serving(
    app: web.Application, web_config: WebConfigFile | None = None, listener: Listener | None = None
) -> AsyncIterator[Listener]:
    """Serve an application, by default on a free port."""
    listener = listener or Listener("127.0.0.1:0")
    server = Server(app, [listener], web_config)
    await server.start()
    try:
        yield listener
    finally:
        await server.close()


class Answer(NamedTuple):
    """What came back, and the name in the server's certificate."""

    status: int
    head: str
    server: str


def client(trusted: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trusted.pem)
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def basic(user: str) -> str:
    """Return the header value for `name:password`."""
    return f"Basic {base64.b64encode(user.encode()).decode()}"


async def get(port: int, tls: ssl.SSLContext | None = None, *, authorization: str = "") -> Answer:
    """Ask for the page on a connection of its own."""
    lines = ["GET / HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=tls and "localhost")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = (await asyncio.wait_for(reader.read(), 10)).decode()
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    if not head:
        raise ConnectionResetError
    subject = dict(names[0] for names in certificate["subject"]) if certificate else {}
    return Answer(int(head.split()[1]), head, subject.get("commonName", ""))


async def say(port: int, text: bytes) -> bytes:
    """Send bytes on a connection of its own and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return answer
