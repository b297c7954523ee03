"""Durations as Prometheus writes them: 90s, 5m, 1h30m, 500ms."""

import re

_SECONDS = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _SECONDS))


def parse(text: str) -> float | None:
    """Return a duration in seconds, None where the text is no duration. Units stand in descending order."""
    match = _DURATION.fullmatch(text)
    if not text or not match:
        return None
    return round(sum(int(n or 0) * unit for n, unit in zip(match.groups(), _SECONDS.values(), strict=True)), 3)


def write(seconds: float) -> str:
    """Write a duration of whole milliseconds, in days and smaller units."""
    left = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, round(_SECONDS[unit] * 1000))
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"
