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
from tests.bench.plan import Plan, interleave
from tests.bench.programs import Checkout, Running, environment
from tests.bench.scraping import NAMES, mirror, polled
from tests.bench.table import Figure, Row, Target, alone
from tests.process import ROOT
from tests.tools import running

_PAGES = {"status page": "/", "JSON": "/api/v1/campaigns", "/config": "/config"}
_STALL = Target(0.05, unit="s")


def rows(plan: Plan) -> Iterator[Row]:
    """Watch one version after the other."""
    with ExitStack() as stack:
        ours = stack.enter_context(polled(plan, plan.interval))
        static = {"nginx, static file": stack.enter_context(mirror(ours[""]))} if shutil.which("nginx") else {}
        yield _slowest({**ours, **static}, plan)
        for what in _activities(ours[""], plan):
            stalls = {
                name: _stall([each, *static.values()], _activities(each, plan)[what]) for name, each in ours.items()
            }
            others = [f"{name}: {Figure(each[0], 's')}" for name, each in stalls.items() if name]
            others += [f"nginx beside it: {Figure(longest, 's')}" for longest in stalls[""][1:]]
            what_ = f"longest stall of the event loop, polls and {what}, {plan.campaigns:,} campaigns"
            yield alone(what_, Figure(stalls[""][0], "s"), _STALL, ", ".join(others) or "-")


def _slowest(subjects: dict[str, Running], plan: Plan) -> Row:
    with ExitStack() as stack:
        scrapers = {
            name: stack.enter_context(each.scraper(Accept_Encoding="identity")) for name, each in subjects.items()
        }
        times = interleave(plan.scrapes, {name: partial(each.time, "/metrics") for name, each in scrapers.items()})
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


def _stall(servers: list[Running], act: Callable[[], None]) -> list[float]:
    """Return the longest that each kept the probe waiting meanwhile."""
    command = Checkout().command("tests.bench.scraper", *(each.url for each in servers))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, cwd=ROOT, env=environment(), **pipes) as probe:
        assert probe.stdin
        assert probe.stdout
        assert probe.stdout.readline(), "the probe ended"
        act()
        probe.stdin.close()
        return list(json.loads(probe.stdout.read()))
