"""What is kept of each campaign, and until when it may be shown."""

import asyncio
from dataclasses import replace

import pytest

from exporter.config import Campaign, Key, Poll
from exporter.errors import Failure, Reason
from exporter.stats import Stats
from exporter.store import State, Store
from tests.build import Clock, campaign

REFUSED = Failure(Reason.SERVER_ERROR, "HTTP 500", "500")
A, B = campaign("a"), campaign("b")


class World:
    """A store with some campaigns, its clocks, and what it tells an observer."""

    def __init__(self, *campaigns: Campaign) -> None:
        self.now = 0.0
        self.wall = 1_750_000_000.0
        self.store = Store(wall=lambda: self.wall, monotonic=lambda: self.now)
        self.events: list[tuple[State | None, State] | Key] = []
        self.store.observe(self)
        self.store.configure(campaigns)
        self.events.clear()

    def changed(self, old: State | None, new: State) -> None:
        self.events.append((old, new))

    def removed(self, key: Key) -> None:
        self.events.append(key)

    def read(self, read: Campaign, sent: int, at: float = 0.0) -> None:
        self.now = at
        self.store.succeeded(read.key, Stats(sent=sent))

    def shown(self, at: float) -> dict[str, int | None]:
        """Return what of each campaign's figures may be shown at a time."""
        self.now = at
        return {state.campaign.id: state.stats.sent if state.stats else None for state in self.store.states()}


def with_stale_after(kept: Campaign, stale_after: float) -> Campaign:
    return replace(kept, poll=Poll(stale_after=stale_after))


def test_a_campaign_begins_unknown() -> None:
    assert World(A).store.states() == [State(A)]


def test_a_reading_replaces_all_that_was_known() -> None:
    world = World(A)
    world.store.failed(A.key, REFUSED)
    world.read(A, 7)

    assert world.store.get(A.key) == State(A, Stats(sent=7), 1_750_000_000.0, up=True, error=None)


def test_a_failure_keeps_the_reading_and_its_time() -> None:
    world = World(A)
    world.read(A, 7)
    world.wall += 60
    world.store.failed(A.key, REFUSED)

    assert world.store.get(A.key) == State(A, Stats(sent=7), 1_750_000_000.0, up=False, error=REFUSED)


def test_a_reading_is_shown_until_stale_after_and_not_longer() -> None:
    world = World(A)
    world.read(A, 7, at=10)

    assert world.shown(at=310) == {"a": 7}
    assert world.shown(at=310.001) == {"a": None}


def test_what_is_stale_is_told_once_and_only_the_reading_goes() -> None:
    world = World(A, B)
    world.read(A, 7)
    world.events.clear()

    world.shown(at=301)
    world.shown(at=302)

    before = State(A, Stats(sent=7), 1_750_000_000.0, up=True)
    assert world.events == [(before, replace(before, stats=None))]
    assert [state.is_stale for state in world.store.states()] == [True, False]


def test_failures_do_not_prolong_a_reading_and_a_new_one_does() -> None:
    world = World(A, B)
    world.read(A, 7)
    world.read(B, 8)
    world.now = 299
    world.store.failed(A.key, REFUSED)
    world.read(B, 9, at=299)

    assert world.shown(at=301) == {"a": None, "b": 9}
    assert world.shown(at=600) == {"a": None, "b": None}


def test_who_is_read_again_lets_older_readings_go() -> None:
    world = World(A, B)
    world.read(A, 7, at=0)
    world.read(B, 8, at=10)
    world.read(A, 9, at=20)

    assert world.shown(at=311) == {"a": 9, "b": None}


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_wall_clock_that_jumps_ends_no_reading(jump: float) -> None:
    world = World(A)
    world.read(A, 7)
    world.wall += jump

    assert world.shown(at=300) == {"a": 7}
    assert world.shown(at=301) == {"a": None}


def test_a_campaign_that_is_not_configured_is_not_kept() -> None:
    world = World(A)
    world.store.succeeded(B.key, Stats(sent=1))
    world.store.failed(B.key, REFUSED)

    assert world.shown(at=0) == {"a": None}
    assert world.store.get(B.key) is None
    assert world.events == []


