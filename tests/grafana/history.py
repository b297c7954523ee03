"""A made-up past of some campaigns and their exporter, every five minutes, as a file for Prometheus."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from tests.rules.promtool import named
from tests.rules.scenarios.sender import STALE, Life, office
from tests.tools import succeed

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOW = datetime(2026, 11, 5, 15, tzinfo=UTC).timestamp()
"""A Thursday afternoon: where every past ends."""
HOURS = 17 * 24 + 15
"""How long it is, from a Monday on."""
TIMES = [NOW - HOURS * HOUR + 300 * step for step in range(HOURS * 12 + 1)]

Values: TypeAlias = Sequence[float | None]
"""One for each time; None where there is no sample."""
Line: TypeAlias = tuple[str, dict[str, str], Values]
"""A series: metric, labels, values."""


def is_open(at: float) -> bool:
    """Return whether mail goes out then: on weekdays from 9 to 17."""
    return office((at - TIMES[0]) / HOUR)


@dataclass(frozen=True, eq=False)
class Story:
    """A campaign and what it lives through; a twentieth of what is delivered has an answer."""

    workspace: str
    id: str
    name: str
    life: Life
    replies: float = 0.05
    figures: dict[str, Values] = field(default_factory=dict)
    """What the exporter shows, by short name."""

    def __post_init__(self) -> None:
        steps = list(self.life.steps())
        for short in steps[0]:
            self.figures[short] = [None if step[short] == STALE else float(step[short]) for step in steps]
        delivered = self.figures["delivered"]
        self.figures["enrolled"] = [each and each + 300 for each in delivered]
        self.figures["replied"] = [each and int(each * self.replies) for each in delivered]
        self.figures["open_ratio"] = [each and 0.43 for each in delivered]
        self.figures["reply_ratio"] = [each and (round(self.replies, 2) or None) for each in delivered]

    def labels(self) -> dict[str, str]:
        return {"workspace": self.workspace, "campaign_id": self.id, "campaign": self.name}

    def lines(self) -> Iterator[Line]:
        """Yield its series."""
        for short, values in self.figures.items():
            metric, own = named(short)
            since = TIMES[0] if short == "last_success" else 0
            yield metric, {**self.labels(), **own}, [each if each is None else each + since for each in values]


_OF_PROCESS = {
    "up": 1, "scrape_duration_seconds": 0.012, "scrape_samples_scraped": 260, "process_resident_memory_bytes": 58e6,
    "process_open_fds": 24, "process_max_fds": 1024, "process_start_time_seconds": NOW - 9 * DAY,
    "leadterra_exporter_config_last_reload_successful": 1, "leadterra_exporter_shards": 1,
    "leadterra_exporter_config_last_reload_success_timestamp_seconds": NOW - 9 * DAY,
}  # fmt: skip
_INFO = {
    "leadterra_exporter_build_info": {"version": "1.0.0", "revision": "4d0844b", "python_version": "3.13.5"},
    "leadterra_exporter_shard_info": {"index": "0", "total": "1"},
}
_FASTER = {"0.05": 0.1, "0.1": 0.6, "0.25": 0.9, "0.5": 0.96, "1": 0.985, "2.5": 0.995, "5": 1, "30": 1, "+Inf": 1}


def of_exporter(stories: Sequence[Story]) -> Iterator[Line]:
    """Yield the series of the exporter's own, and those that Prometheus makes of a scrape."""
    counted = [(at - TIMES[0]) / MINUTE for at in TIMES]  # polls of a campaign so far
    yield "process_cpu_seconds_total", {}, [0.9 * each for each in counted]
    for name, value in _OF_PROCESS.items():
        yield name, {}, [value for _ in TIMES]
    for name, labels in _INFO.items():
        yield name, labels, [1 for _ in TIMES]
    for workspace in dict.fromkeys(story.workspace for story in stories):
        own = [story for story in stories if story.workspace == workspace]
        for name, labels, values in _of_workspace(own, counted):
            yield f"leadterra_{name}", {"workspace": workspace, **labels}, values


