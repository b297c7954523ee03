"""What is kept of each campaign, and until when it may be shown."""

import pytest

from exporter.api import Stats
from exporter.config import Campaign, Poll, TargetKey
from exporter.errors import Failure, Reason
from exporter.store import State, Store
from tests.build import campaign

REFUSED = Failure(Reason.SERVER_ERROR, "HTTP 500", "500")
A, B, C = campaign("a"), campaign("b"), campaign("c")
THEN = 1_750_000_000.0


class World:
    """A store with some campaigns, its clocks, and what a listener hears of it."""

    def __init__(self, *campaigns: Campaign) -> None:
        self.now, self.wall = 0.0, THEN
        self.store = Store(wall=lambda: self.wall, monotonic=lambda: self.now)
        self.heard: list[TargetKey] = []
        self.store.configure(campaigns)
        self.store.subscribe(
            lambda key, _old, _new: self.heard.append(key), lambda changed, gone: self.heard.extend([*changed, *gone])
        )

    def read(self, read: Campaign, sent: int, at: float = 0.0) -> None:
        self.now = at
        self.store.succeeded(read.key, Stats(sent=sent))
        self.heard.clear()

    def shown(self, at: float) -> dict[str, int | None]:
        """Return what of each campaign's figures may be shown at a time."""
        self.now = at
        return {state.target.id: state.reading.sent if state.reading else None for state in self.store.states()}


def with_stale_after(kept: Campaign, stale_after: float) -> Campaign:
    return kept._replace(poll=Poll(stale_after=stale_after))


def test_a_reading_replaces_all_that_was_known_and_a_failure_keeps_it_and_its_time() -> None:
    world = World(A, B)
    assert world.heard == [A.key, B.key]  # first of what is known
    assert world.store.states() == [State(A), State(B)]
    world.store.failed(A.key, REFUSED)
    world.read(A, 7)
    assert world.store.get(A.key) == State(A, Stats(sent=7), THEN, up=True, stale_at=300.0)
    world.wall += 60
    world.store.failed(A.key, REFUSED)
    assert world.store.get(A.key) == State(A, Stats(sent=7), THEN, up=False, error=REFUSED, stale_at=300.0)


@pytest.mark.parametrize("jump", [0, -1e9, 1e9])
def test_a_reading_is_shown_until_stale_after_whether_polls_fail_and_however_the_wall_clock_jumps(jump: float) -> None:
    world = World(A)
    world.read(A, 7, at=10)
    world.wall += jump
    world.now = 299
    world.store.failed(A.key, REFUSED)
    assert world.shown(at=310) == {"a": 7}
    assert world.shown(at=310.001) == {"a": None}


def test_what_is_stale_is_told_once_only_the_reading_goes_and_it_does_not_come_back() -> None:
    world = World(A, B)
    world.read(A, 7)
    world.shown(at=301)
    world.shown(at=302)
    assert world.heard == [A.key]
    assert world.store.states() == [State(A, None, THEN, up=True), State(B)]
    assert [state.is_stale for state in world.store.states()] == [True, False]
    world.store.configure([with_stale_after(A, 1000), B])
    assert world.shown(at=303) == {"a": None, "b": None}


def test_a_campaign_that_is_not_configured_is_not_kept_and_one_that_goes_is_forgotten_at_once() -> None:
    world = World(A)
    world.read(A, 7)
    world.store.succeeded(B.key, Stats(sent=1))
    world.store.failed(B.key, REFUSED)
    assert (world.shown(at=0), world.store.get(B.key), world.heard) == ({"a": 7}, None, [])
    world.store.configure([B])
    assert world.heard == [B.key, A.key]
    assert world.shown(at=301) == {"b": None}
    world.store.configure([A, B])
    assert world.store.states() == [State(A), State(B)]


def test_a_campaign_that_stays_keeps_what_is_known_under_its_new_name_and_is_kept_once() -> None:
    world = World(A, B)
    world.store.failed(B.key, REFUSED)
    world.read(A, 7)
    known = world.store.states()
    world.store.configure([campaign("a"), campaign("b"), campaign("c")])
    assert world.store.states() == [*known, State(C)]
    assert all(state is old for state, old in zip(world.store.states(), known, strict=False))
    assert world.heard == [C.key]  # what is equal is no change
    world.store.configure([renamed := A._replace(name="renamed")])
    assert world.store.get(A.key) == State(renamed, Stats(sent=7), THEN, up=True, stale_at=300.0)


def test_another_stale_after_counts_from_the_reading() -> None:
    world = World(A, B)
    world.read(A, 7, at=0)
    world.read(B, 8, at=100)
    world.store.configure([with_stale_after(A, 120), with_stale_after(B, 1000)])
    for at, a, b in ((120, 7, 8), (121, None, 8), (1100, None, 8), (1101, None, None)):
        assert world.shown(at) == {"a": a, "b": b}


def test_what_is_polled_between_preparing_and_adopting_is_kept() -> None:
    world = World(A, B)
    prepared = world.store.prepare([campaign("a"), with_stale_after(B, 400), C])
    world.read(A, 7)
    world.read(B, 8)
    world.store.adopt(prepared)
    assert world.shown(at=390) == {"a": None, "b": 8, "c": None}
    assert set(world.heard) == {B.key, C.key, A.key}  # a only when it became stale
