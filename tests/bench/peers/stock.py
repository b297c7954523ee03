"""The straightforward exporter: stock httpx and prometheus_client Gauges, as one writes it in an afternoon.

Run as `python -m tests.bench.peers.stock URL COUNT PORT`; it polls all campaigns again and again, without a pause.
"""

import asyncio
import sys
import time

import httpx
from prometheus_client import Gauge, start_http_server

from tests.bench.campaigns import FIGURES, KEY, WORKSPACE, ids

UP, SUCCESS = "leadterra_campaign_up", "leadterra_campaign_last_success_timestamp_seconds"
GAUGES = {name: Gauge(name, f"{name}.", ("workspace", "campaign_id", "campaign")) for name in (*FIGURES, UP, SUCCESS)}
SLOTS = asyncio.Semaphore(32)


def show(campaign_id: str, values: dict[str, float]) -> None:
    for name, value in values.items():
        GAUGES[name].labels(WORKSPACE, campaign_id, campaign_id).set(value)


async def poll(client: httpx.AsyncClient, campaign_id: str) -> None:
    async with SLOTS:
        try:
            response = await client.get(f"/v1/campaigns/{campaign_id}/stats")
            response.raise_for_status()
            stats = response.json()
            figures = {name: stats[field] for name, field in FIGURES.items()}
            show(campaign_id, figures | {UP: 1, SUCCESS: time.time()})
        except (httpx.HTTPError, ValueError, KeyError):
            show(campaign_id, {UP: 0})


async def serve(base_url: str, names: list[str], port: int) -> None:
    start_http_server(port, "127.0.0.1")
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10) as client:
        while True:
            await asyncio.gather(*(poll(client, id_) for id_ in names))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], ids(int(sys.argv[2])), int(sys.argv[3])))
