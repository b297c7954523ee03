"""A made-up past of some campaigns and their exporter, minute by minute, as a file for Prometheus.

The same seed gives the same past. It has the names of the public contract, so it may be ahead of the exporter.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tests.tools import succeed

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
NOW = datetime(2026, 11, 5, 15, tzinfo=UTC).timestamp()
"""A Thursday afternoon: where every past ends."""

Values: TypeAlias = Sequence[float | None]
"""One for each time; None where there is no sample."""
Line: TypeAlias = tuple[str, dict[str, str], Values]
"""A series: metric, labels, values."""


class Figures(NamedTuple):
    """What the API says of a campaign at a time."""

    leads_enrolled: int
    emails_sent: int
    emails_delivered: int
    emails_bounced: int
    leads_replied: int
    emails_queued: int


@dataclass(frozen=True)
class Story:
    """What a campaign lives through; times are hours before the end."""

    workspace: str
    id: str
    name: str
    enrolled: tuple[tuple[float, int], ...] = ((330, 1500),)
    """When how many leads came; each gets a first email, and two of three get a second one after three days."""
    a_day: int = 200
    bounces: float = 0.015
    bad: tuple[float, float] | None = None
    """Since when which share bounces instead."""
    replies: float = 0.035
    stopped: float | None = None
    failing: tuple[float, str] | None = None
    """Since when the API is not read, and why."""
    limits: tuple[tuple[str, str, float], ...] = ()
    """Beside the defaults: metric without prefix, severity, value."""

    def labels(self) -> dict[str, str]:
        return {"workspace": self.workspace, "campaign_id": self.id, "campaign": self.name}


STALLED_AFTER = 48 * HOUR
_DEFAULTS: tuple[tuple[str, str, float], ...] = (
    ("bounce_ratio", "warning", 0.03),
    ("bounce_ratio", "critical", 0.05),
    ("queue_stalled_seconds", "warning", STALLED_AFTER),
)
STALE_AFTER = 300.0


@dataclass(frozen=True)
class Office:
    """When mail goes out: weekdays from `opens`, eight hours long, in UTC."""

    opens: float = 9.0

    def open(self, at: float) -> bool:
        when = datetime.fromtimestamp(at, UTC)
        return when.weekday() < 5 and self.opens <= when.hour + when.minute / 60 < self.opens + 8


def figures(story: Story, times: Sequence[float], office: Office) -> Iterator[Figures]:
    """Live a campaign's life."""
    dice, end = random.Random(story.id), times[-1]  # noqa: S311 - the same past each time
    enrolled = sent = delivered = bounced = replied = queued = 0
    coming: list[tuple[float, str, int]] = [(end - ago * HOUR, "leads", leads) for ago, leads in story.enrolled]
    for before, at in pairwise((times[0] - MINUTE, *times)):
        due = [each for each in coming if each[0] <= at]
        coming = [each for each in coming if each[0] > at]
        enrolled += sum(count for _, kind, count in due if kind == "leads")
        queued += sum(count for _, kind, count in due if kind in ("leads", "second"))
        delivered += sum(count for _, kind, count in due if kind == "delivered")
        replied += sum(count for _, kind, count in due if kind == "reply")
        if not office.open(at) or (story.stopped is not None and at > end - story.stopped * HOUR):
            yield Figures(enrolled, sent, delivered, bounced, replied, queued)
            continue
        mean = story.a_day * (at - before) / (8 * HOUR)
        now = min(queued, max(0, round(dice.gauss(mean, mean**0.5))))
        share = story.bad[1] if story.bad and at > end - story.bad[0] * HOUR else story.bounces
        lost = sum(dice.random() < share for _ in range(now))
        sent, bounced, queued = sent + now, bounced + lost, queued - now
        for _ in range(now - lost):
            coming.append((at + dice.expovariate(1 / (4 * MINUTE)), "delivered", 1))
            if dice.random() < story.replies:
                coming.append((at + dice.expovariate(1 / (20 * HOUR)), "reply", 1))
            if sent <= enrolled and dice.random() < 0.6:
                coming.append((at + 3 * DAY, "second", 1))
        yield Figures(enrolled, sent, delivered, bounced, replied, queued)


