"""How one campaign is asked: retries, refused keys, holds, faults of our own."""

import asyncio
from collections import Counter
from itertools import pairwise

import httpx
import pytest

from exporter.secret import KeySource
from tests import build
from tests.exporting import polled_page
from tests.polling.world import Answer, World, campaigns, good, hang, logged, one_workspace, polled, slow, status


def test_an_api_that_is_down_is_told_of_after_a_poll_s_retries_and_not_after_a_whole_round() -> None:
    """A round takes 200 s; retries begin within 1 and 2 s, each behind what the ten workers hold for a second."""
    config = one_workspace(campaigns(2000, interval=300), requests_per_second=10)
    world, lines = logged((status(503), 6), of=config)
    assert world.reasons()["server_error"] >= 1
    assert "campaign_id=c" in next(line for line in lines if "poll failed" in line)
    asked = Counter(id_ for _, id_ in world.asked)
    assert 58 <= asked.total() <= 62
    assert max(asked.values()) == 3
    assert list(asked) == [f"c{number}" for number in range(len(asked))]  # the others in their turn
    sent = {"workspace": "acme", "endpoint": "campaign_stats", "code": "503"}
    assert world.telemetry.registry.get_sample_value("leadterra_api_requests_total", sent) == asked.total()


@pytest.mark.parametrize(
    ("answer", "interval", "requests"), [*((status(code), 60, 1) for code in (400, 401, 403, 404, 302)), (hang, 15, 2)]
)
def test_what_cannot_pass_and_what_has_no_time_left_is_not_retried(
    answer: Answer, interval: float, requests: int
) -> None:
    asked: list[httpx.Request] = []
    config = one_workspace(campaigns(1, interval), timeout=10, retries=100)
    polled_page(config, lambda request: asked.append(request) or answer("c0"))  # type: ignore[func-returns-value]
    assert len(asked) == requests


def test_a_refused_key_ends_the_sweep_the_next_asks_once_and_it_is_told_of_once_as_is_its_end() -> None:
    world = polled((status(401), 59), of=100)
    # Two requests of the first sweep, one of the sweep that follows it; each answer comes before the next poll.
    assert len(world.asked) == 3
    assert world.reasons() == {"authentication_failed": 100}
    world, lines = logged((status(401), 130), (good, 130), of=100)
    assert world.reasons() == {"": 100}
    assert [line for line in lines if 'msg="key' in line] == [
        'level=error msg="key refused" workspace=acme detail="HTTP 401"',
        'level=info msg="key no longer refused" workspace=acme',
    ]
    assert any("polled again, the key is accepted" in line for line in lines)  # a new key's only line
    assert len(lines) <= 2 + 2 + 3  # beside the key only the campaigns that met a 401 themselves


def test_an_outage_of_a_thousand_campaigns_is_a_handful_of_lines_and_so_is_its_end() -> None:
    _, lines = logged((good, 70), (status(503), 190), (good, 130), of=1000, requests_per_second=20)
    assert len(lines) <= 14
    [total] = [line for line in lines if "1000 of 1000 polls fail" in line]
    assert 'reason=server_error detail="HTTP 503" first_campaign_id=c' in total
    assert [line for line in lines if "campaigns are polled again" in line and "still_failing=0" in line]
    (late,) = [line for line in lines if "not ended within its interval" in line]
    assert "hint" not in late  # for a server's errors to ask less is no cure


def test_a_key_that_is_not_refused_any_more_lets_the_sweep_go_on_once_it_is_known() -> None:
    world = polled((status(401), 30), (status(503), 92), of=20, retries=0)
    assert world.reasons() == {"server_error": 20}
    world = polled((status(401), 30), (slow(8), 100), of=20)
    assert world.reasons() == {"": 20}
    again = {id_: at for at, id_ in reversed(world.asked) if at > 30}  # when each was asked first
    heard = again.pop(min(again, key=again.__getitem__)) + 8
    assert heard <= min(again.values())
    assert max(again.values()) < heard + 12


def test_a_key_that_is_accepted_again_is_seen_within_an_interval_whatever_the_turns() -> None:
    rarely = [build.campaign(f"slow{number}", interval=3600.0) for number in range(5)]
    world = polled((status(401), 130), (good, 64), of=one_workspace([*campaigns(20), *rarely]))
    assert world.reasons() == {"": 25}


