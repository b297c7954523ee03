"""Every fault, with the real process: what /metrics shows, that others do not notice, and that all is well after."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import Reason
from tests.faults.matrix import FAULTS
from tests.faults.world import ALL, INTERVAL, RETRIES, STALE_AFTER, TIMEOUT, Fault, Workspace, descriptors, running_with
from tests.scraper import Scrape, truth

pytestmark = pytest.mark.slow

MOST_PEAK, MOST_GROWTH = 16.0, 8.0
"""MiB by which the exporter may be larger in the midst of all faults, and when they are over."""
_AT_ONCE = 5  # exporters: more take each other's time on a small machine
NOISE = 0.5
"""Seconds by which a busy machine may be late, beside the lateness that the scraper saw."""


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[Any]]:
    """Play the faults whose tests were selected; return what came of each and of those that happen beside it."""
    callspecs = [getattr(item, "callspec", None) for item in request.session.items]
    params = [spec.params.get("fault") for spec in callspecs if spec]
    wanted = [fault for fault in params if isinstance(fault, Fault)]  # others have parameters of this name, too
    groups = [[fault for fault in wanted if not fault.process], *([fault] for fault in wanted if fault.process)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        playing = [(pool.submit(play_all, group, tmp_path_factory.mktemp("fault")), group) for group in groups if group]
    return {fault.name: future for future, group in playing for fault in group}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault, playing: dict[str, Future[Any]]) -> None:
    played = playing[fault.name].result()
    played[fault].result()
    played[None].result()


def play_all(faults: Sequence[Fault], root: Path) -> dict[Any, Future[None]]:
    """Play faults at once to one exporter; return what came of each, and of the process as a whole."""
    with running_with(faults, root) as places, ThreadPoolExecutor(len(faults)) as pool:
        scraper, everybody = places[0].scraper, [campaign for here in places for campaign in here.campaigns]
        scraper.wait_for_successes(everybody, 1)
        before = descriptors(places), places[0].exporter.memory()
        scraper.wait_for_successes(everybody, 1)
        Path(f"/proc/{places[0].exporter.process.pid}/clear_refs").write_text("5")  # the peak, VmHWM, begins anew
        first = len(scraper.scrapes)
        played = {fault: pool.submit(play, fault, here) for fault, here in zip(faults, places, strict=True)}
        wait(played.values())
        return {**played, None: pool.submit(check_process, places, first, *before)}


def check_process(places: Sequence[Workspace], first: int, usual: int, memory: float) -> None:
    """Check what the faults did to the exporter as a whole; `first` is the first page, `usual` are descriptors."""
    exporter, scraper = places[0].exporter, places[0].scraper
    assert scraper.failed == 0
    assert max(scrape.seconds for scrape in scraper.scrapes[first:]) <= TIMEOUT + NOISE + 2 * scraper.latest_by
    assert exporter.memory("VmHWM") - memory <= MOST_PEAK
    assert exporter.memory() - memory <= MOST_GROWTH
    assert descriptors(places, enough=usual) <= usual
    assert exporter.stop() == 0
    assert not [line for line in exporter.log if "Traceback" in line or "internal error" in line]


def play(fault: Fault, here: Workspace) -> None:
    """Play a fault from begin to end, and check what was seen."""
    first, began = len(here.scraper.scrapes), time.monotonic()
    bursts = [burst(fault, here) for _ in range(fault.brief or 1)]
    mended, recovery = bursts[-1][0], max(recovery for _, recovery in bursts)
    here.scraper.wait_for_successes(here.campaigns, 1)
    scrapes = here.scraper.scrapes[first:]
    noise = NOISE + 2 * here.scraper.latest_by + 2 * max(scrape.seconds for scrape in scrapes)
    gap = max((gap for each in here.campaigns[fault.meets :] for gap in gaps(scrapes, each)), default=0.0)
    requests = sum(began < request.at < mended for request in here.api.requests)
    for number, campaign in enumerate(here.campaigns):
        check_pages(here, campaign, fault.reason if number < fault.meets else None, noise, began)
    most = fault.most or (lambda seconds: (ALL + (fault.meets or ALL) * RETRIES) * (seconds / INTERVAL + 2))
    assert recovery <= INTERVAL + TIMEOUT * (fault.reason == Reason.TIMEOUT) + noise
    assert gap <= INTERVAL + TIMEOUT + noise
    assert requests <= most(mended - began), f"{requests} in {mended - began} s"
    check_log(fault, here)


def burst(fault: Fault, here: Workspace) -> tuple[float, float]:
    """Begin and end the fault; return when it ended, and after how many seconds nobody failed any more."""
    met, reason, before = here.campaigns[: fault.meets], fault.reason, len(here.api.requests)
    with contextmanager(fault.happens)(here):
        if reason is None:
            here.scraper.wait_for_successes(here.campaigns, 2)
        else:
            here.scraper.wait(lambda page: page.failing(met, reason), f"all of them failed: {reason}")
        if reason and not fault.brief:
            here.scraper.wait(lambda page: page.failing(met, reason, stale=True), "figures were stale")
        here.wait_for_requests(fault.requests, after=before)
        mended = time.monotonic()
    recovered = here.scraper.wait(lambda page: page.good(here.campaigns), "recovered").at
    return mended, recovered - mended if fault.meets else 0.0


def check_pages(here: Workspace, campaign: str, reason: Reason | None, noise: float, since: float) -> None:
    """Check each page: figures are whole and true, there while fresh, gone when stale; a failure has the reason."""
    figures, read_at, last_success = truth(campaign), 0.0, None
    for page in here.scraper.scrapes:
        shown = page.campaigns[campaign]
        if shown.last_success != last_success:
            read_at, last_success = page.at, shown.last_success
        if page.at > since:
            age = page.at - read_at
            assert shown.figures in (figures, {}), f"{campaign}: {shown}"
            assert shown.figures or age > STALE_AFTER - noise, f"{campaign}: gone after {age:.1f} s"
            assert not shown.figures or age < STALE_AFTER + noise, f"{campaign}: still there after {age:.1f} s"
            assert shown.reasons == ([] if shown.up else [reason]), f"{campaign}: {shown}"


def gaps(scrapes: Sequence[Scrape], campaign: str) -> Iterator[float]:
    """Yield the seconds between the successes of a campaign, as they were seen."""
    changed, last_success = scrapes[0].at, scrapes[0].campaigns[campaign].last_success
    for page in scrapes:
        if (now := page.campaigns[campaign].last_success) != last_success:
            yield page.at - changed
            changed, last_success = page.at, now


def check_log(fault: Fault, here: Workspace) -> None:
    """Check that what is to be logged is there once in each burst."""
    of_others = re.compile(rf"workspace=(?!{here.name} )")
    log, bursts = [line for line in here.exporter.log if not of_others.search(line)], fault.brief or 1
    if fault.log:
        assert sum(fault.log.format(here.name) in line for line in log) == bursts
    detail = f'reason={fault.reason} detail="?{re.escape(fault.detail)}"?'
    told = Counter(re.findall(rf'msg="poll failed" .*campaign_id=(\w+) {detail}$', "\n".join(log), re.MULTILINE))
    together = re.findall(rf'msg="\d of {ALL} polls fail" workspace={here.name} {detail} ', "\n".join(log))
    if fault.detail:
        assert all(count == bursts for count in told.values())
        assert len(told) == fault.meets or together or (told and fault.reason == Reason.RATE_LIMITED), log