def of_campaign(story: Story, times: Sequence[float], office: Office) -> Iterator[Line]:
    """Yield a campaign's series, from when it was added on."""
    begun = times[-1] - max((ago for ago, _ in story.enrolled), default=240) * HOUR
    since, reason = story.failing or (0.0, "")
    last = times[-1] - since * HOUR  # good poll
    alive = [at >= begun for at in times]
    seen = [
        each if there and last > begun and at - min(at, last) < STALE_AFTER else None
        for at, there, each in zip(times, alive, figures(story, times, office), strict=True)
    ]

    def line(name: str, values: Iterable[float | None], **more: str) -> Line:
        own = [value if there else None for value, there in zip(values, alive, strict=True)]
        return f"leadterra_campaign_{name}", {**story.labels(), **more}, own

    for number, name in enumerate(Figures._fields):
        yield line(name, [each and each[number] for each in seen])
    delivering = [each if each and each.emails_delivered else None for each in seen]
    yield line("open_ratio", [each and 0.43 for each in delivering])
    yield line(
        "reply_ratio", [each and (round(each.leads_replied / each.emails_delivered, 2) or None) for each in delivering]
    )
    yield line("up", [int(at <= last) for at in times])
    yield line("last_success_timestamp_seconds", [min(at, last) if last > begun else None for at in times])
    if reason:
        yield line("error", [1 if at > last else None for at in times], reason=reason)
    yield line("sending_expected", [int(office.open(at)) for at in times])
    constant = {"stale_after_seconds": STALE_AFTER, "min_emails_bounced_threshold": 5}
    for name, value in constant.items():
        yield line(name, [value for _ in times])
    for (name, severity), value in {
        (name, severity): value for name, severity, value in _DEFAULTS + story.limits
    }.items():
        yield line(f"{name}_threshold", [value for _ in times], severity=severity)


_OF_PROCESS: tuple[tuple[str, dict[str, str], float], ...] = (
    ("up", {}, 1),
    ("scrape_duration_seconds", {}, 0.012),
    ("scrape_samples_scraped", {}, 260),
    ("process_resident_memory_bytes", {}, 58e6),
    ("process_open_fds", {}, 24),
    ("process_max_fds", {}, 1024),
    ("process_start_time_seconds", {}, NOW - 9 * DAY),
    ("leadterra_exporter_config_last_reload_successful", {}, 1),
    ("leadterra_exporter_config_last_reload_success_timestamp_seconds", {}, NOW - 9 * DAY),
    ("leadterra_exporter_build_info", {"version": "1.0.0", "revision": "4d0844b", "python_version": "3.13.5"}, 1),
    ("leadterra_exporter_shards", {}, 1),
    ("leadterra_exporter_shard_info", {"index": "0", "total": "1"}, 1),
)
_CODE = {"campaign_not_found": "404", "authentication_failed": "401", "server_error": "500", "timeout": "timeout"}
_FASTER = {"0.05": 0.1, "0.1": 0.6, "0.25": 0.9, "0.5": 0.96, "1": 0.985, "2.5": 0.995, "5": 1, "30": 1, "+Inf": 1}


def of_exporter(stories: Sequence[Story], times: Sequence[float]) -> Iterator[Line]:
    """Yield the series of the exporter's own, and those that Prometheus makes of a scrape."""
    counted = [(at - times[0]) / MINUTE for at in times]  # polls of a campaign so far
    yield "process_cpu_seconds_total", {}, [0.9 * each for each in counted]
    for name, labels, value in _OF_PROCESS:
        yield name, labels, [value for _ in times]
    for workspace in dict.fromkeys(story.workspace for story in stories):
        own = [story for story in stories if story.workspace == workspace]
        for name, labels, values in _of_workspace(own, counted):
            yield f"leadterra_{name}", {"workspace": workspace, **labels}, values