def test_each_sweep_asks_with_another_campaign_whether_the_key_is_still_refused() -> None:
    world = polled((status(401), 300), ({"c0": status(401)}, 130), of=4)
    assert {id_ for at, id_ in world.asked if 10 < at < 300} == {"c0", "c1", "c2", "c3"}
    assert world.reasons() == {"": 3, "authentication_failed": 1}


def test_without_a_key_nothing_is_sent_and_nothing_counted() -> None:
    missing = KeySource(env="LEADTERRA_TEST_NO_SUCH_KEY")
    world = polled((good, 100), of=one_workspace(campaigns(5), key=missing))
    assert world.asked == []
    assert world.reasons() == {"authentication_failed": 5}
    (detail,) = {state.error.detail.removeprefix("not asked, ") for state in world.store.states() if state.error}
    assert detail == "no key: environment variable LEADTERRA_TEST_NO_SUCH_KEY is not set"
    counted = [sample for family in world.telemetry.registry.collect() for sample in family.samples]
    assert sum(sample.value for sample in counted if sample.name == "leadterra_api_requests_total") == 0


def test_a_401_or_403_of_one_campaign_among_others_is_its_own() -> None:
    world = polled(({"c0": status(401), "c3": status(403)}, 300), of=8, max_concurrency=1)
    assert world.reasons() == {"": 6, "authentication_failed": 2}
    assert Counter(id_ for _, id_ in world.asked)["c7"] >= 5


def test_a_campaign_whose_turn_passes_while_a_429_holds_the_workspace_does_not_look_fine() -> None:
    limited = (good, 70), (status(429, **{"Retry-After": "3600"}), 180)
    world = polled(*limited, of=20)
    assert world.reasons() == {"rate_limited": 20}
    assert len(world.asked) < 20 + 20 + 10
    _, lines = logged(*limited, (good, 190), of=20)
    assert any("20 campaigns are polled again" in line for line in lines)  # those among them that were not asked
    (late,) = [line for line in lines if "not ended within its interval" in line]
    assert "hint" not in late  # to ask for more is no cure


@pytest.mark.parametrize(("retry_after", "wait"), [("7", 7), ("Sun, 09 Sep 2001 01:46:48 GMT", 8), ("1000000000", 60)])
def test_429_holds_the_whole_workspace_and_no_other(retry_after: str, wait: float) -> None:
    other = build.workspace([build.campaign("other", workspace="other", interval=1)], name="other")
    config = build.config(build.workspace(campaigns(50)), other)
    world = polled(({"c2": status(429, **{"Retry-After": retry_after})}, 120), of=config)
    refused = world.times("c2")[0]
    acme = [at for at, id_ in world.asked if id_ != "other" and at > refused]
    assert min(acme) == pytest.approx(wait if "GMT" in retry_after else refused + wait, abs=0.02)
    assert max(later - at for at, later in pairwise(world.times("other"))) <= 1.01


def test_a_fault_of_ours_fails_one_poll_and_not_the_sweep_and_leaves_the_campaign_to_the_next() -> None:
    async def broken(_: str) -> httpx.Response:
        raise ZeroDivisionError

    world, lines = logged(({"c0": broken}, 0.5), of=3)
    assert world.reasons() == {"invalid_response": 1, "": 2}
    text = "\n".join(lines)
    assert 'msg="internal error while polling" workspace=acme campaign_id=c0' in text
    assert "Traceback" in text
    assert build.KEY not in text
    world = polled(({"c0": broken}, 0.05), (good, 29.5), of=3)
    assert len(world.times("c0")) == 2
    assert world.reasons() == {"": 3}


async def test_ten_thousand_polls_that_a_refused_key_ends_do_not_stop_the_loop() -> None:
    async def refuse_late(_: str) -> httpx.Response:
        await asyncio.sleep(max(0, 1 - asyncio.get_running_loop().time()))
        return httpx.Response(401)

    turns_of_the_loop = 0
    async with World({"*": refuse_late}) as world:
        await world.run(one_workspace(campaigns(10_000), requests_per_second=10), 1)
        assert len(asyncio.all_tasks()) < 20  # what waits is no task
        # No time passes: whatever waited for the budget would never end.
        while not world.exporter.is_ready and turns_of_the_loop < 100_000:
            turns_of_the_loop += 1
            await asyncio.sleep(0)
    assert len(world.asked) == 11  # the tenth and the one that is sent before a second refusal is known
    assert world.reasons() == {"authentication_failed": 10_000}
    assert turns_of_the_loop >= 10_000 / 10
