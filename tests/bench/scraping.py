"""What a scrape costs, pages a second, the start, and what is in memory, beside prometheus_client and nginx."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import campaigns
from tests.bench.peers.servers import mirror
from tests.bench.programs import NAMES, Plan, Running, api, exporter, exporters, peer
from tests.bench.table import Figure, Row, Target, alone, compare, interleave, medians
from tests.tools import succeed

_COLLECTOR, _NGINX = "custom collector", "nginx, static file"
_STOCK, _GAUGES = "stock httpx and Gauges", "Gauges"
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
            running.get("/metrics")
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
    if absent := [program for program in ("nginx", "wrk") if shutil.which(program) is None]:
        yield Row("pages a second", f"not measured: there is no {absent[0]}")
        return
    with polled(plan, 3600) as ours, mirror(ours[""]) as static:
        for encoding, name in NAMES.items():
            subjects = {
                of: partial(_wrk, f"{each.url}/metrics", plan.wrk_seconds, encoding)
                for of, each in {**ours, _NGINX: static}.items()
            }
            what = f"{name} pages a second, {_CONNECTIONS} connections, {plan.campaigns:,} campaigns"
            yield from compare(what, "/s", medians(plan.rounds, subjects), {_NGINX: Target(0.9, at_least=True)})


def _wrk(url: str, seconds: int, encoding: str) -> float:
    """Return the requests a second that wrk gets answered."""
    options = ["-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout=20s", f"-HAccept-Encoding: {encoding}"]
    told = succeed("wrk", *options, url)
    assert not re.search(r"Non-2xx|Socket errors", told), told
    return float(told.partition("Requests/sec:")[2].split()[0])


def start_rows(plan: Plan) -> Iterator[Row]:
    """Start each again and again."""
    with api(plan.campaigns) as asked:
        for size, limit in ((plan.few, 0.25), (plan.campaigns, 0.6)):
            config = campaigns.config(asked.url, campaigns.ids(size))
            subjects: dict[str, Callable[[], AbstractContextManager[Running]]] = {
                **{each.name: partial(exporter, config, of=each) for each in plan.versions},
                _STOCK: partial(peer, "peers.stock", asked.url, size),
            }
            starts = interleave(plan.starts, {name: partial(_start, each) for name, each in subjects.items()})
            first, cpu = ({name: median(each[n] for each in of) for name, of in starts.items()} for n in range(2))
            what = f"exec to the first page, {size:,} campaigns"
            quickest = Figure(min(page for page, _ in starts[""]), "s")  # as on a machine with nothing else to do
            yield alone(f"{what}, the quickest of {plan.starts}", quickest, Target(limit, unit="s"))
            yield from compare(what, "s", first)
            yield from compare(f"CPU from {what}", "s CPU", cpu)


def _start(start: Callable[[], AbstractContextManager[Running]]) -> tuple[float, float]:
    """Return the seconds to the first page, and those of CPU until then."""
    began = time.perf_counter()
    with start() as server:
        server.get("/metrics")
        return time.perf_counter() - began, server.cpu


def memory_rows(plan: Plan) -> Iterator[Row]:
    """Measure what a campaign takes in memory after a first sweep and a scrape of each encoding."""
    of: dict[str, list[int]] = {name: [] for name in (*(each.name for each in plan.versions), _GAUGES)}
    for size in (1, plan.campaigns):
        for version in plan.versions:
            with api(size) as asked, exporter(campaigns.config(asked.url, campaigns.ids(size)), of=version) as server:
                server.wait_until_ready()
                page, _ = (server.get("/metrics", Accept_Encoding=encoding) for encoding in NAMES)
                of[version.name].append(server.memory)
        with once_more("gauges", page) as other:
            of[_GAUGES].append(other.memory)
    each = {name: (many - one) / 1024 / plan.campaigns for name, (one, many) in of.items()}
    what = f"memory of each campaign, {plan.campaigns:,} campaigns"
    yield alone(what, Figure(each[""], "KiB"), Target(4.2, unit="KiB"))
    yield from compare(what, "KiB", each, {_GAUGES: Target(0.5)})
