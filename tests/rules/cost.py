"""What the rules cost a Prometheus: CPU a campaign and minute, and active series a campaign.

`python -m tests.rules.cost 1000 ...` fills a real Prometheus with the history that the rules look back on, scrapes an
exporter of so many healthy campaigns with the default limits, and prints a table. The CPU is that of the process, less
that of a Prometheus which scrapes the same without rules. Evaluations come up to ten times as often as the rules say,
so that minutes are enough; what one costs does not change by that.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from exporter.api import Stats
from exporter.config import Campaign
from exporter.config.times import parse_duration
from exporter.exposition import METRICS_OF
from exporter.store import State
from tests import build
from tests.build import write_config
from tests.fake_api import FakeApi
from tests.grafana.history import Line, backfill, written
from tests.monitoring import query, running_prometheus
from tests.process import LISTEN, running_exporter
from tests.rules.documents import rules
from tests.rules.promtool import AS_SHIPPED, JOB
from tests.tools import wait_until

SCRAPE, LOOK_BACK, HISTORY = 30, 3600, 2 * 86400
"""Seconds between scrapes, and those that are backfilled of what is scraped and of what is recorded."""


def figures(campaign_id: str, at: float | None = None) -> dict[str, Any]:
    """Return the figures of a campaign that sends 20 to 59 emails an hour, of which 2 % bounce."""
    campaign, now = int(campaign_id[1:]), (at or time.time()) % 1e6
    sent = int(2000 + campaign % 500 + now * (20 + campaign % 40) / 3600)
    parts = {"delivered": int(sent * 0.98), "bounced": int(sent * 0.02), "replied": int(sent * 0.03)}
    return {"campaignId": campaign_id, "totalEnrolled": sent, "sent": sent, **parts, "queued": 20, "openRate": 0.42}


@contextmanager
def target(campaigns: int) -> Iterator[str]:
    """Run an exporter that polls each campaign once a minute; yields its address."""
    with tempfile.TemporaryDirectory() as folder, FakeApi(figures=figures) as api:
        ids = [f"c{number}" for number in range(campaigns)]
        config = write_config(Path(folder), api.url, *ids, poll=("1m", "5m"))
        with running_exporter(config, LISTEN) as exporter:
            exporter.wait_for("/-/ready", "is ready")
            yield exporter.url.removeprefix("http://")


def scraped_series() -> list[tuple[str, dict[str, str], float]]:
    """Return the metric, own labels and value of each series of a campaign with the default limits."""
    state = State(build.campaign(), Stats(500, 480, 471, 9, 38, 20, 0.42, 0.08), 1.0, up=True)
    return [
        (metric.name, dict(zip(metric.labels, own, strict=True)), value)
        for metric in METRICS_OF[Campaign.kind]
        for own, value in metric.samples(state, 1.0)
    ]


def recorded(name: str, constant: float, campaign_id: str, at: float) -> float:
    """Return what a series was worth: one of a figure, or else what it is of any campaign."""
    fields = (metric.field for metric in METRICS_OF[Campaign.kind] if metric.field and f"{metric.name}:" in f"{name}:")
    return float(figures(campaign_id, at).get(next(fields, ""), constant))


def recorded_names() -> set[str]:
    """Return what is recorded of a healthy campaign: without a limit, little is."""
    scraped = {name for name, _, _ in scraped_series()}
    return {
        rule["record"]
        for rule in rules()
        if rule.get("record", "").startswith("campaign:")
        and set(re.findall(r"\bleadterra_campaign_\w+_threshold\b", rule["expr"])) <= scraped
    }


def interval(group: dict[str, Any]) -> float:
    """Return a group's seconds from one evaluation to the next."""
    return parse_duration(group["interval"]) or 0


def fill(folder: Path, campaigns: int) -> None:
    """Backfill what the rules look back on; what is recorded at the interval of its group."""
    every = {rule.get("record"): interval(group) for group in AS_SHIPPED["groups"] for rule in group["rules"]}
    constants, now = {name: constant for name, _, constant in scraped_series()}, int(time.time())
    for name in constants.keys() | recorded_names():
        times = range(now - (LOOK_BACK if name in constants else HISTORY), now - SCRAPE, int(every.get(name, SCRAPE)))
        lines: Iterator[Line] = (
            (name, {"workspace": "acme", "campaign_id": id_, "campaign": id_},
             [recorded(name, constants.get(name, 1), id_, at) for at in times])
            for id_ in (f"c{number}" for number in range(campaigns))
        )  # fmt: skip
        backfill(written(lines, times, {"job": JOB}), folder / "data")


def spend(folder: Path, address: str, faster: float | None, seconds: float) -> tuple[float, ...]:
    """Return the CPU seconds of a Prometheus that has settled, and the numbers of series scraped and recorded.

    `faster` is how many times as often as they say the rules are evaluated; None is a Prometheus without rules.
    """
    config: dict[str, Any] = {"global": {"scrape_interval": f"{SCRAPE}s", "evaluation_interval": f"{SCRAPE}s"}}
    config["scrape_configs"] = [{"job_name": JOB, "static_configs": [{"targets": [address]}]}]
    if faster:
        groups = [{**each, "interval": f"{interval(each) * 1000 / faster:.0f}ms"} for each in AS_SHIPPED["groups"]]
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), "utf-8")
        config["rule_files"] = ["rules.yaml"]
    with running_prometheus(folder, json.dumps(config)) as url:
        wait_until(lambda: query(url, f'up{{job="{JOB}"}} == 1'), "the first scrape", 120)
        time.sleep(1.5 * SCRAPE)
        began = own(url, "process_cpu_seconds_total")
        time.sleep(seconds)
        spent = own(url, "process_cpu_seconds_total") - began
        if missed := own(url, "prometheus_rule_group_iterations_missed_total"):
            raise SystemExit(f"this machine is too slow or too busy: {missed:.0f} evaluations were left out")
        counted = (f'{{__name__=~"leadterra_campaign_.+",instance="{address}"}}', '{__name__=~".+:.+|ALERTS.*"}')
        return spent, *(query(url, f"count({each})").get("", 0) for each in counted)


def own(url: str, name: str) -> float:
    """Return the sum of one of Prometheus' own metrics."""
    return sum(map(float, re.findall(rf"(?m)^{name}(?:{{.*}})? (\S+)$", httpx.get(f"{url}/metrics").text)))


def measure(campaigns: int) -> tuple[float, ...]:
    """Return what a campaign costs: milliseconds of CPU a minute for the rules, series scraped, series recorded."""
    faster = min(10, 20_000 / campaigns)
    seconds = max(3 * max(map(interval, AS_SHIPPED["groups"])) / faster, 60)  # three evaluations of the slowest group
    with tempfile.TemporaryDirectory() as name, target(campaigns) as address:
        folder, bare = Path(name), Path(name) / "bare"
        bare.mkdir()
        fill(folder, campaigns)
        without, *_ = spend(bare, address, None, seconds)
        cpu, *series = spend(folder, address, faster, seconds)
        return tuple(each / campaigns for each in ((cpu - without) * 1000 / (seconds / 60 * faster), *series))


if __name__ == "__main__":
    print("| campaigns | CPU ms a campaign and minute | series scraped | recorded |\n|---|---|---|---|")  # noqa: T201 - a program's output
    for number in map(int, sys.argv[1:] or ["1000"]):
        print(f"| {number} |", *(f"{each:.2f} |" for each in measure(number)), flush=True)  # noqa: T201 - a program's output
