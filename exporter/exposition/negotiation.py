"""Which format and encoding a scrape gets, by RFC 9110; what can't be read in a header is passed over."""

import math
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple


class Format(Enum):
    """Name the formats by the Content-Type that they are sent with."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_VERSIONS = {Format.TEXT: ("text", "plain", "0.0.4"), Format.OPENMETRICS: ("application", "openmetrics-text", "1.0.0")}


_BY_NAME = 3  # how exactly a media range names a format: by its own name, above the two wildcards


class _Item(NamedTuple):
    value: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=100)  # each Prometheus sends the same ones for ever
def choose_format(accept: str) -> Format:
    """Choose what the client likes best; OpenMetrics only where it is asked for by name.

    A client that accepts neither gets the text format: a page that may be read beats an error that can't be.
    """
    ranges = list(_items(accept))
    text = _quality(ranges, Format.TEXT)
    openmetrics = _quality(ranges, Format.OPENMETRICS)
    named = any(_specificity(item, Format.OPENMETRICS) >= _BY_NAME for item in ranges)
    return Format.OPENMETRICS if named and openmetrics > 0 and openmetrics >= text else Format.TEXT


@lru_cache(maxsize=100)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether the page may be sent compressed."""
    codings = {item.value: item.quality for item in _items(accept_encoding)}
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _quality(ranges: list[_Item], offer: Format) -> float:
    matches = [(specificity, item.quality) for item in ranges if (specificity := _specificity(item, offer))]
    return max(matches, default=(0, 0.0))[1]


def _specificity(item: _Item, offer: Format) -> int:
    """Return how exactly a media range names an offer: 0 where it does not."""
    kind, subtype, version = _VERSIONS[offer]
    if item.value == "*/*":
        return 1
    if item.value == f"{kind}/*":
        return 2
    if item.value != f"{kind}/{subtype}" or item.parameters.get("version", version) != version:
        return 0
    return _BY_NAME + ("version" in item.parameters)


def _items(header: str) -> Iterator[_Item]:
    for element in header.lower().split(","):
        value, *rest = (part.strip() for part in element.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip(): content.strip().strip('"') for name, _, content in pairs}
        yield _Item(value, parameters, _weight(parameters.get("q", "1")))


def _weight(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return min(max(quality, 0.0), 1.0) if math.isfinite(quality) else 0.0
