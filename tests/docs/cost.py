"""What docs/metrics.md says that a campaign costs, counted from what is exported and recorded."""

from collections.abc import Sequence
from typing import Any

from exporter.api import Stats
from exporter.config import Campaign
from exporter.exposition import METRICS_OF
from exporter.store import State
from exporter.telemetry import Telemetry
from tests import build
from tests.rules.documents import rules

RECORDED = 9
"""Series that the rules record of a campaign with the default limits while no alert is about it; a test counts them."""

_TEXT = """\
## What a campaign costs

Whoever pays for metrics pays by active series or by samples. With the default limits Prometheus holds:

| of each | series scraped | series recorded by `prometheus/rules.yaml` |
| --- | --- | --- |
| campaign | {scraped}; one more a limit added, and one while it fails | {recorded}; {most} with all limits and alerts |
| workspace | {workspace} | its sums |
| exporter | {exporter} | |

An alert that is pending or fires has two more (`ALERTS`, `ALERTS_FOR_STATE`). So a thousand campaigns of ten
workspaces are {thousand:,} series that are scraped and some {thousand_recorded:,} that are recorded. Where samples are
paid for: a series that is scraped every minute, which is enough for the rules, has 43,200 a month, and twice as many
with the `scrape_interval: 30s` of `prometheus/prometheus.yaml`. The rules record every five minutes: 8,640.

What your Prometheus holds of one campaign:

```promql
count({{campaign_id="camp_123"}})
```

Of each, on average:

```promql
count({{campaign_id!=""}}) / count(leadterra_campaign_stale_after_seconds)
```
"""


def cost() -> str:
    """Return the section."""
    telemetry = Telemetry()
    exporter = _series(telemetry)
    configure(telemetry)
    scraped, workspace = len(scraped_series()), _series(telemetry) - exporter
    return _TEXT.format(
        scraped=scraped,
        recorded=RECORDED,
        most=sum(len(_severities(rule)) or 1 for rule in rules() if rule.get("record", "").startswith("campaign:")),
        workspace=workspace,
        exporter=exporter,
        thousand=1000 * scraped + 10 * workspace + exporter,
        thousand_recorded=1000 * RECORDED,
    )


def scraped_series() -> list[tuple[str, dict[str, str], float]]:
    """Return the metric, own labels and value of each series of a campaign with the default limits."""
    state = State(build.campaign(), Stats(500, 480, 471, 9, 38, 20, 0.42, 0.08), 1.0, up=True)
    return [
        (metric.name, dict(zip(metric.labels, own, strict=True)), value)
        for metric in METRICS_OF[Campaign.kind]
        for own, value in metric.samples(state, 1.0)
    ]


def configure(telemetry: Telemetry) -> None:
    """Configure one workspace that was polled."""
    telemetry.configure([build.workspace([build.campaign()])])
    telemetry.swept("acme", 1.0)  # it has no series, and so shows no labels, before the first sweep


def _severities(rule: dict[str, Any]) -> Sequence[str]:
    """Return the severities of the limit that a rule records, none where it records another figure."""
    metrics = METRICS_OF[Campaign.kind]
    return next((metric.label_values for metric in metrics if f":{metric.name}:" in rule["record"]), ())


def _series(telemetry: Telemetry) -> int:
    return sum(len(family.samples) for family in telemetry.registry.collect())
