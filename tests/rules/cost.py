"""What the rules cost a Prometheus: CPU a campaign and minute, and active series a campaign.

`python -m tests.rules.cost [--campaigns 1000 ...] [--days 2] [--rules FILE]` fills a real Prometheus with the history
that the rules look back on, scrapes an exporter of healthy campaigns with the default limits, and prints a table. The
CPU is that of the process, less that of a Prometheus which scrapes the same without rules. Evaluations come up to ten
times as often as the rules say, so that minutes are enough; what one costs does not change by that.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import promql_parser
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
from tests.rules.documents import nodes
from tests.rules.promtool import JOB, RULES
from tests.tools import wait_until

SCRAPE = 30
PERIODS = 3
"""How many evaluations of the slowest group are measured."""

Rules = dict[str, Any]


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


def reach(rules: Rules) -> dict[str, float]:
    """Return how many seconds the rules look back, by the metric's name."""
    seconds: dict[str, float] = {}
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        for node in nodes(promql_parser.parse(rule["expr"])):
            selector = getattr(node, "vector_selector", node)
            if isinstance(selector, promql_parser.VectorSelector):
                back = getattr(node, "range", timedelta()) + (selector.offset or timedelta())
                seconds[str(selector.name)] = max(seconds.get(str(selector.name), 0), back.total_seconds())
    return {name: most for name, most in seconds.items() if most}


def shown(rules: Rules) -> set[str]:
    """Return the metrics that there are of a healthy campaign: without a limit, little is recorded of it."""
    scraped = {name for name, _, _ in scraped_series()}
    recorded = (rule for group in rules["groups"] for rule in group["rules"] if "ALERTS" not in rule["expr"])
    return scraped | {
        rule["record"]
        for rule in recorded
        if rule.get("record", "").startswith("campaign:")
        and set(re.findall(r"\bleadterra_campaign_\w+_threshold\b", rule["expr"])) <= scraped
    }


def interval(group: Rules) -> float:
    """Return a group's seconds from one evaluation to the next."""
    return parse_duration(group.get("interval", f"{SCRAPE}s")) or SCRAPE


def fill(folder: Path, rules: Rules, names: set[str], campaigns: int, days: float) -> None:
    """Backfill what the rules look back on; what is recorded at the interval of its group."""
    every = {rule.get("record"): interval(group) for group in rules["groups"] for rule in group["rules"]}
    constants = {name: constant for name, _, constant in scraped_series()}
    ids, now = [f"c{number}" for number in range(campaigns)], int(time.time())
    for name in names:
        back = int(min(reach(rules)[name], days * 86400))
        times = range(now - back, now - SCRAPE, int(every.get(name, SCRAPE)))
        lines: Iterator[Line] = (
            (name, {"workspace": "acme", "campaign_id": id_, "campaign": id_},
             [recorded(name, constants.get(name, 1), id_, at) for at in times])
            for id_ in ids
        )  # fmt: skip
        backfill(written(lines, times, {"job": JOB}), folder / "data")


def spend(folder: Path, address: str, rules: Rules | None, faster: float, seconds: float) -> tuple[float, ...]:
    """Return the CPU seconds of a Prometheus that has settled, and the numbers of series scraped and recorded."""
    config: Rules = {"global": {"scrape_interval": f"{SCRAPE}s", "evaluation_interval": f"{SCRAPE}s"}}
    config["scrape_configs"] = [{"job_name": JOB, "static_configs": [{"targets": [address]}]}]
    if rules:
        groups = [{**each, "interval": f"{interval(each) * 1000 / faster:.0f}ms"} for each in rules["groups"]]
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


def measure(rules: Rules, campaigns: int, days: float) -> tuple[float, ...]:
    """Return what a campaign costs: milliseconds of CPU a minute for the rules, series scraped, series recorded."""
    faster = min(10, 20_000 / campaigns)
    seconds = max(PERIODS * max(map(interval, rules["groups"])) / faster, 60)
    names = shown(rules)
    with tempfile.TemporaryDirectory() as name, target(campaigns) as address:
        folder, bare = Path(name), Path(name) / "bare"
        bare.mkdir()
        fill(folder, rules, names & reach(rules).keys(), campaigns, days)
        without, *_ = spend(bare, address, None, 1, seconds)
        cpu, *series = spend(folder, address, rules, faster, seconds)
        milliseconds = (cpu - without) * 1000 / (seconds / 60 * faster)
        return milliseconds / campaigns, *(each / campaigns for each in series)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--campaigns", type=int, nargs="+", default=[1000])
    parser.add_argument("--days", type=float, default=2, help="days of history (default: %(default)s)")
    parser.add_argument("--rules", type=Path, default=RULES, help="others than these, to compare with")
    options = parser.parse_args()
    rules = yaml.safe_load(options.rules.read_text("utf-8"))
    print("| campaigns | CPU ms a campaign and minute | series scraped | recorded |\n|---|---|---|---|")  # noqa: T201 - a program's output
    for campaigns in options.campaigns:
        cpu, scraped, recorded = measure(rules, campaigns, options.days)
        print(f"| {campaigns} | {cpu:.2f} | {scraped:.1f} | {recorded:.1f} |", flush=True)  # noqa: T201 - a program's output


if __name__ == "__main__":
    main()
