"""Each scenario keeps its promise, at any time and for any seed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.api.endpoints import parse_stats
from exporter.sandbox.campaigns import SCENARIOS, simulate

HOUR, DAY = 3600.0, 86400.0
TOTALS = ("totalEnrolled", "sent", "delivered", "bounced", "replied")
seeds = st.integers(0, 10**6)
times = st.floats(-30 * DAY, 1000 * DAY)
scenarios = st.sampled_from(sorted(SCENARIOS))


def figures(scenario: str, seed: int, time: float) -> dict[str, Any]:
    return simulate(scenario, seed, f"camp_{scenario}").figures(time)


def bounce_ratio(scenario: str, seed: int, time: float) -> float:
    at = figures(scenario, seed, time)
    return float(at["bounced"] / at["sent"])


@given(scenarios, seeds, times)
def test_every_answer_is_a_reading_that_adds_up(scenario: str, seed: int, time: float) -> None:
    reading: Any = parse_stats(simulate(scenario, seed, "camp_x").body("camp_x", time), "camp_x")
    assert min(reading.total_enrolled, reading.sent, reading.delivered, reading.bounced, reading.replied) >= 0
    assert reading.delivered + reading.bounced <= reading.sent
    assert reading.replied <= reading.total_enrolled
    assert reading.reply_rate == (round(reading.replied / reading.delivered, 2) if reading.delivered else None)
    assert reading.open_rate is None or reading.open_rate == round(reading.open_rate, 2)


@given(scenarios, seeds, times, st.floats(1, 10 * DAY))
def test_totals_never_fall(scenario: str, seed: int, time: float, later: float) -> None:
    before, after = figures(scenario, seed, time), figures(scenario, seed, time + later)
    assert all(before[total] <= after[total] for total in TOTALS)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_totals_never_fall_over_weeks(scenario: str) -> None:
    campaign = simulate(scenario, 1, "camp_x")
    before: dict[str, Any] = campaign.figures(-DAY)
    for minute in range(0, 6 * 7 * 24 * 60, 7):
        after: dict[str, Any] = campaign.figures(minute * 60.0)
        assert all(before[total] <= after[total] for total in TOTALS)
        before = after


@given(seeds)
def test_the_bouncing_one_starts_healthy_and_passes_3_and_5_percent_soon_after_the_origin(seed: int) -> None:
    ratio = {time: bounce_ratio("bouncing", seed, time) for time in (-12 * HOUR, 0, 0.5 * HOUR, 2 * HOUR, 90 * DAY)}
    assert ratio[-12 * HOUR] < 0.02
    assert 0.02 < ratio[0] < 0.03
    assert 0.03 < ratio[0.5 * HOUR] < 0.05
    assert 0.05 < ratio[2 * HOUR] < 0.08
    assert 0.1 < ratio[90 * DAY] <= 0.12
    at = figures("bouncing", seed, 0)
    assert at["sent"] > at["delivered"] + at["bounced"]  # the newest mails are in flight


@given(seeds, st.floats(0, 90 * DAY))
def test_the_healthy_one_stays_under_every_limit(seed: int, time: float) -> None:
    at = figures("healthy", seed, time)
    assert at["sent"] > max(1000, at["totalEnrolled"])  # a lead gets more than one mail
    assert bounce_ratio("healthy", seed, time) < 0.02
    assert 0 <= at["queued"] < 300


@given(st.sampled_from(["healthy", "bouncing", "backlog", "flaky"]), seeds, st.floats(0, 29 * DAY))
def test_what_lives_sends_every_day(scenario: str, seed: int, time: float) -> None:
    assert figures(scenario, seed, time + DAY)["sent"] > figures(scenario, seed, time)["sent"]


@given(seeds, st.floats(0, 5 * DAY))
def test_the_backlog_needs_weeks(seed: int, time: float) -> None:
    now, tomorrow = figures("backlog", seed, time), figures("backlog", seed, time + DAY)
    assert now["queued"] > 5000
    assert now["queued"] / (tomorrow["sent"] - now["sent"]) > 14


@given(st.sampled_from(["paused", "finished"]), seeds, st.floats(0, 900 * DAY))
def test_the_paused_one_holds_mail_and_the_finished_one_has_none(scenario: str, seed: int, time: float) -> None:
    at = figures(scenario, seed, time)
    assert at == figures(scenario, seed, 0)
    assert (at["queued"] > 0) == (scenario == "paused")
    assert at["sent"] == at["delivered"] + at["bounced"] > 0


@given(seeds, times)
def test_a_draft_is_all_zeros_and_has_no_ratios(seed: int, time: float) -> None:
    body = simulate("draft", seed, "camp_x").body("camp_x", time)
    assert parse_stats(body, "camp_x") == Stats(0, 0, 0, 0, 0, 0, None, None)
    assert b'"openRate": null' in body
