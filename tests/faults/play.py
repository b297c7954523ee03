"""Let one fault happen to a running exporter and hold what is seen against its row."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.faults.matrix import Fault
from tests.faults.watcher import Sighting
from tests.faults.world import EVERYBODY, INTERVAL, STALE_AFTER, TIMEOUT, World, world

MOST_PEAK, MOST_GROWTH = 16.0, 8.0
"""MiB by which the exporter may be larger in the midst of a fault, and when it is over; docs/faults.md says why."""
_NOISE = 0.5
"""Seconds by which a busy machine may be late, beside the lateness that the watcher saw."""


@dataclass(frozen=True)
class Seen:
    """What came of a fault: times in seconds, `recovery` in intervals, memory in MiB.

    `lateness` is how late this side was, `noise` how late this side and the exporter may have been together.
    """

    fault: Fault
    seconds: float
    recovery: float | None
    longest_gap: float
    slowest_scrape: float
    requests: int
    peak: float
    growth: float
    descriptors: int
    log: Sequence[str]
    lateness: float
    noise: float


def play(fault: Fault, folder: Path) -> Seen:
    """Play a fault from begin to end; what `check` finds wrong, or what never happens, raises AssertionError."""
    with world(folder, fault.setting) as here:
        here.wait_for_successes(2)
        descriptors, memory = here.descriptors(), here.memory()
        here.wait_for_successes(1)
        here.forget_peak()
        first, began = len(here.watcher.sightings), time.monotonic()
        bursts = [_once(here, fault) for _ in range(fault.bursts)]
        mended = bursts[-1].mended
        here.wait_for_successes(1)
        sightings = here.watcher.sightings[first:]
        lateness = _NOISE + 2 * here.watcher.latest_by
        slowest_scrape = max(sighting.seconds for sighting in sightings)
        noise = lateness + 2 * slowest_scrape
        _judge_pages(here, fault, began, noise)
        seen = Seen(
            fault=fault,
            seconds=mended - began,
            recovery=max(burst.recovery for burst in bursts) if fault.meets else None,
            longest_gap=max(_gaps(sightings, set(EVERYBODY) - set(fault.meets)), default=0.0),
            slowest_scrape=slowest_scrape,
            requests=sum(began < at < mended for at, _ in here.acme.requests),
            peak=here.memory("VmHWM") - memory,
            growth=here.memory() - memory,
            descriptors=here.descriptors(enough=descriptors) - descriptors,
            log=here.exporter.log,
            lateness=lateness,
            noise=noise,
        )
        assert here.stop() == 0
    return seen


class _Burst(NamedTuple):
    """When a fault ended, and after how many intervals nobody failed any more."""

    mended: float
    recovery: float


def _once(here: World, fault: Fault) -> _Burst:
    fault.begin(here)
    if fault.meets:
        _wait_for_failure(here, fault)
    else:
        here.wait_for_successes(2)
    fault.check(here)
    mended = time.monotonic()
    fault.end(here)
    recovered = here.watcher.wait(lambda page: page.good(EVERYBODY), "recovered").at
    return _Burst(mended, (recovered - mended) / INTERVAL)


def _wait_for_failure(here: World, fault: Fault) -> None:
    here.watcher.wait(lambda page: page.failing(fault.meets, fault.reason), f"all of them failed: {fault.reason}")
    if not fault.brief:
        here.watcher.wait(
            lambda page: page.failing(fault.meets, fault.reason) and page.without_figures(fault.meets),
            "the figures had become stale",
        )


def _judge_pages(here: World, fault: Fault, since: float, noise: float) -> None:
    """Check each page: figures are whole and true, there while fresh, gone when stale, and nobody else fails."""
    for campaign in EVERYBODY:
        truth, may_fail = here.truth(campaign), campaign in fault.meets
        read_at, last_success = 0.0, None
        for page in here.watcher.sightings:
            shown = page.campaigns[campaign]
            if shown.last_success != last_success:
                read_at, last_success = page.at, shown.last_success
            if page.at > since:
                age = page.at - read_at
                assert shown.figures in (truth, {}), f"{campaign}: {shown}"
                assert shown.figures or age > STALE_AFTER - noise, f"{campaign}: gone after {age:.1f} s"
                assert not shown.figures or age < STALE_AFTER + noise, f"{campaign}: still there after {age:.1f} s"
                assert shown.up or (may_fail and shown.reasons == [fault.reason]), f"{campaign}: {shown}"
                assert not shown.up or not shown.reasons, f"{campaign}: {shown}"


def _gaps(sightings: Sequence[Sighting], campaigns: set[str]) -> Iterator[float]:
    """Give the seconds between the successes of each campaign, as they were seen."""
    for campaign in campaigns:
        changed, last_success = sightings[0].at, sightings[0].campaigns[campaign].last_success
        for page in sightings:
            if (now := page.campaigns[campaign].last_success) != last_success:
                yield page.at - changed
                changed, last_success = page.at, now


def misses_in_log(fault: Fault, log: Sequence[str]) -> list[str]:
    """Return what the log does not say once in each burst."""
    detail = f'reason={fault.reason} detail="?{re.escape(fault.detail)}"?$'
    wanted = [f'msg="poll failed" .*campaign_id={campaign} {detail}' for campaign in fault.meets if fault.detail]
    counts = {pattern: sum(bool(re.search(pattern, line)) for line in log) for pattern in wanted}
    if fault.tells_some:  # some campaigns were not asked
        return [] if 1 in counts.values() and max(counts.values()) == 1 else [f"not once, for some: {counts}"]
    if fault.log:
        counts[fault.log] = sum(fault.log in line for line in log)
    return [f"{count} times: {pattern}" for pattern, count in counts.items() if count != fault.bursts]


def longest_recovery(seen: Seen) -> float:
    """Return how many intervals a recovery may take: one, what is awaited until its time-out, and noise."""
    return 1 + (TIMEOUT * seen.fault.awaits_answer + seen.noise) / INTERVAL


def longest_gap(seen: Seen) -> float:
    """Return how many seconds may lie between two successes of a campaign that the fault does not meet."""
    return INTERVAL + TIMEOUT + seen.noise
