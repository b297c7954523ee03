"""When campaigns are asked: the pace, what is late, what is ready, what has stalled."""

import asyncio
from collections import Counter
from itertools import pairwise

import httpx
import pytest

from tests import build
from tests.conftest import run_virtually
from tests.polling.world import Answer, World, campaigns, good, hang, logged, one_workspace, polled, slow


def test_a_thousand_campaigns_are_spread_evenly_and_within_the_budget() -> None:
    world = polled((good, 600), of=1000, requests_per_second=20)

    times = sorted(at for at, _ in world.asked)
    # The first sweep is as fast as the budget allows, the even pace of 1000 in 60 s begins when it has ended.
    assert len([at for at in times if at < 50]) == pytest.approx(1000, abs=1)
    steady = Counter(int((at - 51) // 6) for at in times if 51 <= at < 51 + 540)
    assert set(steady.values()) <= {99, 100, 101}
    quarters = Counter(at // 0.25 for at in times)
    assert max(quarters.values()) <= 10  # together, but never more than two quarters' worth at once
    assert max(sum(at <= other < at + 1 for other in times) for at in times[::97]) <= 20
    assert world.overruns() == 0
    gaps = [later - at for id_ in ("c0", "c500", "c999") for at, later in pairwise(world.times(id_))]
    assert max(gaps) <= 60.1  # never older than an interval, the turn from the fast sweep to the even pace included


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    assert polled((slow(5), 200), of=50, max_concurrency=4, requests_per_second=100).most_in_flight == 4


def test_overruns_are_counted_and_logged_once_and_nothing_piles_up() -> None:
    world, lines = logged((good, 1000), of=100, requests_per_second=1)

    assert 5 <= world.overruns() <= 1000 / 60
    [line] = [line for line in lines if "a sweep has not ended within its interval" in line]
    assert "raise poll.interval, api.requests_per_second or api.max_concurrency" in line
    asked = Counter(id_ for _, id_ in world.asked)
    assert min(asked.values()) >= 7  # of 10: too slow for all, and for none much more than for others
    assert len(world.asked) == pytest.approx(1000, abs=2)


def test_campaigns_that_hang_leave_the_others_on_time() -> None:
    """More campaigns hang than there are slots for; only the sweep that finds out is late."""
    hanging: dict[str, Answer] = {f"c{number}": hang for number in range(200)}
    world = polled((hanging, 900), of=250, requests_per_second=50, retries=0)

    for number in range(200, 250):
        late = [at for at in world.times(f"c{number}") if at > 300]
        assert max(later - at for at, later in pairwise(late)) <= 61


def test_workspaces_do_not_ask_in_the_same_instant() -> None:
    names = [f"workspace-{number}" for number in range(20)]
    workspaces = [
        build.workspace([build.campaign(f"{name}-{n}", workspace=name) for n in range(10)], name=name) for name in names
    ]
    asked = [at for at, _ in polled((good, 300), of=build.config(*workspaces)).asked]

    first = Counter(int(at * 20) for at in asked if at < 0.25)
    assert max(first.values()) <= 16  # in a twentieth of a second; all 20 send their 2 at once without the phases
    steady = [at for at in asked if 120 <= at < 240]
    assert len(steady) == 400
    assert max(Counter(int(at * 2) for at in steady).values()) <= 6  # in half a second; all 20 without the phases


def test_a_sweep_that_is_late_itself_is_an_overrun() -> None:
    """As where the process gets too little processor time: its polls end at once, but long after their turn."""

    async def stop_the_process(campaign_id: str) -> httpx.Response:
        asyncio.get_running_loop().jump(130)  # type: ignore[attr-defined]  # a VirtualLoop
        return await good(campaign_id)

    assert polled((good, 65), ({"c3": stop_the_process}, 60), (good, 300), of=4).overruns() >= 1


def test_no_campaign_is_asked_twice_at_once() -> None:
    world = polled((hang, 100), of=one_workspace(campaigns(1, interval=5), timeout=18))

    assert world.most_in_flight == 1
    assert [round(at) for at in world.times("c0")] == [0, 20, 40, 60, 80]  # at the first turn after each 18 s


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_ready_before_it_is_configured(count: int) -> None:
    """A configuration is taken in small steps, and somebody may ask in between; a shard may have no campaign."""

    async def scenario() -> tuple[bool, bool]:
        async with World() as world:
            before = world.poller.is_ready
            await world.run(build.config(*[build.workspace(campaigns(1))] * count), 10)
            return before, world.poller.is_ready

    assert run_virtually(scenario()) == (False, True)


@pytest.mark.parametrize(("answer", "seconds", "is_ready"), [(hang, 1, False), (hang, 61, True), (good, 1, True)])
def test_readiness_waits_for_the_first_sweep_or_one_interval(answer: Answer, seconds: float, is_ready: bool) -> None:  # noqa: FBT001 - a row
    async def scenario() -> bool:
        async with World({"c0": answer}) as world:
            await world.run(one_workspace(campaigns(1), timeout=1000, retries=0), seconds)
            return world.poller.is_ready

    assert run_virtually(scenario()) is is_ready


def test_a_sweep_that_no_longer_progresses_is_named_and_an_api_that_is_down_is_no_stall() -> None:
    async def scenario() -> list[list[str]]:
        async with World({"*": hang}) as world:
            await world.run(one_workspace(campaigns(300)), 3600)
            stalled = [world.poller.stalled]
            world.poller._scheduler.pause()  # noqa: SLF001 - nothing public stops it without ending it
            await asyncio.sleep(1000)
            return [*stalled, world.poller.stalled]

    assert run_virtually(scenario()) == [[], ["acme"]]


def test_stopping_ends_polls_at_once() -> None:
    async def scenario() -> float:
        async with World({"*": hang}) as world:
            await world.run(one_workspace(campaigns(30)), 5)
            started = asyncio.get_running_loop().time()
            await world.poller.stop()
            return asyncio.get_running_loop().time() - started

    assert run_virtually(scenario()) == 0
