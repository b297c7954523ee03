"""The documented endpoint, status by status, and what each scenario promises at any time and for any seed."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.api.endpoints import parse_stats
from exporter.sandbox import WORKSPACES, Sandbox, create_app, load_ids
from exporter.sandbox.campaigns import SCENARIOS, simulate
from exporter.sandbox.faults import Answer, Fault
from tests import build
from tests.web.serving import serving

KEY, GLOBEX, ORPHAN = WORKSPACES
STATS = "/v1/campaigns/camp_123/stats"
DOCUMENTED = b"""{
  "campaignId": "camp_123",
  "totalEnrolled": 500,
  "sent": 480,
  "delivered": 471,
  "bounced": 9,
  "replied": 38,
  "queued": 20,
  "openRate": 0.42,
  "replyRate": 0.08
}"""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


AUTH = bearer(KEY)


def ask(sandbox: Sandbox, campaign: str) -> Answer:
    return sandbox.answer("GET", f"/v1/campaigns/{campaign}/stats", AUTH)


def test_the_documented_campaign_answers_the_documented_bytes_forever_and_all_have_its_fields() -> None:
    clock = build.Clock()
    sandbox = Sandbox(now=clock.wall, seed=7)
    for clock.monotonic in (0, 59, 86400 * 400):
        assert ask(sandbox, "camp_123") == Answer(200, DOCUMENTED, {"Content-Type": "application/json"})
    for campaign in (WORKSPACES[KEY] or {}).keys() - {"camp_flaky"}:
        answer = json.loads(ask(Sandbox(), campaign).body)
        assert (list(answer), answer["campaignId"]) == (list(json.loads(DOCUMENTED)), campaign)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        *(
            ("GET", STATS, {"Authorization": text}, 401, "authentication_failed")
            for text in ("", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY} x")
        ),
        ("POST", f"{STATS}?x=1", {}, 401, "authentication_failed"),  # the key is checked before the rest
        ("GET", STATS, bearer(ORPHAN or ""), 404, "workspace_not_found"),
        ("GET", STATS, bearer(GLOBEX), 404, "campaign_not_found"),
        ("GET", "/v1/campaigns/camp_board/stats", AUTH, 404, "campaign_not_found"),
        ("POST", STATS, AUTH, 405, "method_not_allowed"),
        ("GET", STATS, AUTH | {"Content-Length": "2"}, 400, "invalid_request"),
        ("GET", STATS, AUTH | {"Transfer-Encoding": "chunked"}, 400, "invalid_request"),
        ("GET", f"{STATS}?limit=1", AUTH, 400, "invalid_request"),
        *(
            ("GET", path, AUTH, 404, "not_found")
            for path in ("/", "/v1/campaigns", "/v1/campaigns/camp_123", "/v1/campaigns/a/b/stats", "/x/stats")
        ),
    ],
)
def test_what_is_refused(method: str, path: str, headers: Mapping[str, str], status: int, code: str) -> None:
    answer = Sandbox().answer(method, path, headers)
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], set(error)) == (status, code, {"code", "message"})


def test_what_is_answered_and_that_an_id_is_decoded_and_otherwise_opaque() -> None:
    for path, headers in (
        (STATS, AUTH | {"Content-Length": "0", "Content-Type": "application/json"}),
        (STATS, {"Authorization": f"bearer {KEY}"}),
        ("/v1/campaigns/camp_board/stats", bearer(GLOBEX)),
    ):
        assert Sandbox().answer("GET", path, headers).status == 200
    for id_, sent in (("a/b", "a%2Fb"), ("..", "%2e%2e"), ("käse 1", "k%C3%A4se%201")):
        answer = ask(Sandbox(workspaces={KEY: {id_: "healthy"}}), sent)
        assert json.loads(answer.body)["campaignId"] == id_


def test_the_same_seed_and_time_give_the_same_answers_in_any_order_and_process() -> None:
    campaigns = list(WORKSPACES[KEY] or {})
    first, second = (Sandbox(seed=3, now=build.Clock().wall, origin=-5000.0) for _ in range(2))
    assert {id_: ask(first, id_) for id_ in campaigns} == {id_: ask(second, id_) for id_ in reversed(campaigns)}
    # A literal: a hash that differs from process to process would not give these figures again.
    answer = json.loads(ask(Sandbox(seed=1), "camp_paused").body)
    assert (answer["totalEnrolled"], answer["sent"], answer["queued"]) == (2578, 2878, 624)


def test_speed_makes_an_hour_pass_in_a_minute() -> None:
    clock = build.Clock()
    real, fast = (Sandbox(now=clock.wall, origin=clock.wall() - 3600 / speed, speed=speed) for speed in (1, 60))
    assert ask(real, "camp_bouncing").body == ask(fast, "camp_bouncing").body


def test_the_flaky_one_answers_500_now_and_then_but_not_at_first() -> None:
    assert {ask(Sandbox(seed=seed, now=build.Clock().wall), "camp_flaky").status for seed in range(40)} == {200}
    clock = build.Clock()
    sandbox = Sandbox(now=clock.wall, speed=60)
    statuses: list[int] = []
    for _ in range(600):
        statuses.append(ask(sandbox, "camp_flaky").status)
        clock.monotonic += 1
    assert 60 < statuses.count(500) < 300
    assert set(statuses) == {200, 500}


def test_campaigns_for_load_have_figures_of_their_own() -> None:
    sandbox = Sandbox(load_campaigns=20)
    ids = list(load_ids(20))
    assert (ids[0], ids[-1]) == ("camp_load_00001", "camp_load_00020")
    assert len({json.loads(ask(sandbox, id_).body)["sent"] for id_ in ids}) > 10
    assert [ask(sandbox, id_).status for id_ in ("camp_load_00021", "camp_123")] == [404, 200]


async def test_answers_and_faults_travel() -> None:
    sandbox = Sandbox()
    async with serving(create_app(sandbox)) as listener, httpx.AsyncClient(timeout=1) as client:
        url = f"{listener.url}{STATS}"
        answer = await client.get(url, headers=AUTH)
        assert (answer.content, answer.headers["Content-Type"]) == (DOCUMENTED, "application/json")
        assert (await client.get(url)).status_code == 401
        assert (await client.request("GET", url, headers=AUTH, content=b"{}")).status_code == 400
        sandbox.faults.put("*", Fault(status=429, retry_after="7"))
        answer = await client.get(url, headers=AUTH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        sandbox.faults.put("*", Fault(latency=3))
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, headers=AUTH)


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


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
@given(seeds, st.lists(times, min_size=2))
@example(1, [minute * 60.0 for minute in range(-1440, 6 * 7 * 24 * 60, 7)])
def test_totals_never_fall(scenario: str, seed: int, at: list[float]) -> None:
    campaign: Any = simulate(scenario, seed, "camp_x")
    for before, after in pairwise(map(campaign.figures, sorted(at))):
        assert all(before[total] <= after[total] for total in TOTALS)


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
