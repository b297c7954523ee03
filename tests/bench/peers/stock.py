"""The straightforward exporter: stock httpx and prometheus_client Gauges, as one writes it in an afternoon.

Run as `python -m tests.bench.peers.stock URL COUNT PORT`; it polls all campaigns again and again, without a pause.
"""

import asyncio
import sys
import time

import httpx
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.bench.campaigns import FIGURES, KEY, WORKSPACE, ids


class Gauges:
    """One Gauge a metric, one child of it a campaign."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = (*FIGURES, "leadterra_campaign_up", "leadterra_campaign_last_success_timestamp_seconds")
        labels = ("workspace", "campaign_id", "campaign")
        self._gauges = {name: Gauge(name, f"{name}.", labels, registry=registry) for name in names}

    def set(self, campaign_id: str, **values: float) -> None:
        for name, value in values.items():
            self._gauges[name].labels(WORKSPACE, campaign_id, campaign_id).set(value)


async def poll(client: httpx.AsyncClient, slots: asyncio.Semaphore, gauges: Gauges, campaign_id: str) -> None:
    async with slots:
        try:
            response = await client.get(f"/v1/campaigns/{campaign_id}/stats")
            response.raise_for_status()
            stats, now = response.json(), time.time()
            gauges.set(campaign_id, **{name: stats[field] for name, field in FIGURES.items()})
            gauges.set(campaign_id, leadterra_campaign_up=1, leadterra_campaign_last_success_timestamp_seconds=now)
        except (httpx.HTTPError, ValueError, KeyError):
            gauges.set(campaign_id, leadterra_campaign_up=0)


async def serve(base_url: str, names: list[str], port: int) -> None:
    registry = CollectorRegistry()
    gauges = Gauges(registry)
    start_http_server(port, "127.0.0.1", registry)
    slots = asyncio.Semaphore(32)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=10) as client:
        while True:
            await asyncio.gather(*(poll(client, slots, gauges, id_) for id_ in names))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], ids(int(sys.argv[2])), int(sys.argv[3])))
