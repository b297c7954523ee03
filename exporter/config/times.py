"""What durations, days, hours and time zones may be, and what to write for what people write in their place."""

import re
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import TypeAlias

from exporter.config.checks import text
from exporter.document.item import Item

YEAR = 365 * 86400.0
_SECONDS = {"y": YEAR, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in _SECONDS))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WHOLE_DAY = 24 * 60
Window: TypeAlias = tuple[int, int]
"""From one minute of a day to before another; a window over midnight belongs to the day that it begins on."""
_WINDOW = r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]|24(?=:00)):([0-5][0-9])"
_LIKE_A_WINDOW = r"([0-9]{1,2})(?:[:.]([0-9]{2}))? ?(?:-|to|\u2013) ?([0-9]{1,2})(?:[:.]([0-9]{2}))?"
_NO_ZONE = "(posix|right)/|(localtime|posixrules|Factory)$"
"""Files beside those of time zones; what two of them mean depends on the machine."""
_LIKE_DAYS = r"([a-z]{3})[a-z]*(?: ?(?:-|to|\u2013) ?([a-z]{3})[a-z]*)?"


def parse_duration(text: str) -> float | None:
    """Return a duration as Prometheus writes it, such as 1h30m, in seconds; None where the text is none."""
    match = _DURATION.fullmatch(text)
    if not text or not match:
        return None
    return round(sum(int(n or 0) * unit for n, unit in zip(match.groups(), _SECONDS.values(), strict=True)), 3)


def write_duration(seconds: float) -> str:
    """Write a duration of whole milliseconds, in days and smaller units."""
    left, parts = round(seconds * 1000), ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, round(_SECONDS[unit] * 1000))
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"


def duration(item: Item, lowest: float, highest: float) -> float:
    """Return a duration between two others, both included, in seconds."""
    seconds = parse_duration(item.value) if isinstance(item.value, str) else None
    if seconds is None:
        raise ValueError(f"{item.shown} is not a duration: write it like 90s, 5m, 72h or 1d")
    if not lowest <= seconds <= highest:
        limits = f"{write_duration(lowest)} to {write_duration(highest)}"
        raise ValueError(f"{item.shown} is out of range: write a duration from {limits}")
    return seconds


def day(item: Item) -> int:
    """Return a day of the week, Monday as 0."""
    if item.value in DAYS:
        return DAYS.index(item.value)
    first, last = like.groups() if (like := re.fullmatch(_LIKE_DAYS, item.text.lower())) else ("", "")
    meant = f"{', '.join(DAYS[:-1])} or {DAYS[-1]}"
    if first in DAYS and (last or first) in DAYS:
        begin, end = DAYS.index(first), DAYS.index(last or first)
        meant = ", ".join((DAYS + DAYS)[begin : (end if end >= begin else end + len(DAYS)) + 1])
    raise ValueError(f"{item.shown} is not a day: write {meant}")


def window(item: Item) -> Window:
    """Return a window of hours."""
    if not isinstance(item.value, str) or not (match := re.fullmatch(_WINDOW, item.value)):
        like = re.fullmatch(_LIKE_A_WINDOW, item.text)
        nearest = f"{like[1]:0>2}:{like[2] or '00'}-{like[3]:0>2}:{like[4] or '00'}" if like else ""
        advice = nearest if re.fullmatch(_WINDOW, nearest) else "it like 09:00-17:00"
        raise ValueError(f"{item.shown} is no window of hours: write {advice}")
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if begin == end:
        raise ValueError(f"{item.shown} ends when it begins: write 00:00-24:00 for the whole day")
    return begin, end if begin < end else end + WHOLE_DAY


def write_window(window: Window) -> str:
    """Return a window as the configuration has it."""
    begin, end = window
    end -= WHOLE_DAY if end > WHOLE_DAY else 0
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


def zone(name: str) -> tzinfo:
    """Return a time zone. Raises KeyError, ValueError or OSError where there is none of that name."""
    if name == "UTC":  # which is known where no other is
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - who stays with UTC is spared 3 ms of the start

    return ZoneInfo(name)


def timezone(item: Item) -> str:
    """Return the name of a time zone."""
    name = text(item)
    try:
        if not re.match(_NO_ZONE, name):
            zone(name)
            return name
    except (KeyError, ValueError, OSError):
        pass
    raise ValueError(f"{item.shown} is no time zone: {_zone_advice(name)}")


def _zone_advice(name: str) -> str:
    from zoneinfo import available_timezones  # noqa: PLC0415 - as above

    known = sorted(available_timezones(), key=len, reverse=True)
    zones = {zone.rpartition("/")[2].lower(): zone for zone in known if not re.match(_NO_ZONE, zone)}
    zones |= {zone.lower(): zone for zone in zones.values()}
    near = get_close_matches(name.lower().replace(" ", "_"), zones, n=1, cutoff=0.75)
    if not zones:
        return "there are none on this machine, install tzdata or write UTC"
    return f'did you mean "{zones[near[0]]}"?' if near else "write one like Europe/Berlin"
