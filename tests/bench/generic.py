"""Against json_exporter, where it is on the PATH: it asks the API in the scrape, one campaign a scrape."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from tests.bench import campaigns, meters
from tests.bench.peers import json_exporter
from tests.bench.plan import Plan
from tests.bench.programs import REQUESTS, Running, exporter, sandbox
from tests.bench.rounds import interleave
from tests.bench.table import Row, against, missing

_WHAT = "CPU of a campaign polled once and scraped once"
_INTERVAL, _INTERVALS = 2.0, 2


def rows(plan: Plan) -> Iterator[Row]:
    if shutil.which("json_exporter") is None:
        yield missing(_WHAT, "json_exporter")
        return
    with TemporaryDirectory() as folder, sandbox(plan.polls) as api, json_exporter.running(Path(folder)) as peer:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config(api.url, plan.polls, interval=_INTERVAL))
        spent = interleave(plan.rounds, {"": lambda: _ours(config), "json_exporter": lambda: _probe(peer, api, plan)})
        mine, other = (meters.cost(median(each), 1, of) for of, each in spent.items())
        yield against(f"{_WHAT}, of {plan.polls:,}", mine, other)


def _ours(config: Path) -> float:
    """Return what a poll and its share of a scrape cost, where each interval sees one scrape."""
    with exporter(config) as server, server.scraper(Accept_Encoding="gzip") as scraper:
        server.wait_until_ready()
        polls = -server.total(REQUESTS)
        spent = meters.meter(server.pid)
        for _ in range(_INTERVALS):
            with spent:
                time.sleep(_INTERVAL)
                scraper.time("/metrics")
        return spent.total() / (polls + server.total(REQUESTS))


def _probe(peer: Running, api: Running, plan: Plan) -> float:
    """Return what a probe costs, which is a scrape and a request to the API."""
    spent = meters.meter(peer.pid)
    with peer.scraper(Accept_Encoding="gzip") as scraper:
        for id_ in campaigns.ids(plan.polls):
            query = urlencode({"module": "default", "target": f"{api.url}/v1/campaigns/{id_}/stats"})
            with spent:
                scraper.time(f"/probe?{query}")
    return spent.total() / plan.polls