def _of_workspace(own: Sequence[Story], counted: Sequence[float]) -> Iterator[Line]:
    failed = {reason: [0.0 for _ in counted] for reason in _CODE}
    for since, reason in (story.failing for story in own if story.failing):
        begun = max(0.0, counted[-1] - since * 60)
        failed[reason] = [sofar + max(0.0, polls - begun) for sofar, polls in zip(failed[reason], counted, strict=True)]
    lost = [sum(each) for each in zip(*failed.values(), strict=True)]
    good = [len(own) * polls - each for polls, each in zip(counted, lost, strict=True)]
    for result, polls in {"success": good, **failed}.items():
        yield "polls_total", {"result": result}, polls
        yield "api_requests_total", {"endpoint": "campaign_stats", "code": _CODE.get(result, "200")}, polls
    for bound, share in _FASTER.items():
        yield "api_request_duration_seconds_bucket", {"le": bound}, [share * len(own) * polls for polls in counted]
    yield "workspace_campaigns", {}, [len(own) for _ in counted]
    yield "workspace_sweep_duration_seconds", {}, [54 + len(own) for _ in counted]
    yield "workspace_sweep_overruns_total", {}, [0 for _ in counted]
    for kind, rate in (("needed", len(own) / 60), ("allowed", 10)):
        yield "workspace_requests_per_second", {"kind": kind}, [rate for _ in counted]


def of_senders(workspace: str, capacity: int, times: Sequence[float], office: Office, lost: int) -> Iterator[Line]:
    """Yield the series of a workspace's two sender pools; `lost` accounts are paused since four hours."""
    own, used = {"workspace": workspace}, 0.0
    spent = []
    for before, at in pairwise((times[0], *times)):
        used = used + capacity * 0.8 * (at - before) / (8 * HOUR) if office.open(at) else 0.0
        spent.append(used)
    for pool, share in (("Primary outbound", 0.8), ("Warm-up", 0.2)):
        who = {**own, "pool_id": f"pool_{pool[0].lower()}", "pool": pool}
        yield "leadterra_sender_pool_daily_capacity_emails", who, [capacity * share for _ in times]
        yield "leadterra_sender_pool_remaining_emails", who, [round((capacity - each) * share) for each in spent]
        yield "leadterra_sender_pool_accounts", who, [round(10 * share) for _ in times]
    gone = [lost if at > times[-1] - 4 * HOUR else 0 for at in times]
    for status, count in (("active", [10 - each for each in gone]), ("paused", gone), ("warming", [2 for _ in times])):
        yield "leadterra_sender_accounts", {**own, "status": status}, count
    for endpoint in ("sender_pools", "sender_accounts"):
        yield "leadterra_senders_up", {**own, "endpoint": endpoint}, [1 for _ in times]
        yield "leadterra_senders_last_success_timestamp_seconds", {**own, "endpoint": endpoint}, times


def of_source(workspace: str, source: str, count: int, times: Sequence[float], failing: float) -> Iterator[Line]:
    """Yield the series of a list of campaigns kept elsewhere; `failing` hours ago it was read last."""
    labels, last = {"workspace": workspace, "source": source}, times[-1] - failing * HOUR
    yield "leadterra_campaign_source_up", labels, [int(at <= last) for at in times]
    yield "leadterra_campaign_source_last_success_timestamp_seconds", labels, [min(at, last) for at in times]
    yield "leadterra_campaign_source_campaigns", labels, [count for _ in times]


def written(lines: Iterable[Line], times: Sequence[float], target: Mapping[str, str]) -> Iterator[str]:
    """Write series as OpenMetrics."""
    for metric, own, values in lines:
        pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in {**target, **own}.items())
        yield "".join(
            f"{metric}{{{pairs}}} {value} {at:.3f}\n"
            for at, value in zip(times, values, strict=True)
            if value is not None
        )
    yield "# EOF\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def backfill(text: Iterable[str], data: Path) -> None:
    """Put OpenMetrics text into Prometheus' data, before it starts."""
    data.mkdir(exist_ok=True)
    file = data.with_suffix(".txt")
    with file.open("w") as opened:
        opened.writelines(text)
    succeed("promtool", "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics", file, data)
    file.unlink()
