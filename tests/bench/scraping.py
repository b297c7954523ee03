"""Scrapes: what each costs against a custom collector's, and pages a second against nginx."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import campaigns
from tests.bench.peers import nginx
from tests.bench.plan import Plan, medians
from tests.bench.programs import Running, api, exporters, peer
from tests.bench.scraper import wrk
from tests.bench.table import Row, Target, compare, missing

NAMES = {"identity": "plain", "gzip": "gzip"}
_COLLECTOR, _NGINX = "custom collector", "nginx, static file"
_CONNECTIONS = 4
_OUR_SCRAPES = 5  # to one of the collector's, which takes as long as a hundred of ours


@contextmanager
def polled(plan: Plan, interval: float) -> Iterator[dict[str, Running]]:
    """Run the exporter's versions, with a reading of every campaign."""
    with api(2 * plan.campaigns) as asked:
        config = campaigns.config(asked.url, campaigns.ids(plan.campaigns), interval=interval)
        with exporters(config, plan.versions) as ours:
            yield ours


@contextmanager
def once_more(kind: str, page: bytes) -> Iterator[Running]:
    """Run prometheus_client with the same campaign series."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "page"
        file.write_bytes(page)
        with peer("peers.page", kind, file) as running:
            running.wait_until_listening()
            yield running


def cost_rows(plan: Plan) -> Iterator[Row]:
    """Scrape while nothing changes, and then every 15 s while all is polled every 60 s."""
    idle, paced = f"{plan.campaigns:,} campaigns, none polled since the last", "a quarter polled since the last"
    with polled(plan, 3600) as ours, once_more("collector", ours[""].get("/metrics")) as other:
        collected = {}
        for encoding, name in NAMES.items():
            subjects = {of: partial(_scrape, each, encoding, _OUR_SCRAPES) for of, each in ours.items()}
            subjects[_COLLECTOR] = partial(_scrape, other, encoding, 1)
            costs = medians(plan.rounds, subjects)
            collected[encoding] = costs[_COLLECTOR]
            yield from compare(f"CPU of a {name} scrape, {idle}", "s CPU", costs, {_COLLECTOR: Target(0.02)})
    with polled(plan, plan.interval) as ours:
        for encoding, name in NAMES.items():
            costs = _paced(ours, encoding, plan) | {_COLLECTOR: collected[encoding]}
            what = f"CPU of a {name} scrape every {plan.scrape_every:.0f} s, {paced}"
            yield from compare(what, "s CPU", costs, {_COLLECTOR: Target(0.05)})


def _scrape(server: Running, encoding: str, scrapes: int) -> float:
    """Return what a scrape costs."""
    with server.scraper(Accept_Encoding=encoding) as scraper:
        scraper.time("/metrics")
        spent = server.cpu
        for _ in range(scrapes):
            scraper.time("/metrics")
        return (server.cpu - spent) / scrapes


def _paced(ours: dict[str, Running], encoding: str, plan: Plan) -> dict[str, float]:
    """Return what a scrape costs while polls go on: the least, in whose milliseconds the fewest polls were."""
    costs: dict[str, list[float]] = {name: [] for name in ours}
    for _ in range(plan.rounds + 1):
        time.sleep(plan.scrape_every)
        for name, server in ours.items():
            with server.scraper(Accept_Encoding=encoding) as scraper:
                spent = server.cpu
                scraper.time("/metrics")
                costs[name].append(server.cpu - spent)
    return {name: min(each[1:]) for name, each in costs.items()}


def rate_rows(plan: Plan) -> Iterator[Row]:
    """Ask for pages as fast as four connections can."""
    for program in ("nginx", "wrk"):
        if shutil.which(program) is None:
            yield missing("pages a second", program)
            return
    with polled(plan, 3600) as ours, mirror(ours[""]) as static:
        for encoding, name in NAMES.items():
            subjects = {
                of: partial(wrk, f"{each.url}/metrics", plan.wrk_seconds, _CONNECTIONS, Accept_Encoding=encoding)
                for of, each in {**ours, _NGINX: static}.items()
            }
            what = f"{name} pages a second, {_CONNECTIONS} connections, {plan.campaigns:,} campaigns"
            yield from compare(what, "/s", medians(plan.rounds, subjects), {_NGINX: Target(0.9, at_least=True)})


@contextmanager
def mirror(server: Running) -> Iterator[Running]:
    """Serve by nginx what a server's page is now, byte by byte."""
    pages = (server.get("/metrics", Accept_Encoding=encoding) for encoding in NAMES)
    with TemporaryDirectory() as folder, nginx.running(Path(folder), *pages) as running:
        yield running
