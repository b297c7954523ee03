"""The colours stay apart for colour-blind readers and stand out on both of Grafana's grounds."""

import itertools
import math
from collections.abc import Sequence

import pytest

from grafana.colours import CRITICAL, FINE, LINES, NEUTRAL, WARNING

_LIGHT, _DARK = "#FFFFFF", "#181B1F"

_SEEN_BY = {  # Machado, Oliveira and Fernandes (2009), full deficiency, on linear light
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def _light(colour: str) -> list[float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_product((0.2126, 0.7152, 0.0722), _light(each)) + 0.05 for each in (one, other))
    return high / low


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _lab(light: Sequence[float]) -> tuple[float, float, float]:
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    x, y, z = (
        math.cbrt(part) if (part := _product(row, light) / white) > 0.008856 else 7.787 * part + 16 / 116
        for row, white in zip(rows, (0.95047, 1, 1.08883), strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _apart(one: str, other: str, eyes: str) -> float:
    """Return the distance of two colours in CIELAB, as someone sees them; about 2 can just be told apart."""
    seen = ([max(0.0, _product(row, _light(each))) for row in _SEEN_BY[eyes]] for each in (one, other))
    return math.dist(*(_lab(light) for light in seen))


@pytest.mark.parametrize("ground", [_LIGHT, _DARK])
@pytest.mark.parametrize("colour", sorted({FINE, WARNING, CRITICAL, NEUTRAL, *LINES}))
def test_it_stands_out(colour: str, ground: str) -> None:
    assert _contrast(colour, ground) >= 3  # what WCAG asks of what is not text


@pytest.mark.parametrize("eyes", _SEEN_BY)
@pytest.mark.parametrize("together", [(FINE, WARNING, CRITICAL), LINES], ids=["states", "lines"])
def test_they_stay_apart(together: Sequence[str], eyes: str) -> None:
    for one, other in itertools.combinations(together, 2):
        assert _apart(one, other, eyes) >= 15, (one, other)


def test_the_measure_tells_what_a_reader_without_green_sees() -> None:
    assert _apart("#00AA00", "#C87800", "all") > 60
    assert _apart("#00AA00", "#C87800", "no green") < 30
