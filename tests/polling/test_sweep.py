"""When campaigns are asked: the pace, what is late, what is ready, what has stalled."""

import asyncio
import gc
from collections import Counter
from itertools import pairwise
from weakref import ref

import httpx
import pytest

from exporter.polling.budget import Budget
from exporter.polling.workers import Poll, Workers
from exporter.secret import KeySource
from tests import build
from tests.polling.world import Answer, World, campaigns, good, hang, logged, one_workspace, polled, slow, status


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


def test_no_more_requests_are_in_flight_than_allowed_and_all_come_in_their_turn() -> None:
    world = polled((slow(5), 62), of=50, max_concurrency=4, requests_per_second=100)
    assert world.most_in_flight == 4
    assert [id_ for _, id_ in world.asked[:50]] == [f"c{number}" for number in range(50)]


def test_overruns_are_counted_and_logged_once_and_nothing_piles_up() -> None:
    world, lines = logged((good, 1000), of=100, requests_per_second=1)
    assert 5 <= world.overruns() <= 1000 / 60
    [line] = [line for line in lines if "a sweep has not ended within its interval" in line]
    assert "raise poll.interval, api.requests_per_second or api.max_concurrency" in line
    asked = Counter(id_ for _, id_ in world.asked)
    assert min(asked.values()) >= 7  # of 10: too slow for all, and for none much more than for others
    assert len(world.asked) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize(("hanging", "retries", "found_out"), [(200, 0, 300), (200, 2, 300), (10, 2, 15)])
def test_campaigns_that_hang_leave_the_others_on_time(hanging: int, retries: int, found_out: float) -> None:
    """More campaigns hang than there are slots for; only the sweep that finds out is late."""
    hang_all: dict[str, Answer] = {f"c{number}": hang for number in range(hanging)}
    world = polled((hang_all, 900), of=hanging + 50, requests_per_second=50, retries=retries)
    for number in range(hanging, hanging + 50):
        times = world.times(f"c{number}")
        assert times[0] < found_out
        assert max(later - at for at, later in pairwise(at for at in times if at > found_out)) <= 61
    assert min(Counter(id_ for _, id_ in world.asked).values()) >= 2  # nor are those that hang forgotten


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
    world = polled((hang, 100), of=one_workspace(campaigns(1, interval=5), timeout=18, max_concurrency=1))
    assert world.most_in_flight == 1
    assert [round(at) for at in world.times("c0")] == [0, 20, 40, 60, 80]  # at the first turn after each 18 s


@pytest.mark.parametrize(
    ("workspaces", "answer", "seconds", "is_ready"),
    [(1, hang, 1, False), (1, hang, 61, True), (1, good, 1, True), (0, good, 1, True)],
)
async def test_readiness_waits_for_the_first_sweep_or_one_interval(
    workspaces: int, answer: Answer, seconds: float, is_ready: bool
) -> None:
    async with World({"c0": answer}) as world:
        assert not world.exporter.is_ready  # a configuration is taken in small steps, and somebody may ask in between
        workspace = build.workspace(campaigns(1), timeout=1000, retries=0)
        await world.run(build.config(*[workspace] * workspaces), seconds)
        assert world.exporter.is_ready is is_ready
        began = asyncio.get_running_loop().time()
        await world.exporter.stop()
        assert asyncio.get_running_loop().time() == began  # polls that hang end at once


async def test_a_sweep_that_no_longer_progresses_is_named_and_an_api_that_is_down_is_no_stall() -> None:
    async with World({"*": hang}) as world:
        await world.run(one_workspace(campaigns(300)), 3600)
        stalled = [world.exporter.problems]
        world.exporter._poller._schedule.pause()  # type: ignore[union-attr]  # noqa: SLF001 - nothing public stops it without ending it
        await asyncio.sleep(1000)
        assert [*stalled, world.exporter.problems] == [[], ["Polling has stalled for acme."]]