def test_a_campaign_that_stays_keeps_what_is_known() -> None:
    world = World(A, B)
    world.read(A, 7)
    world.store.failed(B.key, REFUSED)
    known = world.store.states()
    world.events.clear()

    world.store.configure([campaign("a"), campaign("b"), campaign("c")])

    assert world.store.states() == [*known, State(campaign("c"))]
    assert world.events == [(None, State(campaign("c")))]  # what is equal is no change


def test_a_campaign_that_goes_is_forgotten_at_once() -> None:
    world = World(A, B)
    world.read(A, 7)
    world.events.clear()

    world.store.configure([B])
    assert world.events == [A.key]
    assert world.shown(at=301) == {"b": None}

    world.store.configure([A, B])
    assert world.shown(at=302) == {"b": None, "a": None}


def test_the_same_id_in_two_workspaces_is_two_campaigns() -> None:
    other = campaign("a", workspace="globex")
    world = World(A, other)
    world.read(A, 7)

    assert [state.stats for state in world.store.states()] == [Stats(sent=7), None]


def test_a_changed_campaign_keeps_its_reading_under_its_new_name() -> None:
    world = World(A)
    world.read(A, 7)
    renamed = replace(A, name="renamed")
    world.store.configure([renamed])

    assert world.store.get(A.key) == State(renamed, Stats(sent=7), 1_750_000_000.0, up=True)


def test_a_shorter_stale_after_counts_from_the_reading() -> None:
    world = World(A, B)
    world.read(A, 7, at=0)
    world.read(B, 8, at=100)
    world.store.configure([with_stale_after(A, 120), with_stale_after(B, 120)])

    assert world.shown(at=120) == {"a": 7, "b": 8}
    assert world.shown(at=121) == {"a": None, "b": 8}
    assert world.shown(at=221) == {"a": None, "b": None}


def test_a_longer_stale_after_counts_from_the_reading() -> None:
    world = World(A, B)
    world.read(A, 7, at=0)
    world.read(B, 8, at=100)
    world.store.configure([with_stale_after(A, 1000), B])

    assert world.shown(at=401) == {"a": 7, "b": None}
    assert world.shown(at=1001) == {"a": None, "b": None}


def test_an_older_reading_that_joins_newer_ones_goes_before_them() -> None:
    long, short = with_stale_after(A, 1000), B
    world = World(long, short)
    world.read(long, 7, at=0)
    world.read(short, 8, at=200)
    world.store.configure([A, short])  # both 300 s now

    assert world.shown(at=301) == {"a": None, "b": 8}


def test_polls_go_on_while_a_configuration_is_taken_and_it_is_settled_only_at_its_end() -> None:
    async def scenario() -> tuple[bool, dict[str, int | None]]:
        world = World(A, B)
        steps = world.store.configuring([replace(A, name="renamed"), campaign("c")])
        next(steps)
        settled = asyncio.create_task(world.store.settled())
        await asyncio.sleep(0)
        world.read(A, 7)
        was_settled = settled.done()
        for _ in steps:
            pass
        await settled
        return was_settled, world.shown(at=0)

    assert asyncio.run(scenario()) == (False, {"a": 7, "c": None})


def test_a_configuration_that_is_given_up_half_way_does_not_hold_the_page_for_ever() -> None:
    world = World(A, B)
    steps = world.store.configuring([campaign("c")])
    next(steps)
    steps.close()

    asyncio.run(asyncio.wait_for(world.store.settled(), 1))


def test_what_is_stale_already_does_not_come_back() -> None:
    world = World(A)
    world.read(A, 7)
    assert world.shown(at=301) == {"a": None}
    world.store.configure([with_stale_after(A, 1000)])

    assert world.shown(at=302) == {"a": None}


def test_a_late_observer_is_told_what_is_known() -> None:
    store = Clock().store()
    store.configure([A, B])
    late = World()
    store.observe(late)

    assert late.events == [(None, State(A)), (None, State(B))]
