"""Under polling load: the slowest scrape, and how long the event loop lets others wait.

The second is seen from outside, on the real command: a process of its own asks for /-/healthy every two milliseconds.
That answer needs nothing but the loop, so how late it comes is how long the loop was held, by whatever it was. nginx
is asked in the same breath; its longest answer is what the machine adds.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.bench import campaigns
from tests.bench.plan import Plan
from tests.bench.programs import Checkout, FailedError, Running, program
from tests.bench.scraping import NAMES, mirror, polled
from tests.bench.table import Figure, Row, Target, alone

_PAGES = {"status page": "/", "JSON": "/api/v1/campaigns", "/config": "/config"}
_STALL = Target(0.05, unit="s")


def rows(plan: Plan) -> Iterator[Row]:
    """Watch one version after the other."""
    with ExitStack() as stack:
        ours = stack.enter_context(polled(plan, plan.interval))
        static = stack.enter_context(mirror(ours[""])) if shutil.which("nginx") else None
        yield _slowest(ours, static, plan)
        for what in _activities(ours[""], plan):
            stalls = {name: _stall(server, static, _activities(server, plan)[what]) for name, server in ours.items()}
            yield _judge(f"longest stall of the event loop, polls and {what}, {plan.campaigns:,} campaigns", stalls)


def _slowest(ours: dict[str, Running], static: Running | None, plan: Plan) -> Row:
    subjects = {**ours, **({"nginx, static file": static} if static else {})}
    times: dict[str, list[float]] = {name: [] for name in subjects}
    with ExitStack() as stack:
        scrapers = {
            name: stack.enter_context(each.scraper(Accept_Encoding="identity")) for name, each in subjects.items()
        }
        for _ in range(plan.scrapes):
            for name, scraper in scrapers.items():
                times[name].append(scraper.time("/metrics"))
    of = {name: Figure(max(each) / median(each), "x the median") for name, each in times.items()}
    what = f"slowest of {plan.scrapes:,} plain scrapes, {plan.campaigns:,} campaigns polled"
    others = ", ".join(f"{name}: {figure}" for name, figure in of.items() if name)
    return alone(what, of[""], Target(3, unit="x the median"), others or "-")


def _activities(server: Running, plan: Plan) -> dict[str, Callable[[], None]]:
    size, names = plan.campaigns, campaigns.ids(2 * plan.campaigns)
    reloads = {"nothing changed": names[:size], "half swapped": names[size // 2 :][:size], "all swapped": names[size:]}
    return {
        **{f"{name} scrapes": partial(_get, server, "/metrics", plan, encoding) for encoding, name in NAMES.items()},
        **{name: partial(_get, server, path, plan) for name, path in _PAGES.items()},
        **{
            f"reloads, {how}": partial(_reload, server, [swapped, names[:size]], plan)
            for how, swapped in reloads.items()
        },
    }


def _get(server: Running, path: str, plan: Plan, encoding: str = "identity") -> None:
    with server.scraper(Accept_Encoding=encoding) as scraper:
        for _ in range(plan.pages):
            scraper.time(path)


def _reload(server: Running, turns: list[list[str]], plan: Plan) -> None:
    """Reload again and again, and see each time what has become of the page."""
    text = server.config.read_text()
    with server.scraper(Accept_Encoding="gzip") as scraper:
        for turn in range(2 * plan.pages):
            server.config.write_text(campaigns.swap(text, turns[turn % 2]))
            assert scraper.status("/-/reload", "POST") == 200
            scraper.time("/metrics")


def _stall(server: Running, static: Running | None, act: Callable[[], None]) -> list[float]:
    """Return the longest that each kept the probe waiting meanwhile."""
    command = Checkout().command("tests.bench.probe", *(each.url for each in (server, static) if each))
    with program(*command, stdin=subprocess.PIPE) as probe:
        assert probe.stdin
        assert probe.stdout
        if not probe.stdout.readline():
            raise FailedError("the probe ended")
        act()
        probe.stdin.close()
        return list(json.loads(probe.stdout.read()))


def _judge(what: str, stalls: dict[str, list[float]]) -> Row:
    others = [f"{name}: {Figure(each[0], 's')}" for name, each in stalls.items() if name]
    others += [f"nginx beside it: {Figure(longest, 's')}" for longest in stalls[""][1:]]
    return alone(what, Figure(stalls[""][0], "s"), _STALL, ", ".join(others) or "-")
