"""Under load: the slowest scrape, how long the event loop lets others wait, and many campaigns in one process."""

import gzip
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.bench import campaigns
from tests.bench.peers.servers import mirror
from tests.bench.programs import NAMES, Checkout, Plan, Running, api, environment, exporters
from tests.bench.scraping import polled
from tests.bench.table import Figure, Row, Target, alone, interleave
from tests.process import ROOT
from tests.tools import running

_PAGES = {"status page": "/", "JSON": "/api/v1/campaigns", "/config": "/config"}
_STALL = Target(0.05, unit="s")
_OVERRUNS = "leadterra_workspace_sweep_overruns_total"
_SUCCESS = re.compile(rb"^leadterra_campaign_last_success_timestamp_seconds{[^\n]*} (\S+)$", re.MULTILINE)


def rows(plan: Plan) -> Iterator[Row]:
    """Watch one version after the other."""
    with ExitStack() as stack:
        ours = stack.enter_context(polled(plan, plan.interval))
        static = {"nginx, static file": stack.enter_context(mirror(ours[""]))} if shutil.which("nginx") else {}
        yield _slowest({**ours, **static}, plan)
        for what in _activities(ours[""], plan):
            act = {name: _activities(each, plan)[what] for name, each in ours.items()}
            stalls = {name: _stall([each, *static.values()], act[name]) for name, each in ours.items()}
            others = [f"{name}: {Figure(each[0], 's')}" for name, each in stalls.items() if name]
            others += [f"nginx beside it: {Figure(longest, 's')}" for longest in stalls[""][1:]]
            title = f"longest stall of the event loop, polls and {what}, {plan.campaigns:,} campaigns"
            yield alone(title, Figure(stalls[""][0], "s"), _STALL, ", ".join(others) or "-")


def _slowest(subjects: dict[str, Running], plan: Plan) -> Row:
    with ExitStack() as stack:
        scrapers = {name: stack.enter_context(each.scraper()) for name, each in subjects.items()}
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
        **{f"reloads, {how}": partial(_reload, server, [each, names[:size]], plan) for how, each in reloads.items()},
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
            swapped = f"campaigns: [{', '.join(turns[turn % 2])}]"
            server.config.write_text(re.sub(r"campaigns: \[.*?\]", swapped, text))
            assert scraper.ask("/-/reload", "POST")[0] == 200
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


def hold_rows(plan: Plan) -> Iterator[Row]:
    """Hold many campaigns in one process, or in one of each version, scraped as by a Prometheus."""
    with api(plan.hold) as asked:
        config = campaigns.config(asked.url, campaigns.ids(plan.hold), interval=plan.interval)
        with exporters(config, plan.versions) as servers:
            before = {name: (server.total(_OVERRUNS), server.cpu) for name, server in servers.items()}
            began, ages = time.monotonic(), {name: list[float]() for name in servers}
            for turn in range(1, round(plan.hold_seconds / plan.scrape_every) + 1):
                time.sleep(max(0.0, began + turn * plan.scrape_every - time.monotonic()))
                for name, server in servers.items():
                    at = time.time()  # as Prometheus will judge how old a reading is
                    page = gzip.decompress(server.get("/metrics", Accept_Encoding="gzip"))
                    ages[name] += [at - float(success) for success in _SUCCESS.findall(page)]
            elapsed = time.monotonic() - began
            after = {name: (server.total(_OVERRUNS), server.cpu) for name, server in servers.items()}
    for name, (overruns, cpu) in after.items():
        what = f"{plan.hold:,} campaigns every {plan.interval:.0f} s for {plan.hold_seconds:.0f} s"
        what = f"{name}: {what}" if name else what
        old, young = sorted(ages[name]), Target(plan.interval * 1.1, unit="s")
        yield alone(f"{what}: overruns", Figure(overruns - before[name][0]), Target(0))
        most = Figure(old[int(0.99 * (len(old) - 1))], "s")
        yield alone(f"{what}: 99 % of {len(old):,} readings younger than", most, young)
        yield alone(f"{what}: oldest reading", Figure(old[-1], "s"))
        cores = Figure((cpu - before[name][1]) / elapsed, "cores")
        yield alone(f"{what}: CPU, scrapes included", cores, Target(1, unit="cores"))
