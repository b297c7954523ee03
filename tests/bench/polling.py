"""Polls: how many a second and what each costs, at full speed and at the pace at which people run them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from statistics import median

from tests.bench import campaigns
from tests.bench.peers.servers import running_json_exporter
from tests.bench.programs import Plan, Running, api, asked, exporter, exporters, peer
from tests.bench.table import Row, Target, compare, interleave
from tests.tools import wait_until

_HTTPX, _FLOOR, _JSON_EXPORTER = "stock httpx", "aiohttp GET", "json_exporter"
_REQUESTS = "leadterra_api_requests_total"


def rows(plan: Plan) -> Iterator[Row]:
    """Poll without a pause: ours has an interval that it cannot keep."""
    with api(plan.campaigns) as asked_api:
        config = campaigns.config(asked_api.url, campaigns.ids(plan.campaigns), interval=1)
        subjects: dict[str, Callable[[], AbstractContextManager[Running]]] = {
            **{each.name: partial(exporter, config, of=each) for each in plan.versions},
            _HTTPX: partial(peer, "peers.stock", asked_api.url, plan.polls),
            _FLOOR: partial(peer, "peers.floor", asked_api.url, plan.polls),
        }
        runs = interleave(plan.rounds, {name: partial(_run, run, asked_api, plan) for name, run in subjects.items()})
    rates = {name: median(rate for rate, _ in of) for name, of in runs.items()}
    costs = {name: median(cost for _, cost in of) for name, of in runs.items()}
    yield from compare("polls a second, at full speed", "/s", rates, {_HTTPX: Target(5, at_least=True)})
    limits = {_HTTPX: Target(0.2), _FLOOR: Target(2)}
    yield from compare("CPU of a poll, at full speed", "s CPU", costs, limits)


def _run(start: Callable[[], AbstractContextManager[Running]], api: Running, plan: Plan) -> tuple[float, float]:
    """Return polls a second and CPU seconds of each, once each campaign was asked for and connections are open."""
    with start() as subject:
        first = asked(api)
        wait_until(lambda: asked(api) - first >= plan.polls, "its polls", 60, every=0.05)
        began, polls, spent = time.perf_counter(), asked(api), subject.cpu
        time.sleep(plan.polls_seconds)
        spent, polls = subject.cpu - spent, asked(api) - polls
        return polls / (time.perf_counter() - began), spent / polls


def paced_rows(plan: Plan) -> Iterator[Row]:
    """Poll as configured, all subjects at the same time, scraped as by a Prometheus."""
    names, sweeps = campaigns.ids(plan.paced), plan.paced_seconds / plan.interval
    with ExitStack() as stack:
        asked_api = stack.enter_context(api(plan.paced))
        probed = stack.enter_context(running_json_exporter())
        config = campaigns.config(asked_api.url, names, interval=plan.interval, budget=plan.paced // 20 + 1)
        ours = stack.enter_context(exporters(config, plan.versions))
        before = {name: (each.cpu, each.total(_REQUESTS)) for name, each in ours.items()}
        of_probed = probed.cpu if probed else 0
        probe = f"/probe?module=default&target={asked_api.url}/v1/campaigns"
        turns = [f"{probe}/{names[turn % plan.paced]}/stats" for turn in range(round(plan.paced * sweeps))]
        _scrape_all(ours.values(), probed, turns, plan)
        costs = {name: (ours[name].cpu - cpu) / (ours[name].total(_REQUESTS) - n) for name, (cpu, n) in before.items()}
        if probed:
            costs[_JSON_EXPORTER] = (probed.cpu - of_probed) / len(turns)
    what = f"CPU of a poll with its share of scrapes, {plan.paced:,} campaigns every {plan.interval:.0f} s"
    yield from compare(what, "s CPU", costs, {_JSON_EXPORTER: Target(0.5)})
    if not probed:
        yield Row(what, f"not measured: there is no {_JSON_EXPORTER}")


def _scrape_all(ours: Iterable[Running], probed: Running | None, probes: list[str], plan: Plan) -> None:
    """Scrape each exporter every 15 s, and probe one campaign after the other, each once an interval."""
    pace = plan.interval / plan.paced
    every = round(plan.scrape_every / pace)
    with ExitStack() as stack:
        scrapers = [stack.enter_context(each.scraper(Accept_Encoding="gzip")) for each in ours]
        for scraper in scrapers:
            scraper.time("/metrics")  # a connection that asks for nothing is closed
        prober = stack.enter_context(probed.scraper(Accept_Encoding="gzip")) if probed else None
        began = time.monotonic()
        for turn, path in enumerate(probes):
            time.sleep(max(0.0, began + turn * pace - time.monotonic()))
            if prober:
                prober.time(path)
            if turn % every == every - 1:
                for scraper in scrapers:
                    scraper.time("/metrics")
