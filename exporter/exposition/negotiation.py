"""Which format and encoding a scrape gets, by RFC 9110; what can't be read in a header is passed over."""

import math
from collections.abc import Iterator
from enum import Enum


class Format(Enum):
    """The formats, by the Content-Type that they are sent with."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_EXACTNESS = {
    Format.TEXT: {"*/*": 1, "text/*": 2, "text/plain": 3, "text/plain;0.0.4": 4},
    Format.OPENMETRICS: {
        "*/*": 1, "application/*": 2, "application/openmetrics-text": 3, "application/openmetrics-text;1.0.0": 4
    },
}  # fmt: skip
"""How exactly a media range names a format: from 3 on by its own name."""
_BY_NAME = 3
_LONGEST = 2000  # characters of a header that are read: all its lines together may have a million


def choose_format(accept: str) -> Format:
    """Choose what the client likes best; OpenMetrics only where it is asked for by name.

    A client that accepts neither gets the text format: a page that may be read beats an error that can't be.
    """
    ranges = [*_ranges(accept)]
    # Of several that name a format the most exact one counts.
    (_, text), (exactness, openmetrics) = (
        max(((known[name], quality) for name, quality in ranges if name in known), default=(0, 0.0))
        for known in _EXACTNESS.values()
    )
    is_asked_for = exactness >= _BY_NAME and openmetrics > 0
    return Format.OPENMETRICS if is_asked_for and openmetrics >= text else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the page may be sent compressed."""
    codings = dict(_ranges(accept_encoding))
    return codings.get("gzip", codings.get("*", 0.0)) > 0


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield what each element of a header names, with a version that stands there, and its quality from 0 to 1."""
    for element in header[:_LONGEST].lower().split(","):
        name, *rest = (part.strip() for part in element.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        version = f";{parameters['version']}" if "version" in parameters else ""
        yield name + version, min(max(quality, 0.0), 1.0) if math.isfinite(quality) else 0.0
