"""Polls: how many a second and what each costs, against stock httpx and against bare GETs."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench import campaigns, meters
from tests.bench.plan import Plan
from tests.bench.programs import FailedError, Running, ask, hear, module, program, sandbox
from tests.bench.rounds import interleave
from tests.bench.scraper import wrk
from tests.bench.table import Figure, Row, Target, against, missing

_HTTPX, _FLOOR = "stock httpx", "aiohttp GET"


@dataclass(frozen=True, slots=True)
class _Run:
    rate: float
    first: float  # of the meter, over all campaigns' first polls
    spent: float  # the same over the polls that follow
    api_share: float  # of a core that the sandbox took


def rows(plan: Plan) -> Iterator[Row]:
    with TemporaryDirectory() as folder, sandbox(plan.polls) as api:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config(api.url, plan.polls, in_flight=plan.in_flight))
        arguments = (api.url, str(plan.polls), str(plan.in_flight))
        commands = {
            "": module("tests.bench.ours", "poll", str(config)),
            _HTTPX: module("tests.bench.peers.gauges", "poll", *arguments),
            _FLOOR: module("tests.bench.peers.floor", *arguments),
        }
        runs = interleave(plan.rounds, {name: partial(_run, command, api) for name, command in commands.items()})
        yield from _compare(runs, plan)
        yield _ceiling(api, runs, plan)


def _run(command: list[str], api: Running) -> _Run:
    with program(*command) as process:
        expected = hear(process)["campaigns"]
        first, _ = _sweep(process, expected)  # connections are opened, series are made
        before = meters.cpu_seconds(api.pid)
        spent, seconds = _sweep(process, expected)
        share = (meters.cpu_seconds(api.pid) - before) / seconds
        return _Run(expected / seconds, first, spent, share)


def _sweep(process: subprocess.Popen[str], expected: int) -> tuple[float, float]:
    """Let a subject ask all campaigns once; return what the meter counted, and the seconds it took."""
    spent = meters.meter(process.pid)
    with spent:
        told = ask(process, "go")
    if told["polls"] != expected:
        raise FailedError(f"{process.args!r}: only {told['polls']} of {expected} polls succeeded")
    return spent.total(), told["seconds"]


def _compare(runs: dict[str, list[_Run]], plan: Plan) -> Iterator[Row]:
    rates = {name: Figure(median(run.rate for run in of), "/s", name) for name, of in runs.items()}
    costs = {name: meters.cost(median(run.spent for run in of), plan.polls, name) for name, of in runs.items()}
    what = f"polls, {plan.in_flight} in flight"
    yield against(f"{what}: a second", rates[""], rates[_HTTPX], Target(5, at_least=True))
    yield against(f"{what}: CPU each", costs[""], costs[_HTTPX], Target(0.2))
    yield against(f"{what}: a second", rates[""], rates[_FLOOR])
    yield against(f"{what}: CPU each", costs[""], costs[_FLOOR], Target(2))
    first = {name: meters.cost(median(run.first for run in of), plan.polls, name) for name, of in runs.items()}
    yield against("the first poll of each campaign: CPU each", first[""], first[_FLOOR])


def _ceiling(api: Running, runs: dict[str, list[_Run]], plan: Plan) -> Row:
    """Show that the sandbox API could have answered more than it was asked."""
    what = "the sandbox API is no bottleneck: its own requests a second"
    if shutil.which("wrk") is None:
        return missing(what, "wrk")
    path = f"/v1/campaigns/{campaigns.ids(1)[0]}/stats"
    most = wrk(api.url + path, plan.wrk_seconds, plan.in_flight, Authorization=f"Bearer {campaigns.KEY}")
    busiest = runs[""]  # the bare GETs ask more, but only their CPU is judged
    asked = Figure(median(run.rate for run in busiest), "/s", "asked by this exporter")
    share = median(run.api_share for run in busiest)
    return against(f"{what} (then {share:.0%} of a core)", Figure(most, "/s"), asked, Target(1.5, at_least=True))
