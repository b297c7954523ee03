"""The page as Prometheus' client libraries read it."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.exposition import Format

Labels = frozenset[tuple[str, str]]


def families(page: bytes, page_format: Format) -> list[Metric]:
    """Parse a page strictly: what cannot be parsed raises ValueError."""
    parse = {Format.TEXT: parse_text, Format.OPENMETRICS: parse_openmetrics}[page_format]
    return list(parse(page.decode()))  # type: ignore[no-untyped-call]  # ships no types here


def samples(page: bytes, page_format: Format) -> dict[tuple[str, Labels], float]:
    """Return each series' value; a series that stands twice is an error."""
    found = list(_samples(page, page_format))
    assert len(found) == len(dict(found))
    return dict(found)


def _samples(page: bytes, page_format: Format) -> Iterator[tuple[tuple[str, Labels], float]]:
    for family in families(page, page_format):
        for sample in family.samples:
            yield (sample.name, frozenset(sample.labels.items())), sample.value
