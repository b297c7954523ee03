"""Each story keeps its promise, at any time and for any seed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sandbox.stories import STORIES, cast
from exporter.stats import Stats, parse

HOUR, DAY = 3600.0, 86400.0
WEEKS = 6
seeds = st.integers(0, 10**6)
times = st.floats(-30 * DAY, 1000 * DAY)
stories = st.sampled_from(sorted(STORIES))


def figures(story: str, seed: int, time: float) -> dict[str, Any]:
    return cast(story, seed, f"camp_{story}").figures(time)


def bounce_ratio(story: str, seed: int, time: float) -> float:
    at = figures(story, seed, time)
    return float(at["bounced"] / at["sent"])


@given(stories, seeds, times)
def test_every_answer_is_a_reading_that_adds_up(story: str, seed: int, time: float) -> None:
    reading = parse(cast(story, seed, "camp_x").body("camp_x", time), "camp_x")
    counts = reading.total_enrolled, reading.sent, reading.delivered, reading.bounced, reading.replied, reading.queued
    enrolled, sent, delivered, bounced, replied, _ = (count if count is not None else -1 for count in counts)
    assert min(enrolled, sent, delivered, bounced, replied) >= 0
    assert delivered + bounced <= sent
    assert replied <= enrolled
    assert reading.reply_rate == (round(replied / delivered, 2) if delivered else None)
    assert reading.open_rate is None or reading.open_rate == round(reading.open_rate, 2)


@given(stories, seeds, times, st.floats(1, 10 * DAY))
def test_totals_never_fall(story: str, seed: int, time: float, later: float) -> None:
    before, after = figures(story, seed, time), figures(story, seed, time + later)
    for total in ("totalEnrolled", "sent", "delivered", "bounced", "replied"):
        assert before[total] <= after[total]


@pytest.mark.parametrize("story", sorted(STORIES))
def test_totals_never_fall_over_weeks(story: str) -> None:
    told = cast(story, 1, "camp_x")
    before = told.figures(-DAY)
    for minute in range(0, WEEKS * 7 * 24 * 60, 7):
        after = told.figures(minute * 60.0)
        assert all(before[total] <= after[total] for total in ("totalEnrolled", "sent", "delivered", "bounced"))  # type: ignore[operator]  # counts
        before = after


@given(seeds)
def test_the_bouncing_one_starts_healthy_and_passes_3_and_5_percent_soon_after_the_origin(seed: int) -> None:
    ratio = {time: bounce_ratio("bouncing", seed, time) for time in (-12 * HOUR, 0, 0.5 * HOUR, 2 * HOUR, 90 * DAY)}
    assert ratio[-12 * HOUR] < 0.02
    assert 0.02 < ratio[0] < 0.03
    assert 0.03 < ratio[0.5 * HOUR] < 0.05
    assert 0.05 < ratio[2 * HOUR] < 0.08
    assert 0.1 < ratio[90 * DAY] <= 0.12


@given(seeds, st.floats(0, 90 * DAY))
def test_the_healthy_one_stays_under_every_limit(seed: int, time: float) -> None:
    at = figures("healthy", seed, time)
    assert at["sent"] > 1000
    assert bounce_ratio("healthy", seed, time) < 0.02
    assert 0 <= at["queued"] < 300


@given(
    stories.filter(lambda story: story in {"healthy", "bouncing", "backlog", "flaky"}), seeds, st.floats(0, 29 * DAY)
)
def test_what_lives_sends_every_day(story: str, seed: int, time: float) -> None:
    assert figures(story, seed, time + DAY)["sent"] > figures(story, seed, time)["sent"]


def test_a_lead_gets_more_than_one_mail() -> None:
    at = figures("healthy", 1, 0)
    assert at["sent"] > at["totalEnrolled"]


@given(seeds)
def test_the_newest_mails_are_in_flight(seed: int) -> None:
    at = figures("bouncing", seed, 0)
    assert at["sent"] > at["delivered"] + at["bounced"]


@given(seeds, st.floats(0, 5 * DAY))
def test_the_backlog_needs_weeks(seed: int, time: float) -> None:
    now, tomorrow = figures("backlog", seed, time), figures("backlog", seed, time + DAY)
    sent_a_day = tomorrow["sent"] - now["sent"]
    assert now["queued"] > 5000
    assert now["queued"] / sent_a_day > 14


@given(seeds, st.floats(0, 900 * DAY))
def test_the_paused_one_holds_mail_and_sends_nothing(seed: int, time: float) -> None:
    at = figures("paused", seed, time)
    assert at == figures("paused", seed, 0)
    assert at["queued"] > 0
    assert at["sent"] == at["delivered"] + at["bounced"] > 0


@given(seeds, st.floats(0, 900 * DAY))
def test_the_finished_one_has_nothing_left(seed: int, time: float) -> None:
    at = figures("finished", seed, time)
    assert at == figures("finished", seed, 0)
    assert at["queued"] == 0
    assert at["sent"] == at["delivered"] + at["bounced"] > at["totalEnrolled"]


@given(seeds, times)
def test_a_draft_is_all_zeros_and_has_no_ratios(seed: int, time: float) -> None:
    body = cast("draft", seed, "camp_x").body("camp_x", time)
    assert parse(body, "camp_x") == Stats(0, 0, 0, 0, 0, 0, None, None)
    assert b'"openRate": null' in body
