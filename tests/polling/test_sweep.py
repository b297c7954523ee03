"""When campaigns are asked: the pace, what is late, what is ready, what has stalled."""

import asyncio
from collections import Counter
from io import StringIO
from itertools import pairwise

import httpx
import pytest

from exporter import log
from tests import build
from tests.conftest import run_virtually
from tests.polling.world import World, campaigns, good, hang


def test_a_thousand_campaigns_are_spread_evenly_and_within_the_budget() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(1000), requests_per_second=20)), 600)
        return world

    world = run_virtually(scenario())

    times = sorted(at for at, _ in world.asked)
    # The first sweep is as fast as the budget allows, the even pace of 1000 in 60 s begins when it has ended.
    assert len([at for at in times if at < 50]) == pytest.approx(1000, abs=1)
    steady = Counter(int((at - 51) // 6) for at in times if 51 <= at < 51 + 540)
    assert set(steady.values()) <= {99, 100, 101}
    assert min(later - at for at, later in pairwise(times)) == pytest.approx(0.05, abs=1e-6)
    assert world.overruns() == 0
    gaps = [later - at for id_ in ("c0", "c500", "c999") for at, later in pairwise(world.times(id_))]
    assert max(gaps) <= 60.1  # never older than an interval, the turn from the fast sweep to the even pace included


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    async def slow(campaign_id: str) -> httpx.Response:
        await asyncio.sleep(5)
        return await good(campaign_id)

    async def scenario() -> World:
        async with World({"*": slow}) as world:
            await world.run(
                build.config(build.workspace(campaigns(50), max_concurrency=4, requests_per_second=100)), 200
            )
        return world

    assert run_virtually(scenario()).most_in_flight == 4


def test_an_overrun_is_counted_and_logged_once_a_sweep_and_nothing_piles_up() -> None:
    told = StringIO()
    log.configure("info", "logfmt", told)

    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(100), requests_per_second=1)), 1000)
        return world

    world = run_virtually(scenario())

    assert 5 <= world.overruns() <= 1000 / 60
    assert told.getvalue().count('msg="sweep overran its interval"') == world.overruns()
    asked = Counter(id_ for _, id_ in world.asked)
    assert min(asked.values()) >= 7  # of 10: too slow for all, and for none much more than for others
    assert len(world.asked) == pytest.approx(1000, abs=2)


def test_campaigns_that_hang_leave_the_others_on_time() -> None:
    """More campaigns hang than there are slots for; only the sweep that finds out is late."""

    async def scenario() -> World:
        async with World({f"c{number}": hang for number in range(200)}) as world:
            await world.run(build.config(build.workspace(campaigns(250), requests_per_second=50, retries=0)), 900)
        return world

    world = run_virtually(scenario())

    for number in range(200, 250):
        late = [at for at in world.times(f"c{number}") if at > 300]
        assert max(later - at for at, later in pairwise(late)) <= 61


def test_workspaces_do_not_ask_in_the_same_instant() -> None:
    async def scenario() -> World:
        names = [f"workspace-{number}" for number in range(20)]
        workspaces = [
            build.workspace([build.campaign(f"{name}-{n}", workspace=name) for n in range(10)], name=name)
            for name in names
        ]
        async with World() as world:
            await world.run(build.config(*workspaces), 300)
        return world

    steady = [at for at, _ in run_virtually(scenario()).asked if 120 <= at < 240]
    assert len(steady) == 400
    assert max(Counter(int(at * 2) for at in steady).values()) <= 6  # in half a second; all 20 without the phases


def test_a_sweep_that_is_late_itself_is_an_overrun() -> None:
    """As where the process gets too little processor time: its polls end at once, but long after their turn."""

    async def stop_the_process(campaign_id: str) -> httpx.Response:
        asyncio.get_running_loop().jump(130)  # type: ignore[attr-defined]  # a VirtualLoop
        return await good(campaign_id)

    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(4))), 65)
            world.answers["c3"] = stop_the_process
            await asyncio.sleep(60)
            world.answers.clear()
            await asyncio.sleep(300)
        return world

    assert run_virtually(scenario()).overruns() >= 1


def test_no_campaign_is_asked_twice_at_once() -> None:
    async def scenario() -> World:
        async with World({"c0": hang}) as world:
            await world.run(build.config(build.workspace(campaigns(1, interval=5), timeout=18)), 100)
        return world

    world = run_virtually(scenario())

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


def test_readiness_waits_for_the_first_sweep_or_one_interval() -> None:
    async def scenario() -> list[bool]:
        async with World({"c0": hang}) as world:
            ready = []
            await world.run(build.config(build.workspace(campaigns(1), timeout=1000, retries=0)), 1)
            ready.append(world.poller.is_ready)
            await asyncio.sleep(60)
            ready.append(world.poller.is_ready)
        async with World() as quick:
            await quick.run(build.config(build.workspace(campaigns(1))), 1)
            ready.append(quick.poller.is_ready)
            quick.answers["new"] = hang
            await quick.configure(build.config(build.workspace([build.campaign("new")], timeout=1000)))
            ready.append(quick.poller.is_ready)
        return ready

    assert run_virtually(scenario()) == [False, True, True, True]


def test_a_sweep_that_no_longer_progresses_is_named() -> None:
    async def scenario() -> list[list[str]]:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(3))), 300)
            stalled = [world.poller.stalled]
            world.poller._scheduler.pause()  # noqa: SLF001 - nothing public stops it without ending it
            await asyncio.sleep(300)
            return [*stalled, world.poller.stalled]

    assert run_virtually(scenario()) == [[], ["acme"]]


def test_an_api_that_is_down_is_no_stall() -> None:
    async def scenario() -> list[str]:
        async with World({"*": hang}) as world:
            await world.run(build.config(build.workspace(campaigns(300))), 3600)
        return world.poller.stalled

    assert run_virtually(scenario()) == []


def test_stopping_ends_polls_at_once() -> None:
    async def scenario() -> float:
        async with World({"*": hang}) as world:
            await world.run(build.config(build.workspace(campaigns(30))), 5)
            loop = asyncio.get_running_loop()
            started = loop.time()
            await world.poller.stop()
        return loop.time() - started

    assert run_virtually(scenario()) == 0
