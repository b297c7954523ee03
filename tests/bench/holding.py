"""What growing costs, one process that holds many campaigns, and two shards that hold more together."""

import gzip
import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench import campaigns
from tests.bench.plan import Plan
from tests.bench.programs import OVERRUNS, REQUESTS, Running, api, exporter, exporters
from tests.bench.table import Figure, Row, Target, alone, number

_SHARDS = 2
_POLLS_A_SECOND = 100
_SUCCESS = re.compile(rb"^leadterra_campaign_last_success_timestamp_seconds{[^\n]*} (\S+)$", re.MULTILINE)
_FLAT = Target(1.1)  # a tenth is the noise of this measurement


def growth_rows(plan: Plan) -> Iterator[Row]:
    """Poll all sizes at one pace, so that only the number of campaigns differs."""
    base = min(_grown(1, plan)[1] for _ in range(plan.rounds))
    sizes = [_grown(size, plan) for size in plan.growth]
    polls = [Figure(cost, "s CPU") for cost, _ in sizes]
    memory = [Figure((grown - base) / 1024 / size, "KiB") for size, (_, grown) in zip(plan.growth, sizes, strict=True)]
    names = ", ".join(f"{size:,}" for size in plan.growth)
    for what, figures in (("CPU of a poll", polls), ("memory of each campaign", memory)):
        ratio = figures[-1].value / (figures[0].value or math.nan)
        row = alone(f"{what} at {names} campaigns", Figure(ratio), _FLAT)
        yield Row(row.what, ", ".join(map(str, figures)), "-", number(ratio), row.target, row.held)


def _grown(size: int, plan: Plan) -> tuple[float, float]:
    """Return what a poll costs, and the bytes in memory after a scrape."""
    with api(size) as asked:
        config = campaigns.config(asked.url, campaigns.ids(size), interval=max(1.0, size / _POLLS_A_SECOND))
        with exporter(config) as server:
            server.wait_until_ready()
            spent, polls = server.cpu, server.total(REQUESTS)
            time.sleep(plan.growth_seconds)
            spent = server.cpu - spent
            return spent / (server.total(REQUESTS) - polls), server.memory


@dataclass(slots=True)
class _Watched:
    """What was seen of one exporter while it held its load."""

    polls: float = 0.0
    overruns: float = 0.0
    cores: float = 0.0
    ages: list[float] = field(default_factory=list)  # seconds, of every reading at every scrape


def hold_rows(plan: Plan) -> Iterator[Row]:
    """Measure many campaigns in one process, or in one of each version."""
    with api(plan.hold) as asked:
        config = campaigns.config(asked.url, campaigns.ids(plan.hold), interval=plan.interval)
        with exporters(config, plan.versions) as servers:
            watched = _watch(list(servers.values()), plan.hold_seconds, plan)
    for name, seen in zip(servers, watched, strict=True):
        what = f"{plan.hold:,} campaigns every {plan.interval:.0f} s for {plan.hold_seconds:.0f} s"
        what = f"{name}: {what}" if name else what
        ages, young = sorted(seen.ages), Target(plan.interval * 1.1, unit="s")
        yield alone(f"{what}: overruns", Figure(seen.overruns), Target(0))
        most = Figure(ages[int(0.99 * (len(ages) - 1))], "s")
        yield alone(f"{what}: 99 % of {len(ages):,} readings younger than", most, young)
        yield alone(f"{what}: oldest reading", Figure(ages[-1], "s"))
        yield alone(f"{what}: CPU, scrapes included", Figure(seen.cores, "cores"), Target(1, unit="cores"))


def shard_rows(plan: Plan) -> Iterator[Row]:
    """Measure more in two processes."""
    with api(plan.sharded) as asked, ExitStack() as stack:
        config = campaigns.config(asked.url, campaigns.ids(plan.sharded), interval=plan.interval)
        flags = [(f"--shard.index={index}", f"--shard.total={_SHARDS}") for index in range(_SHARDS)]
        servers = [stack.enter_context(exporter(config, *each)) for each in flags]
        for server in servers:
            server.wait_until_ready()
        seen = _watch(servers, plan.sharded_seconds, plan)
    what = f"{_SHARDS} shards, {plan.sharded:,} campaigns every {plan.interval:.0f} s"
    polls = sum(shard.polls for shard in seen) / plan.sharded_seconds * 60
    due = plan.sharded / plan.interval * 60
    yield alone(f"{what}: polls a minute", Figure(polls), Target(due * 0.99, at_least=True))
    yield alone(f"{what}: overruns", Figure(sum(shard.overruns for shard in seen)), Target(0))
    each = " and ".join(str(Figure(shard.cores, "cores")) for shard in seen)
    yield alone(f"{what}: CPU ({each})", Figure(sum(shard.cores for shard in seen), "cores"))


def _watch(servers: Sequence[Running], seconds: float, plan: Plan) -> list[_Watched]:
    """Scrape all as a Prometheus would for so long."""
    seen = [_Watched(-server.total(REQUESTS), -server.total(OVERRUNS), -server.cpu) for server in servers]
    began, rounds = time.monotonic(), max(1, round(seconds / plan.scrape_every))
    for turn in range(1, rounds + 1):
        time.sleep(max(0.0, began + turn * seconds / rounds - time.monotonic()))
        for watched, server in zip(seen, servers, strict=True):
            watched.ages += _ages(server)
    elapsed = time.monotonic() - began
    for watched, server in zip(seen, servers, strict=True):
        watched.cores = (watched.cores + server.cpu) / elapsed
        watched.polls = (watched.polls + server.total(REQUESTS)) * seconds / elapsed
        watched.overruns += server.total(OVERRUNS)
    return seen


def _ages(server: Running) -> list[float]:
    """Scrape, and return how old each reading was when the scrape began, as Prometheus will judge it."""
    at = time.time()
    page = gzip.decompress(server.get("/metrics", Accept_Encoding="gzip"))
    return [at - float(success) for success in _SUCCESS.findall(page)]
