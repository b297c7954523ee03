"""Scrapes: what each costs against a custom collector's, and pages a second against nginx."""

import gzip
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import campaigns, meters
from tests.bench.peers import nginx
from tests.bench.plan import Plan
from tests.bench.programs import Running, ask, subject
from tests.bench.rounds import interleave
from tests.bench.scraper import wrk
from tests.bench.table import Figure, Row, Target, against, missing
from tests.tools import free_port

NAMES = {"identity": "plain", "gzip": "gzip"}
_OUR_SCRAPES = 5  # to one of the collector's, which takes as long as a hundred of ours
_CONNECTIONS = 4
_Subject = tuple[subprocess.Popen[str], Running]


@contextmanager
def ours(plan: Plan) -> Iterator[_Subject]:
    """Run this exporter with a reading of every campaign."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config("http://127.0.0.1:9", plan.campaigns))
        with subject("tests.bench.ours", "serve", str(config)) as running:
            yield running


def cost_rows(plan: Plan) -> Iterator[Row]:
    collector = ("tests.bench.peers.collector", str(plan.campaigns), str(free_port()))
    with ours(plan) as own, subject(*collector) as peer:
        for encoding, touched in product(NAMES, (False, True)):
            subjects: dict[str, Callable[[], float]] = {
                "": partial(_scrape, own, encoding, _OUR_SCRAPES, touched=touched),
                "custom collector": partial(_scrape, peer, encoding, 1, touched=touched),
            }
            _scrape(own, encoding, 1, touched=touched)
            spent = interleave(plan.rounds, subjects)
            mine, other = (meters.cost(median(each), 1, name) for name, each in spent.items())
            since = "a quarter polled since the last" if touched else "nothing changed"
            size = f"{plan.campaigns:,} x {campaigns.SERIES} series"
            yield against(f"CPU of a {NAMES[encoding]} scrape, {size}, {since}", mine, other, Target(0.02))


def _scrape(running: _Subject, encoding: str, scrapes: int, *, touched: bool) -> float:
    """Return what a scrape costs; the readings that change before it are not counted."""
    process, server = running
    spent = meters.meter(server.pid)
    with server.scraper(Accept_Encoding=encoding) as scraper:
        for _ in range(scrapes):
            if touched:
                ask(process, "touch")
            with spent:
                scraper.time("/metrics")
    return spent.total() / scrapes


def rate_rows(plan: Plan) -> Iterator[Row]:
    for program in ("nginx", "wrk"):
        if shutil.which(program) is None:
            yield missing("pages a second", program)
            return
    with ExitStack() as stack:
        _, own = stack.enter_context(ours(plan))
        static = stack.enter_context(mirror(own))
        for encoding, name in NAMES.items():
            subjects = {
                of: partial(wrk, f"{url}/metrics", plan.wrk_seconds, _CONNECTIONS, Accept_Encoding=encoding)
                for of, url in (("", own.url), ("nginx, static file", static.url))
            }
            rates = interleave(plan.rounds, subjects)
            mine, other = (Figure(median(each), "/s", of) for of, each in rates.items())
            what = f"{name} pages a second, {_CONNECTIONS} connections, {plan.campaigns:,} campaigns"
            yield against(what, mine, other, Target(0.9, at_least=True))


@contextmanager
def mirror(server: Running) -> Iterator[Running]:
    """Serve by nginx what a server's page is now, byte by byte."""
    with TemporaryDirectory() as folder, server.scraper(Accept_Encoding="identity") as plain:
        with server.scraper(Accept_Encoding="gzip") as compressed:
            pages = plain.get("/metrics"), compressed.get("/metrics")
        assert gzip.decompress(pages[1])[:1000] == pages[0][:1000]
        with nginx.running(Path(folder), *pages) as running:
            yield running
