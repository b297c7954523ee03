"""What was seen of the faults, as a table for people."""

from collections.abc import Sequence

from tests.faults.play import Seen

_HEAD = (
    "fault",
    "shows",
    "recovery, intervals",
    "others' longest gap, s",
    "requests",
    "in s",
    "slowest scrape, ms",
    "memory peak, MiB",
    "after, MiB",
    "descriptors after",
)


def table(seen: Sequence[Seen]) -> str:
    rows = [_HEAD, *(_row(one) for one in seen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(seen: Seen) -> tuple[str, ...]:
    return (
        seen.fault.name,
        seen.fault.reason or "nothing",
        "none needed" if seen.recovery is None else f"{seen.recovery:.2f}",
        f"{seen.longest_gap:.2f}",
        str(seen.requests),
        f"{seen.seconds:.0f}",
        f"{seen.slowest_scrape * 1000:.0f}",
        f"{seen.peak:+.1f}",
        f"{seen.growth:+.1f}",
        f"{seen.descriptors:+}",
    )
