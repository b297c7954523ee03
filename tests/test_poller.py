"""When campaigns are asked: in virtual time, so that hours pass in milliseconds, with httpx's transport as the seam."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from typing import Self

import httpx
import pytest

from exporter import log
from exporter.client import Client
from exporter.config import Campaign, Config, Workspace
from exporter.poller import Poller
from exporter.poller.budget import Budget
from exporter.secret import ApiKey, KeySource
from exporter.store import State, Store
from exporter.telemetry import Telemetry
from tests import build
from tests.conftest import run_virtually

Answer = Callable[[str], Awaitable[httpx.Response]]


async def good(campaign_id: str) -> httpx.Response:
    await asyncio.sleep(0.1)
    return httpx.Response(200, json={"campaignId": campaign_id, "sent": 1})


def status(code: int, **headers: str) -> Answer:
    async def answer(_: str) -> httpx.Response:
        return httpx.Response(code, headers=headers)

    return answer


async def hang(_: str) -> httpx.Response:
    await asyncio.sleep(3600)
    raise AssertionError("the time-out comes first")


class Transport(httpx.MockTransport):
    is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class World:
    """A poller, the API it asks and what was asked when; `answers` may change while it runs."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)
    transports: list["Transport"] = field(default_factory=list)
    most_in_flight: int = 0
    _in_flight: int = 0

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self.wall = lambda: 1e9 + clock()
        self.store = Store(wall=self.wall, monotonic=clock)
        self.telemetry = Telemetry()
        self.poller = Poller(self.store, self.telemetry, self._open_client)

    def _open_client(self, workspace: Workspace) -> Client:
        transport = Transport(self._answer)
        self.transports.append(transport)
        return Client(workspace.api, ApiKey(workspace.key), transport=transport, wall=self.wall)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        campaign_id = request.url.path.split("/")[3]
        self.asked.append((asyncio.get_running_loop().time(), campaign_id))
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self.answers.get(campaign_id, self.answers.get("*", good))(campaign_id)
        finally:
            self._in_flight -= 1

    async def configure(self, config: Config) -> None:
        self.store.configure(config.campaigns)
        await self.poller.configure(config)
        self.telemetry.configure((workspace.name, len(workspace.campaigns)) for workspace in config.workspaces)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.poller.stop()

    async def run(self, config: Config, seconds: float) -> None:
        self.poller.start()
        await self.configure(config)
        await asyncio.sleep(seconds)

    def times(self, campaign_id: str) -> list[float]:
        return [round(at, 2) for at, id_ in self.asked if id_ == campaign_id]

    def state(self, campaign_id: str) -> State:
        state = self.store.get(("acme", campaign_id))
        assert state is not None
        return state

    def reasons(self) -> Counter[str]:
        return Counter(state.error.reason.value if state.error else "" for state in self.store.states())

    def overruns(self) -> float:
        value = self.telemetry.registry.get_sample_value(
            "leadterra_workspace_sweep_overruns_total", {"workspace": "acme"}
        )
        assert value is not None
        return value

    def requests(self, code: str) -> float | None:
        labels = {"workspace": "acme", "code": code}
        return self.telemetry.registry.get_sample_value("leadterra_api_requests_total", labels)


def campaigns(count: int, interval: float = 60.0) -> list[Campaign]:
    return [build.campaign(f"c{number}", interval=interval) for number in range(count)]


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


@pytest.mark.parametrize("rate", [0.5, 3, 20, 33, 250, 5000])
def test_a_budget_is_kept_in_every_window(rate: float) -> None:
    async def scenario() -> list[float]:
        budget, granted = Budget(rate), []
        for _ in range(int(rate * 10) + 5):
            await budget.acquire()
            granted.append(asyncio.get_running_loop().time())
        return granted

    granted = run_virtually(scenario())

    size = max(1, int(rate))
    for first, beyond in zip(granted, granted[size:], strict=False):
        assert beyond - first >= size / rate - 1e-6
    assert granted[-1] <= 10 + 5 / rate + 0.1  # and it is used


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
    assert sorted(id_ for at, id_ in world.asked if 59.9 < at < 119) == sorted(f"c{number}" for number in range(20))


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


def test_an_overrun_is_counted_once_a_sweep_and_nothing_piles_up() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(100), requests_per_second=1)), 1000)
        return world

    world = run_virtually(scenario())

    assert 5 <= world.overruns() <= 1000 / 60
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


def test_no_campaign_is_asked_twice_at_once() -> None:
    async def scenario() -> World:
        async with World({"c0": hang}) as world:
            await world.run(build.config(build.workspace(campaigns(1, interval=5), timeout=18)), 100)
        return world

    world = run_virtually(scenario())

    assert world.most_in_flight == 1
    assert world.times("c0") == [0, 20, 40, 60, 80]  # at the first turn after each 18 s


def test_reload_adds_removes_and_leaves_the_rest_undisturbed() -> None:
    async def scenario() -> World:
        async with World() as world:
            before = [build.campaign("kept"), build.campaign("removed")]
            await world.run(build.config(build.workspace(before)), 70)
            after = [build.campaign("kept"), build.campaign("added")]
            await world.configure(build.config(build.workspace(after)))
            await asyncio.sleep(200)
        return world

    world = run_virtually(scenario())

    assert world.times("added")[0] == pytest.approx(70, abs=0.2)
    assert len(world.times("added")) >= 3
    assert max(world.times("removed")) < 70
    kept = world.times("kept")
    assert {round(later - at) for at, later in pairwise(kept[1:])} == {60}
    assert world.store.get(("acme", "removed")) is None


def test_reload_with_another_key_asks_all_again_but_keeps_a_hold() -> None:
    async def scenario() -> World:
        async with World({"*": status(429, **{"Retry-After": "50"})}) as world:
            await world.run(build.config(build.workspace(campaigns(3))), 10)
            world.answers["*"] = good
            other_key = KeySource(env="LEADTERRA_TEST_KEY_2")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LEADTERRA_TEST_KEY_2", "sk_test_other")
                await world.configure(build.config(build.workspace(campaigns(3), key=other_key)))
                await asyncio.sleep(60)
        return world

    world = run_virtually(scenario())

    later = [at for at, _ in world.asked if at > 10]
    assert min(later) >= 50
    assert world.reasons() == {"": 3}


def test_reload_changes_the_budget_and_closes_the_old_connections() -> None:
    async def scenario() -> World:
        async with World() as world:
            await world.run(build.config(build.workspace(campaigns(20), requests_per_second=100)), 10)
            await world.configure(build.config(build.workspace(campaigns(20), requests_per_second=1)))
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
            await world.run(build.config(build.workspace(campaigns(1, interval=7))), 100)
            await world.configure(build.config(build.workspace(campaigns(1, interval=60))))
            await asyncio.sleep(300)
        return world

    after = [at for at in run_virtually(scenario()).times("c0") if at > 101]
    assert [round(later - at) for at, later in pairwise(after)] == [60] * 3


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


def test_stopping_ends_polls_at_once() -> None:
    async def scenario() -> float:
        async with World({"*": hang}) as world:
            await world.run(build.config(build.workspace(campaigns(30))), 5)
            loop = asyncio.get_running_loop()
            started = loop.time()
            await world.poller.stop()
        return loop.time() - started

    assert run_virtually(scenario()) == 0
