"""What a new configuration changes, and what goes on undisturbed."""

import asyncio
from itertools import pairwise

import pytest

from exporter.secret import KeySource
from tests import build
from tests.conftest import run_virtually
from tests.polling.world import World, campaigns, good, one_workspace, status


def test_reload_adds_removes_and_leaves_the_rest_undisturbed() -> None:
    async def scenario() -> World:
        async with World() as world:
            before = [build.campaign("kept"), build.campaign("removed")]
            await world.run(one_workspace(before), 70)
            after = [build.campaign("kept"), build.campaign("added")]
            await world.configure(one_workspace(after))
            await asyncio.sleep(200)
        return world

    world = run_virtually(scenario())

    assert world.times("added")[0] == pytest.approx(70, abs=0.2)
    assert len(world.times("added")) >= 3
    assert max(world.times("removed")) < 70
    kept = world.times("kept")
    assert {round(later - at) for at, later in pairwise(kept[1:])} == {60}
    assert world.store.get(("acme", "campaign", "removed")) is None


def test_reload_with_another_key_asks_all_again_but_keeps_a_hold() -> None:
    async def scenario() -> World:
        async with World({"*": status(429, **{"Retry-After": "50"})}) as world:
            await world.run(one_workspace(campaigns(3)), 10)
            world.answers["*"] = good
            other_key = KeySource(env="LEADTERRA_TEST_KEY_2")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LEADTERRA_TEST_KEY_2", "sk_test_other")
                await world.configure(one_workspace(campaigns(3), key=other_key))
                await asyncio.sleep(60)
        return world

    world = run_virtually(scenario())

    later = [at for at, _ in world.asked if at > 10]
    assert min(later) >= 50
    assert world.reasons() == {"": 3}


def test_reload_changes_the_budget_and_closes_the_old_connections() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(one_workspace(campaigns(20), requests_per_second=100), 10)
            await world.configure(one_workspace(campaigns(20), requests_per_second=1))
            await asyncio.sleep(18)
            assert [transport.is_closed for transport in world.transports] == [True, False]
        return world

    world = run_virtually(scenario())

    after = [at for at, _ in world.asked if at >= 10]
    assert len(after) == pytest.approx(18, abs=1)
    assert [transport.is_closed for transport in world.transports] == [True, True]


def test_reload_changes_an_interval() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(one_workspace(campaigns(1, interval=7)), 100)
            await world.configure(one_workspace(campaigns(1, interval=60)))
            await asyncio.sleep(300)
        return world

    after = [at for at in run_virtually(scenario()).times("c0") if at > 110]
    assert [round(later - at) for at, later in pairwise(after)] == [60] * 3