def _of_workspace(own: Sequence[Story], counted: Sequence[float]) -> Iterator[Line]:
    begun = [story.life.failing[0][0] * 60 for story in own if story.life.failing]
    lost = [sum(max(0.0, polls - each) for each in begun) for polls in counted]
    good = [len(own) * polls - each for polls, each in zip(counted, lost, strict=True)]
    for result, code, polled in (("success", "200", good), ("campaign_not_found", "404", lost)):
        yield "polls_total", {"result": result}, polled
        yield "api_requests_total", {"endpoint": "campaign_stats", "code": code}, polled
    for bound, share in _FASTER.items():
        yield "api_request_duration_seconds_bucket", {"le": bound}, [share * len(own) * polls for polls in counted]
    yield "workspace_campaigns", {}, [len(own) for _ in counted]
    yield "workspace_sweep_duration_seconds", {}, [54 + len(own) for _ in counted]
    yield "workspace_sweep_overruns_total", {}, [0 for _ in counted]
    for kind, rate in (("needed", len(own) / 60), ("allowed", 10)):
        yield "workspace_requests_per_second", {"kind": kind}, [rate for _ in counted]


def of_senders(workspace: str, capacity: int, lost: int) -> Iterator[Line]:
    """Yield the series of a workspace's two sender pools; `lost` accounts are paused since four hours."""
    own, used = {"workspace": workspace}, 0.0
    spent = []
    for before, at in pairwise((TIMES[0], *TIMES)):
        used = used + capacity * 0.8 * (at - before) / (8 * HOUR) if is_open(at) else 0.0
        spent.append(used)
    for pool, share in (("Primary outbound", 0.8), ("Warm-up", 0.2)):
        who = {**own, "pool_id": f"pool_{pool[0].lower()}", "pool": pool}
        yield "leadterra_sender_pool_daily_capacity_emails", who, [capacity * share for _ in TIMES]
        yield "leadterra_sender_pool_remaining_emails", who, [round((capacity - each) * share) for each in spent]
        yield "leadterra_sender_pool_accounts", who, [round(10 * share) for _ in TIMES]
    gone = [lost if at > TIMES[-1] - 4 * HOUR else 0 for at in TIMES]
    for status, count in (("active", [10 - each for each in gone]), ("paused", gone), ("warming", [2 for _ in TIMES])):
        yield "leadterra_sender_accounts", {**own, "status": status}, count
    for endpoint in ("sender_pools", "sender_accounts"):
        yield "leadterra_senders_up", {**own, "endpoint": endpoint}, [1 for _ in TIMES]
        yield "leadterra_senders_last_success_timestamp_seconds", {**own, "endpoint": endpoint}, TIMES


def of_source(workspace: str, source: str, count: int, failing: float) -> Iterator[Line]:
    """Yield the series of a list of campaigns kept elsewhere; `failing` hours ago it was read last."""
    labels, last = {"workspace": workspace, "source": source}, TIMES[-1] - failing * HOUR
    yield "leadterra_campaign_source_up", labels, [int(at <= last) for at in TIMES]
    yield "leadterra_campaign_source_last_success_timestamp_seconds", labels, [min(at, last) for at in TIMES]
    yield "leadterra_campaign_source_campaigns", labels, [count for _ in TIMES]


def written(lines: Iterable[Line], times: Sequence[float], target: Mapping[str, str]) -> Iterator[str]:
    """Write series as OpenMetrics."""
    for metric, own, values in lines:
        pairs = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in {**target, **own}.items())
        yield "".join(
            f"{metric}{{{pairs}}} {value} {at:.3f}\n"
            for at, value in zip(times, values, strict=True)
            if value is not None
        )
    yield "# EOF\n"


def backfill(text: Iterable[str], data: Path) -> None:
    """Put OpenMetrics text into Prometheus' data, before it starts."""
    data.mkdir(exist_ok=True)
    file = data.with_suffix(".txt")
    with file.open("w") as opened:
        opened.writelines(text)
    succeed("promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics", file, data)
    file.unlink()
