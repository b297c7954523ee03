"""Load that lasts: one process that holds many campaigns, and two shards that hold more together."""

import re
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import campaigns, meters
from tests.bench.plan import Plan
from tests.bench.programs import OVERRUNS, REQUESTS, Running, exporter, sandbox
from tests.bench.table import Figure, Row, Target, alone

_SCRAPE_EVERY = 15.0
_SHARDS = 2
_SUCCESS = re.compile(rb"^leadterra_campaign_last_success_timestamp_seconds{[^\n]*} (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class _Watched:
    """What was seen of one exporter while it held its load."""

    polls: float = 0.0
    overruns: float = 0.0
    cores: float = 0.0
    api_cores: float = 0.0
    ages: list[float] = field(default_factory=list)  # seconds, of every reading at every scrape


def hold_rows(plan: Plan) -> Iterator[Row]:
    with _holding(plan, plan.hold_campaigns, [()]) as (api, [server]):
        seen = _watch(api, [server], plan.hold_seconds)[0]
    what = f"{plan.hold_campaigns:,} campaigns every {plan.interval:.0f} s for {plan.hold_seconds:.0f} s"
    ages = sorted(seen.ages)
    late = plan.interval * 1.1
    yield alone(f"{what}: overruns", Figure(seen.overruns), Target(0))
    yield alone(f"{what}: 99 % of {len(ages):,} readings younger than", _age(ages, 0.99), Target(late, unit="s"))
    yield alone(f"{what}: oldest reading", _age(ages, 1))
    sandbox_side = f"the sandbox API: {Figure(seen.api_cores, 'cores')}"
    yield alone(f"{what}: CPU, scrapes included", Figure(seen.cores, "cores"), Target(1, unit="cores"), sandbox_side)


def _age(ages: list[float], part: float) -> Figure:
    return Figure(ages[min(len(ages) - 1, int(len(ages) * part))], "s")


def shard_rows(plan: Plan) -> Iterator[Row]:
    flags = [(f"--shard.index={index}", f"--shard.total={_SHARDS}") for index in range(_SHARDS)]
    with _holding(plan, plan.shard_campaigns, flags) as (api, servers):
        seen = _watch(api, servers, plan.shard_seconds)
    what = f"{_SHARDS} shards, {plan.shard_campaigns:,} campaigns every {plan.interval:.0f} s"
    polls = sum(shard.polls for shard in seen) / plan.shard_seconds * 60
    due = plan.shard_campaigns / plan.interval * 60
    yield alone(f"{what}: polls a minute", Figure(polls), Target(due * 0.99, at_least=True))
    yield alone(f"{what}: overruns", Figure(sum(shard.overruns for shard in seen)), Target(0))
    each = " and ".join(str(Figure(shard.cores, "cores")) for shard in seen)
    total = Figure(sum(shard.cores for shard in seen), "cores")
    yield alone(f"{what}: CPU ({each})", total, None, f"the sandbox API: {Figure(seen[0].api_cores, 'cores')}")


@contextmanager
def _holding(plan: Plan, count: int, flags: Sequence[tuple[str, ...]]) -> Iterator[tuple[Running, list[Running]]]:
    """Run the sandbox API and an exporter for each set of flags, all past their first sweeps."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        api = stack.enter_context(sandbox(count))
        config = folder / "config.yaml"
        config.write_text(campaigns.config(api.url, count, interval=plan.interval))
        servers = [stack.enter_context(exporter(config, *each)) for each in flags]
        for server in servers:
            server.wait_until_ready()
            server.wait_until_swept()
        yield api, servers


def _watch(api: Running, servers: list[Running], seconds: float) -> list[_Watched]:
    """Scrape all as a Prometheus would, every 15 s, for so long."""
    seen = [_begin(server) for server in servers]
    api_before, began = meters.cpu_seconds(api.pid), time.monotonic()
    pause, rounds = threading.Event(), max(1, round(seconds / _SCRAPE_EVERY))
    for turn in range(1, rounds + 1):
        pause.wait(began + turn * seconds / rounds - time.monotonic())
        for watched, server in zip(seen, servers, strict=True):
            watched.ages += _ages(server)
    elapsed = time.monotonic() - began
    for watched, server in zip(seen, servers, strict=True):
        watched.cores = (watched.cores + meters.cpu_seconds(server.pid)) / elapsed
        watched.api_cores = (meters.cpu_seconds(api.pid) - api_before) / elapsed
        watched.polls = (watched.polls + server.total(REQUESTS)) * seconds / elapsed
        watched.overruns += server.total(OVERRUNS)
    return seen


def _begin(server: Running) -> _Watched:
    polls, overruns = server.total(REQUESTS), server.total(OVERRUNS)
    return _Watched(polls=-polls, overruns=-overruns, cores=-meters.cpu_seconds(server.pid))


def _ages(server: Running) -> list[float]:
    """Scrape, and return how old each reading was when the scrape began, as Prometheus will judge it."""
    at = time.time()
    with server.scraper(Accept_Encoding="gzip") as scraper:
        page = zlib.decompress(scraper.get("/metrics"), 16 + zlib.MAX_WBITS)
    return [at - float(success) for success in _SUCCESS.findall(page)]
