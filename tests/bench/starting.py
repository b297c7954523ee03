"""The start, from exec to the first page and to ready, and what is in memory then."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from statistics import median

from tests.bench import campaigns
from tests.bench.plan import Plan, interleave
from tests.bench.programs import Checkout, Running, api, exporter, peer
from tests.bench.scraping import once_more
from tests.bench.table import Figure, Row, Target, alone, compare

_STOCK, _GAUGES = "stock httpx and Gauges", "Gauges"


def rows(plan: Plan) -> Iterator[Row]:
    """Start each again and again."""
    with api(plan.campaigns) as asked:
        for size, limit in ((plan.few, 0.25), (plan.campaigns, 0.6)):
            config = campaigns.config(asked.url, campaigns.ids(size))
            subjects: dict[str, Callable[[], AbstractContextManager[Running]]] = {
                **{each.name: partial(exporter, config, of=each) for each in plan.versions},
                _STOCK: partial(peer, "peers.stock", asked.url, size),
            }
            starts = interleave(plan.rounds, {name: partial(_start, each, name) for name, each in subjects.items()})
            first = {name: median(each for each, _ in of) for name, of in starts.items()}
            what = f"exec to the first page, {size:,} campaigns"
            yield alone(what, Figure(first[""], "s"), Target(limit, unit="s"))
            yield from compare(what, "s", first)
            ready = median(each for _, each in starts[""])
            yield alone(f"exec to ready, {size:,} campaigns", Figure(ready, "s"))


def _start(start: Callable[[], AbstractContextManager[Running]], name: str) -> tuple[float, float]:
    """Return the seconds to the first page and, of ours, to ready."""
    began = time.perf_counter()
    with start() as server:
        server.get("/metrics")
        first = time.perf_counter() - began
        if not name:
            server.wait_until_ready()
        return first, time.perf_counter() - began


def memory_rows(plan: Plan) -> Iterator[Row]:
    """Measure what a campaign takes in memory after a first sweep and a scrape of each encoding."""
    sizes = (1, plan.campaigns)
    of = {each.name: [_memory(size, each) for size in sizes] for each in plan.versions}
    of[_GAUGES] = [_gauges(size) for size in sizes]
    each = {name: (many - one) / 1024 / plan.campaigns for name, (one, many) in of.items()}
    what = f"memory of each campaign, {plan.campaigns:,} campaigns"
    yield alone(what, Figure(each[""], "KiB"), Target(4.2, unit="KiB"))
    yield from compare(what, "KiB", each, {_GAUGES: Target(0.5)})


def _memory(size: int, of: Checkout) -> int:
    """Return the bytes of an exporter in memory."""
    with api(size) as asked, exporter(campaigns.config(asked.url, campaigns.ids(size)), of=of) as server:
        server.wait_until_ready()
        for encoding in ("identity", "gzip"):
            server.get("/metrics", Accept_Encoding=encoding)
        return server.memory


def _gauges(size: int) -> int:
    """Return the bytes of a process in memory whose campaigns are Gauges."""
    with api(size) as asked, exporter(campaigns.config(asked.url, campaigns.ids(size))) as server:
        server.wait_until_ready()
        page = server.get("/metrics")
    with once_more("gauges", page) as other:
        other.get("/metrics")
        return other.memory
