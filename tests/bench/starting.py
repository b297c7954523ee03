"""The start: from exec to the first page, and to ready."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import campaigns
from tests.bench.plan import Plan
from tests.bench.programs import Running, exporter, module, program, sandbox
from tests.bench.rounds import interleave
from tests.bench.scraper import Scraper
from tests.bench.table import Figure, Row, against, alone
from tests.tools import free_port

_PEER = "stock httpx and Gauges"


def rows(plan: Plan) -> Iterator[Row]:
    with TemporaryDirectory() as folder, sandbox(max(plan.start_sizes)) as api:
        for size in plan.start_sizes:
            config = Path(folder) / "config.yaml"
            config.write_text(campaigns.config(api.url, size))
            times = interleave(plan.rounds, {"": partial(_start, config), _PEER: partial(_start_peer, api, size)})
            first, peer = (Figure(median(time[0] for time in each), "s", of) for of, each in times.items())
            yield against(f"exec to the first /metrics answer, {size:,} campaigns", first, peer)
            yield alone(f"exec to ready, {size:,} campaigns", Figure(median(time[1] for time in times[""]), "s"))


def _start(config: Path) -> tuple[float, float]:
    began = time.perf_counter()
    with exporter(config) as server:
        with server.scraper() as scraper:
            scraper.get("/metrics")
            first = time.perf_counter() - began
        server.wait_until_ready()
        return first, time.perf_counter() - began


def _start_peer(api: Running, size: int) -> tuple[float, float]:
    port = free_port()
    began = time.perf_counter()
    with program(*module("tests.bench.peers.gauges", "serve", api.url, str(size), str(port))):
        with Scraper(f"http://127.0.0.1:{port}") as scraper:
            scraper.get("/metrics")
        return time.perf_counter() - began, 0.0
