"""Write what follows from the code: the metric reference and the golden pages. Run as `python -m tests.generate`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import Metric as Family

from exporter import log
from exporter.errors import MEANINGS
from exporter.exposition import METRICS, Format, Metric
from exporter.telemetry import Telemetry
from tests.exposition.documented import documented_page

ROOT = Path(__file__).parents[1]

_HEAD = """\
# Metrics

All that `/metrics` shows. This page is generated from the code by `make generate`.
"""

_CAMPAIGNS = """\
## Campaigns

Every series of a campaign carries the labels `workspace`, `campaign_id` and `campaign` (its name in the
configuration, by default its id), and each label that the configuration gives to any campaign, `""` where this one
has none. So all series of a campaign have the same labels and can be joined with each other. The column "own label"
names the one that a metric has beside them.

The figures are gauges: they are readings of totals that the API keeps and may correct downwards. Query them with
`delta()`. `rate()` and `increase()` take a correction for a counter's restart: after 200 → 40 bounces `increase()`
tells of 40 new ones, `delta()` of -160.

A field that the API leaves out or sends as null has no series. After a failed poll the last good figures stay, with
`leadterra_campaign_up` at 0 and the reason in `leadterra_campaign_error`, until they are `poll.stale_after` old. Then
the figures, which are those with an API field, have no series until the next good poll; all others stay. A campaign
that is taken out of the configuration has no series from then on, and a restart shows none before its first poll has
ended.
"""

_OWN = """\
## The exporter itself

Counters have a series with 0 from the start for each workspace and each usual code; other codes get theirs when they
first occur. Beside these the page has `process_*` and `python_info` as the Python client library defines them;
`--once` leaves those out.
"""

_REASONS = """\
## Reasons of a failed poll

The label `reason` of `leadterra_campaign_error` has one of these values.
"""


def generated() -> dict[Path, bytes]:
    """Return all generated files."""
    return {
        ROOT / "docs" / "metrics.md": metric_reference().encode(),
        ROOT / "tests" / "golden" / "documented.prom": documented_page(Format.TEXT),
        ROOT / "tests" / "golden" / "documented.openmetrics": documented_page(Format.OPENMETRICS),
    }


def metric_reference() -> str:
    campaigns = _table(("metric", "type", "unit", "own label", "API field", "meaning"), map(_campaign_row, METRICS))
    own = _table(("metric", "type", "unit", "labels", "meaning"), _own_rows())
    reasons = _table(("reason", "meaning"), ((f"`{reason}`", meaning) for reason, meaning in MEANINGS.items()))
    return f"{_HEAD}\n{_CAMPAIGNS}\n{campaigns}\n{_OWN}\n{own}\n{_REASONS}\n{reasons}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _campaign_row(metric: Metric) -> tuple[str, ...]:
    return (_code(metric.name), "gauge", metric.unit, _code(metric.label), _code(metric.field), metric.help)


def _own_rows() -> Iterator[tuple[str, ...]]:
    telemetry = Telemetry(of_process=False)
    telemetry.configure([("acme", 1)])
    telemetry.swept("acme", 1.0)  # it has no series, and so shows no labels, before the first sweep
    for family in telemetry.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield _code(name), family.type, _own_unit(family.name), _own_labels(family), family.documentation


def _own_unit(name: str) -> str:
    """Read the unit from the name, whose last word it is."""
    word = name.rsplit("_", 1)[-1]
    return {"info": "1", "successful": "1 or 0", "overruns": "sweeps"}.get(word, word)


def _own_labels(family: Family) -> str:
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    return ", ".join(map(_code, labels))


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def main() -> None:
    """Write all generated files."""
    log.configure("error", "logfmt")  # the golden pages' campaign that does not exist is no news
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
