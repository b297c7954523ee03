"""An exporter and the API that it asks, in virtual time: hours pass in milliseconds; httpx's transport is the seam."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from io import StringIO
from pathlib import Path
from typing import Any, Self, TypeAlias

import httpx

from exporter import log
from exporter.api import Access
from exporter.api.client import Client
from exporter.app import Exporter
from exporter.config import Campaign, Config
from exporter.telemetry import Telemetry
from tests import build
from tests.conftest import run_virtually

Answer: TypeAlias = Callable[[str], Awaitable[httpx.Response]]


async def good(campaign_id: str) -> httpx.Response:
    await asyncio.sleep(0.1)
    return httpx.Response(200, json={"campaignId": campaign_id, "sent": 1})


def status(code: int, **headers: str) -> Answer:
    async def answer(_: str) -> httpx.Response:
        return httpx.Response(code, headers=headers)

    return answer


def slow(seconds: float, then: Answer = good) -> Answer:
    async def answer(campaign_id: str) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await then(campaign_id)

    return answer


hang = slow(3600)  # the time-out comes first


class Transport(httpx.MockTransport):
    is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


class World:
    """An exporter, the API it asks and what was asked when; `answers` may change while it runs."""

    def __init__(self, answers: dict[str, Answer] | None = None) -> None:
        clock = asyncio.get_running_loop().time
        self.answers = answers or {}
        self.asked: list[tuple[float, str]] = []
        self.transports: list[Transport] = []
        self.most_in_flight = self._in_flight = 0
        self.wall = lambda: 1e9 + clock()
        self.telemetry = Telemetry()
        parts: dict[str, Any] = {"telemetry": self.telemetry, "open_client": self._open_client, "wall": self.wall}
        self.exporter = Exporter(Path("config.yaml"), build.config(), **parts)
        self.store = self.exporter.store

    def _open_client(self, access: Access) -> Client:
        transport = Transport(self._answer)
        self.transports.append(transport)
        return Client(access, transport=transport, wall=self.wall)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        campaign_id = request.extensions["target"].decode().split("/")[3]
        self.asked.append((asyncio.get_running_loop().time(), campaign_id))
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self.answers.get(campaign_id, self.answers.get("*", good))(campaign_id)
        finally:
            self._in_flight -= 1

    async def run(self, config: Config, seconds: float = 0) -> None:
        """Poll by a configuration, the first one or another, and let so much time pass."""
        is_first, self.exporter.config = not self.exporter.config.workspaces, config
        await (self.exporter.start() if is_first else self.exporter._refresh())  # noqa: SLF001 - reload() reads a file
        await asyncio.sleep(seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.exporter.stop()

    def times(self, campaign_id: str) -> list[float]:
        return [round(at, 2) for at, id_ in self.asked if id_ == campaign_id]

    def reasons(self) -> Counter[str]:
        return Counter(state.error.reason.value if state.error else "" for state in self.store.states())

    def overruns(self) -> float:
        name = "leadterra_workspace_sweep_overruns_total"
        return self.telemetry.registry.get_sample_value(name, {"workspace": "acme"}) or 0


def polled(*steps: tuple[Answer | dict[str, Answer], float], of: int | Config = 1, **api: Any) -> World:
    """Return the world after the API has given each answer, to all or by campaign, for so many seconds."""

    async def scenario() -> World:
        async with World() as world:
            for place, (answer, seconds) in enumerate(steps):
                world.answers = answer if isinstance(answer, dict) else {"*": answer}
                if place == 0:
                    await world.run(of if isinstance(of, Config) else one_workspace(campaigns(of), **api))
                await asyncio.sleep(seconds)
        return world

    return run_virtually(scenario())


def one_workspace(polled: Iterable[Campaign], **options: Any) -> Config:
    return build.config(build.workspace(polled, **options))


def logged(*steps: tuple[Answer | dict[str, Answer], float], of: int | Config, **api: Any) -> tuple[World, list[str]]:
    """Return what `polled` does, and what was logged, without times."""
    told = StringIO()
    log.configure("info", "logfmt", told)
    return polled(*steps, of=of, **api), [line.partition(" ")[2] for line in told.getvalue().splitlines()]


def campaigns(count: int, interval: float = 60.0) -> list[Campaign]:
    return [build.campaign(f"c{number}", interval=interval) for number in range(count)]