async def test_reload_adds_removes_changes_an_interval_and_leaves_the_rest_undisturbed() -> None:
    async with World() as world:
        kept = build.campaign("kept")
        await world.run(one_workspace([kept, build.campaign("removed"), build.campaign("slower", interval=7)]), 70)
        await world.run(one_workspace([kept, build.campaign("added"), build.campaign("slower")]), 270)
    assert world.times("added")[0] == pytest.approx(70, abs=0.2)
    assert len(world.times("added")) >= 3
    assert max(world.times("removed")) < 70
    assert {round(later - at) for at, later in pairwise(world.times("kept")[1:])} == {60}
    assert [round(later - at) for at, later in pairwise(at for at in world.times("slower") if at > 80)] == [60] * 2
    assert world.store.get(("acme", "campaign", "removed")) is None


async def test_reload_with_another_key_asks_all_again_but_keeps_a_hold() -> None:
    async with World({"*": status(429, **{"Retry-After": "50"})}) as world:
        await world.run(one_workspace(campaigns(3)), 10)
        world.answers["*"] = good
        other_key = KeySource(env="LEADTERRA_TEST_KEY_2")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LEADTERRA_TEST_KEY_2", "sk_test_other")
            await world.run(one_workspace(campaigns(3), key=other_key), 60)
    later = [at for at, _ in world.asked if at > 10]
    assert min(later) >= 50
    assert world.reasons() == {"": 3}


async def test_reload_changes_the_budget_and_closes_the_old_connections() -> None:
    async with World() as world:
        await world.run(one_workspace(campaigns(20), requests_per_second=100), 10)
        await world.run(one_workspace(campaigns(20), requests_per_second=1), 18)
        assert [transport.is_closed for transport in world.transports] == [True, False]
    after = [at for at, _ in world.asked if at >= 10]
    assert len(after) == pytest.approx(18, abs=1)
    assert [transport.is_closed for transport in world.transports] == [True, True]


@pytest.mark.parametrize(
    ("answer", "at"),
    [
        (good, 70),
        (hang, 5),  # others wait for a worker
        (hang, 85),
        (status(500), 70),
        (status(500, **{"Retry-After": "30"}), 70),  # a retry is to come
    ],
)
async def test_what_is_retired_is_freed_without_a_garbage_collection(answer: Answer, at: float) -> None:
    gc.disable()
    try:
        async with World({"*": answer}) as world:
            await world.run(one_workspace(campaigns(3), max_concurrency=1), at)
            retired = ref(world.transports[0])
            world.transports.clear()
            await world.run(one_workspace(campaigns(3), timeout=9), 0.1)
            assert retired() is None
    finally:
        gc.enable()


def poll(name: str) -> Poll:
    return Poll(build.campaign(name), deadline=60, ended=lambda: None)


async def test_a_turn_that_comes_as_the_last_one_ends_is_taken() -> None:
    taken: list[str] = []

    async def ask(one: Poll) -> None:
        taken.append(one.target.id)
        if one.target.id == "a":
            asyncio.get_running_loop().call_soon(workers.put, poll("b"), ask)

    workers = Workers(1)
    workers.put(poll("a"), ask)
    await asyncio.sleep(1)
    assert taken == ["a", "b"]


async def test_of_many_that_are_ready_a_few_begin_in_a_turn_of_the_loop() -> None:
    begun: list[Poll] = []
    turns = [0]

    async def ask(one: Poll) -> None:
        begun.append(one)

    workers = Workers(100)
    for number in range(100):
        workers.put(poll(f"{number}"), ask)
    while turns[-1] < 100:
        await asyncio.sleep(0)
        turns.append(len(begun))
    assert max(later - before for before, later in pairwise(turns)) <= 8


@pytest.mark.parametrize(("rate", "at_once"), [(0.5, 1), (3, 1), (10, 2), (33, 8), (250, 62), (5000, 1250)])
async def test_a_budget_is_kept_in_every_window_and_lets_a_quarter_of_a_second_s_worth_go_at_once(
    rate: float, at_once: int
) -> None:
    budget, granted = Budget(rate), []
    budget.hold(30)
    for _ in range(int(rate * 10) + 5):
        await budget.acquire()
        granted.append(asyncio.get_running_loop().time() - 30)
    size = max(1, int(rate))
    for first, beyond in zip(granted, granted[size:], strict=False):
        assert beyond - first >= size / rate - 1e-6
    assert granted[: 2 * at_once + 1] == pytest.approx(
        [0] * at_once + [at_once / rate] * at_once + [2 * at_once / rate]
    )
    assert granted[-1] <= 10 + 5 / rate + 0.1  # and it is used
