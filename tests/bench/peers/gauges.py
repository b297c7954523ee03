"""The straightforward exporter: stock httpx and prometheus_client Gauges, as one writes it in an afternoon.

The same 17 series a campaign as this exporter's. Run as `python -m tests.bench.peers.gauges serve URL COUNT PORT`.
"""

import asyncio
import sys
import time

import httpx
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.bench import control
from tests.bench.campaigns import FIGURES, KEY, LIMITS, SETTINGS, WORKSPACE, ids, readings

_INTERVAL = 60.0
_IN_FLIGHT = 32
_LABELS = ("workspace", "campaign_id", "campaign")


class Gauges:
    """One Gauge a metric, one child of it a campaign."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = (*FIGURES, *SETTINGS, "leadterra_campaign_up", "leadterra_campaign_last_success_timestamp_seconds")
        self._plain = {name: Gauge(name, f"{name}.", _LABELS, registry=registry) for name in names}
        limited = dict.fromkeys(name for name, _, _ in LIMITS)
        self._limits = {name: Gauge(name, f"{name}.", (*_LABELS, "severity"), registry=registry) for name in limited}

    def configure(self, campaign_id: str) -> None:
        for name, value in SETTINGS.items():
            self._set(name, campaign_id, value)
        for name, severity, limit in LIMITS:
            self._limits[name].labels(WORKSPACE, campaign_id, campaign_id, severity).set(limit)

    def succeeded(self, campaign_id: str, stats: dict[str, str | float]) -> None:
        for name, field in FIGURES.items():
            self._set(name, campaign_id, float(stats[field]))
        self._set("leadterra_campaign_up", campaign_id, 1)
        self._set("leadterra_campaign_last_success_timestamp_seconds", campaign_id, time.time())

    def failed(self, campaign_id: str) -> None:
        self._set("leadterra_campaign_up", campaign_id, 0)

    def _set(self, name: str, campaign_id: str, value: float) -> None:
        self._plain[name].labels(WORKSPACE, campaign_id, campaign_id).set(value)


async def poll(client: httpx.AsyncClient, slots: asyncio.Semaphore, gauges: Gauges, campaign_id: str) -> bool:
    async with slots:
        try:
            response = await client.get(f"/v1/campaigns/{campaign_id}/stats")
            response.raise_for_status()
            gauges.succeeded(campaign_id, response.json())
        except (httpx.HTTPError, ValueError, KeyError):
            gauges.failed(campaign_id)
            return False
        return True


async def poll_all(client: httpx.AsyncClient, gauges: Gauges, names: list[str], in_flight: int) -> int:
    """Poll all campaigns once; return how many polls succeeded."""
    slots = asyncio.Semaphore(in_flight)
    return sum(await asyncio.gather(*(poll(client, slots, gauges, id_) for id_ in names)))


def open_client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)


async def serve(base_url: str, names: list[str], port: int) -> None:
    """Poll and serve, for ever."""
    registry = CollectorRegistry()
    gauges = Gauges(registry)
    start_http_server(port, "127.0.0.1", registry)
    for id_ in names:
        gauges.configure(id_)
    async with open_client(base_url) as client:
        while True:
            await poll_all(client, gauges, names, _IN_FLIGHT)
            await asyncio.sleep(_INTERVAL)


async def poll_when_told(base_url: str, names: list[str], in_flight: int) -> None:
    """Poll each campaign once at each word."""
    gauges = Gauges(CollectorRegistry())
    for id_ in names:
        gauges.configure(id_)
    async with open_client(base_url) as client:
        await control.sweep_when_told(len(names), lambda: poll_all(client, gauges, names, in_flight))


async def hold(_: str, names: list[str], port: int) -> None:
    """Serve all campaigns with a reading each, without polling, for its memory."""
    registry = CollectorRegistry()
    gauges = Gauges(registry)
    for id_, stats in readings(names, 0).items():
        gauges.configure(id_)
        gauges.succeeded(id_, stats)
    start_http_server(port, "127.0.0.1", registry)
    control.say({"url": f"http://127.0.0.1:{port}"})
    control.hear()


if __name__ == "__main__":
    asyncio.run(
        {"serve": serve, "poll": poll_when_told, "hold": hold}[sys.argv[1]](
            sys.argv[2], ids(int(sys.argv[3])), int(sys.argv[4])
        )
    )
