"""Which format and encoding a scrape gets, by RFC 9110; what can't be read in a header is passed over."""

import math
from enum import Enum
from typing import NamedTuple


class Format(Enum):
    """The formats, by the Content-Type that they are sent with."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_VERSIONS = {Format.TEXT: ("text", "plain", "0.0.4"), Format.OPENMETRICS: ("application", "openmetrics-text", "1.0.0")}

_BY_NAME = 3  # how exactly a media range names a format: by its own name, above the two wildcards
_LONGEST = 2000  # characters of a header that are read: all its lines together may have a million


class _MediaRange(NamedTuple):
    value: str
    parameters: dict[str, str]
    quality: float


def choose_format(accept: str) -> Format:
    """Choose what the client likes best; OpenMetrics only where it is asked for by name.

    A client that accepts neither gets the text format: a page that may be read beats an error that can't be.
    """
    ranges = _media_ranges(accept)
    (_, text), (exactness, openmetrics) = _best(ranges, Format.TEXT), _best(ranges, Format.OPENMETRICS)
    is_asked_for = exactness >= _BY_NAME and openmetrics > 0
    return Format.OPENMETRICS if is_asked_for and openmetrics >= text else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the page may be sent compressed."""
    codings = {coding.value: coding.quality for coding in _media_ranges(accept_encoding)}
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _best(ranges: list[_MediaRange], offer: Format) -> tuple[int, float]:
    """Return how exactly the most exact media range names an offer, 0 where none does, and its quality."""
    return max(
        ((exactness, each.quality) for each in ranges if (exactness := _exactness(each, offer))), default=(0, 0.0)
    )


def _exactness(media_range: _MediaRange, offer: Format) -> int:
    kind, subtype, version = _VERSIONS[offer]
    if media_range.value in ("*/*", f"{kind}/*"):
        return 1 if media_range.value == "*/*" else 2
    if media_range.value != f"{kind}/{subtype}" or media_range.parameters.get("version", version) != version:
        return 0
    return _BY_NAME + ("version" in media_range.parameters)


def _media_ranges(header: str) -> list[_MediaRange]:
    return [_media_range(element) for element in header[:_LONGEST].lower().split(",")]


def _media_range(element: str) -> _MediaRange:
    value, *rest = (part.strip() for part in element.split(";"))
    pairs = (part.partition("=") for part in rest)
    parameters = {name.strip(): content.strip().strip('"') for name, _, content in pairs}
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return _MediaRange(value, parameters, min(max(quality, 0.0), 1.0) if math.isfinite(quality) else 0.0)
