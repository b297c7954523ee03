"""Under polling load: the slowest scrape, and how long the event loop lets others wait.

The second is seen from outside, on the real command: a process of its own asks for /-/healthy every two milliseconds.
That answer needs nothing but the loop, so how late it comes is how long the loop was held, by whatever it was. nginx
is asked in the same breath; its longest answer is what the machine adds.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import campaigns
from tests.bench.plan import Plan
from tests.bench.programs import Running, ask, exporter, hear, module, program, sandbox
from tests.bench.scraping import NAMES, mirror
from tests.bench.table import Figure, Row, Target, alone

_PAGES = {"status page": "/", "JSON": "/api/v1/campaigns", "/config": "/config"}
_STALL = Target(0.05, unit="s")


@contextmanager
def _polling(plan: Plan) -> Iterator[Running]:
    with TemporaryDirectory() as folder, sandbox(plan.campaigns) as api:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config(api.url, plan.campaigns, interval=plan.interval))
        with exporter(config) as server:
            server.wait_until_ready()
            yield server


def rows(plan: Plan) -> Iterator[Row]:
    with ExitStack() as stack:
        server = stack.enter_context(_polling(plan))
        static = stack.enter_context(mirror(server)) if shutil.which("nginx") else None
        for encoding in plan.encodings:
            yield _slowest(server, static, encoding, plan)
        probe = stack.enter_context(program(*module("tests.bench.probe", server.url, static.url if static else "")))
        hear(probe)
        for name, act in _activities(server, plan).items():
            yield _stall(probe, name, act, plan)


def _slowest(server: Running, static: Running | None, encoding: str, plan: Plan) -> Row:
    names = ["", "nginx, static file"] if static else [""]
    times: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        scrapers = [
            stack.enter_context(each.scraper(Accept_Encoding=encoding)) for each in (server, static) if each is not None
        ]
        for scraper in scrapers:
            scraper.time("/metrics")
        for _ in range(plan.scrapes):
            for each, scraper in zip(times.values(), scrapers, strict=True):
                each.append(scraper.time("/metrics"))
    mine, *others = (Figure(max(each) / median(each), "x the median", of) for of, each in times.items())
    what = (
        f"slowest of {plan.scrapes:,} {NAMES[encoding]} scrapes under polling load, {plan.campaigns:,} campaigns "
        f"(median {median(times['']) * 1000:.3g} ms)"
    )
    return alone(what, mine, Target(3, unit="x the median"), *map(str, others))


def _activities(server: Running, plan: Plan) -> dict[str, Callable[[], None]]:
    return {
        **{
            f"{name} scrapes": partial(_get, server, "/metrics", plan.pages, encoding)
            for encoding, name in NAMES.items()
        },
        **{name: partial(_get, server, path, plan.pages) for name, path in _PAGES.items()},
        "reload": partial(_reload, server, plan.pages),
    }


def _get(server: Running, path: str, times: int, encoding: str = "identity") -> None:
    with server.scraper(Accept_Encoding=encoding) as scraper:
        for _ in range(times):
            scraper.time(path)


def _reload(server: Running, times: int) -> None:
    with server.scraper() as scraper:
        for _ in range(times):
            assert scraper.status("/-/reload", "POST") == 200


def _stall(probe: subprocess.Popen[str], name: str, act: Callable[[], None], plan: Plan) -> Row:
    ask(probe, "begin")
    act()
    longest = ask(probe, "end")
    what = f"longest stall of the event loop, polls and {name}, {plan.campaigns:,} campaigns"
    peer = Figure(longest[1], "s", "nginx beside it") if len(longest) > 1 else None
    return alone(what, Figure(longest[0], "s"), _STALL, *([str(peer)] if peer else []))
