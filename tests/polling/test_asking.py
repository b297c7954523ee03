"""How one campaign is asked: retries, refused keys, holds, faults of our own."""

import asyncio
from io import StringIO
from itertools import pairwise

import httpx
import pytest

from exporter import log
from exporter.secret import KeySource
from tests import build
from tests.conftest import run_virtually
from tests.polling.world import World, campaigns, good, hang, status


def test_retries_back_off_and_end_with_the_last_failure() -> None:
    async def scenario() -> World:
        async with World({"c0": status(503)}) as world:
            await world.run(build.config(build.workspace(campaigns(1), retries=2)), 0)
            await asyncio.sleep(10)
        return world

    world = run_virtually(scenario())

    first, second, third = world.times("c0")[:3]
    assert second - first <= 1.01
    assert third - second <= 2.01
    assert world.requests("503") == len(world.times("c0"))
    assert world.state("c0").up is False


@pytest.mark.parametrize("code", [400, 401, 403, 404, 302])
def test_what_cannot_pass_is_not_retried(code: int) -> None:
    async def scenario() -> World:
        async with World({"c0": status(code)}) as world:
            config = build.config(build.workspace(campaigns(1)))
            world.store.configure(config.campaigns)
            await world.poller.poll_once(config)
        return world

    assert len(run_virtually(scenario()).asked) == 1


def test_no_retry_starts_after_the_interval() -> None:
    async def scenario() -> World:
        async with World({"c0": hang}) as world:
            config = build.config(build.workspace(campaigns(1, interval=15), timeout=10, retries=100))
            world.store.configure(config.campaigns)
            await world.poller.poll_once(config)
        return world

    assert len(run_virtually(scenario()).asked) == 2


def test_a_refused_key_ends_the_sweep_and_the_next_asks_once() -> None:
    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            await world.run(build.config(build.workspace(campaigns(100), requests_per_second=10)), 59)
        return world

    world = run_virtually(scenario())

    # One request of the first sweep, one of the sweep that follows it at once; each answer comes before the next turn.
    assert len(world.asked) == 2
    assert world.reasons() == {"authentication_failed": 100}


def test_a_refused_key_is_told_of_once_and_so_is_its_end() -> None:
    told = StringIO()
    log.configure("info", "logfmt", told)

    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            await world.run(build.config(build.workspace(campaigns(100), requests_per_second=10)), 130)
            world.answers["*"] = good
            await asyncio.sleep(130)
        return world

    world = run_virtually(scenario())

    assert world.reasons() == {"": 100}
    lines = [line.partition(" ")[2] for line in told.getvalue().splitlines()]
    assert lines == [
        'level=error msg="key refused" workspace=acme detail="HTTP 401"',
        'level=warning msg="poll failed" workspace=acme campaign_id=c0 reason=authentication_failed detail="HTTP 401"',
        'level=info msg="key no longer refused" workspace=acme',
        "level=info msg=polled workspace=acme campaign_id=c0",
    ]


def test_a_key_that_is_accepted_again_lets_the_sweep_go_on() -> None:
    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            await world.run(build.config(build.workspace(campaigns(20), requests_per_second=10)), 30)
            world.answers["*"] = good
            await asyncio.sleep(92)
        return world

    world = run_virtually(scenario())

    assert world.reasons() == {"": 20}
    assert {id_ for _, id_ in world.asked} == {f"c{number}" for number in range(20)}


def test_each_campaign_waits_for_the_answer_to_the_one_that_asks_again() -> None:
    async def slow(campaign_id: str) -> httpx.Response:
        await asyncio.sleep(8)
        return await good(campaign_id)

    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            await world.run(build.config(build.workspace(campaigns(20), requests_per_second=10)), 30)
            world.answers["*"] = slow
            await asyncio.sleep(100)
        return world

    world = run_virtually(scenario())

    assert world.reasons() == {"": 20}
    again = {id_: at for at, id_ in reversed(world.asked) if at > 30}  # when each was asked first
    heard = again.pop("c0") + 8
    assert heard <= min(again.values())
    assert max(again.values()) < heard + 12


def test_a_key_that_is_accepted_again_is_seen_within_an_interval_whatever_the_turns() -> None:
    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            slow = [build.campaign(f"slow{number}", interval=3600.0) for number in range(5)]
            await world.run(build.config(build.workspace([*campaigns(20), *slow], requests_per_second=10)), 130)
            world.answers["*"] = good
            await asyncio.sleep(64)
        return world

    assert run_virtually(scenario()).reasons() == {"": 25}


def test_another_failure_than_a_refusal_lets_the_sweep_go_on() -> None:
    async def scenario() -> World:
        async with World({"*": status(401)}) as world:
            await world.run(build.config(build.workspace(campaigns(5), retries=0)), 30)
            world.answers["*"] = status(503)
            await asyncio.sleep(92)
        return world

    assert run_virtually(scenario()).reasons() == {"server_error": 5}


def test_without_a_key_nothing_is_sent_and_nothing_counted() -> None:
    async def scenario() -> World:
        async with World() as world:
            missing = KeySource(env="LEADTERRA_TEST_NO_SUCH_KEY")
            await world.run(build.config(build.workspace(campaigns(5), key=missing)), 100)
        return world

    world = run_virtually(scenario())

    assert world.asked == []
    assert world.reasons() == {"authentication_failed": 5}
    counted = [sample for family in world.telemetry.registry.collect() for sample in family.samples]
    assert sum(sample.value for sample in counted if sample.name == "leadterra_api_requests_total") == 0


def test_a_campaign_whose_turn_passes_while_a_429_holds_the_workspace_does_not_look_fine() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(20))), 70)
            world.answers["*"] = status(429, **{"Retry-After": "3600"})
            await asyncio.sleep(180)
        return world

    world = run_virtually(scenario())

    assert world.reasons() == {"rate_limited": 20}
    assert len(world.asked) < 20 + 20 + 10


def test_403_is_the_campaigns_alone() -> None:
    async def scenario() -> World:
        async with World({"c0": status(403)}) as world:
            await world.run(build.config(build.workspace(campaigns(5))), 30)
        return world

    assert run_virtually(scenario()).reasons() == {"authentication_failed": 1, "": 4}


@pytest.mark.parametrize(("retry_after", "wait"), [("7", 7), ("Sun, 09 Sep 2001 01:46:48 GMT", 8), ("1000000000", 60)])
def test_429_holds_the_whole_workspace_and_no_other(retry_after: str, wait: float) -> None:
    async def scenario() -> World:
        async with World({"c2": status(429, **{"Retry-After": retry_after})}) as world:
            mine = build.workspace(campaigns(50), requests_per_second=10)
            other = build.workspace([build.campaign("other", workspace="other", interval=1)], name="other")
            await world.run(build.config(mine, other), 120)
        return world

    world = run_virtually(scenario())

    refused = world.times("c2")[0]
    acme = [at for at, id_ in world.asked if id_ != "other" and at > refused]
    assert min(acme) == pytest.approx(wait if "GMT" in retry_after else refused + wait, abs=0.02)
    assert max(later - at for at, later in pairwise(world.times("other"))) <= 1.01


def test_a_fault_of_ours_fails_one_poll_and_not_the_sweep() -> None:
    told = StringIO()
    log.configure("info", "logfmt", told)

    async def broken(_: str) -> httpx.Response:
        raise ZeroDivisionError

    async def scenario() -> World:
        async with World({"c0": broken}) as world:
            await world.run(build.config(build.workspace(campaigns(3))), 30)
        return world

    assert run_virtually(scenario()).reasons() == {"invalid_response": 1, "": 2}
    assert 'msg="internal error while polling" workspace=acme campaign_id=c0' in told.getvalue()
    assert "Traceback" in told.getvalue()
    assert build.KEY not in told.getvalue()


def test_a_fault_of_ours_ends_its_poll_and_leaves_the_campaign_to_the_next_sweep() -> None:
    faults = [ZeroDivisionError()]

    async def broken_once(campaign_id: str) -> httpx.Response:
        if faults:
            raise faults.pop()
        return await good(campaign_id)

    async def scenario() -> World:
        async with World({"c0": broken_once}) as world:
            await world.run(build.config(build.workspace(campaigns(3))), 30)
        return world

    world = run_virtually(scenario())

    assert len(world.times("c0")) == 2
    assert world.reasons() == {"": 3}


def test_ten_thousand_polls_that_a_refused_key_ends_do_not_stop_the_loop() -> None:
    async def refuse_late(_: str) -> httpx.Response:
        await asyncio.sleep(1)
        return httpx.Response(401)

    async def scenario() -> int:
        turns_of_the_loop = 0
        async with World({"*": refuse_late}) as world:
            fast = build.workspace(campaigns(10_000), requests_per_second=1e6, max_concurrency=10)
            await world.run(build.config(fast), 1)
            while not world.poller.is_ready:
                turns_of_the_loop += 1
                await asyncio.sleep(0)
        assert len(world.asked) == 10
        assert world.reasons() == {"authentication_failed": 10_000}
        return turns_of_the_loop

    assert run_virtually(scenario()) >= 10_000 / 10
