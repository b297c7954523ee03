"""The documented endpoint, faults, and what each scenario of the sandbox promises at any time and for any seed."""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.api.endpoints import parse_stats
from exporter.demo import SandboxOptions, sandbox_parser
from exporter.sandbox import KEYS, WORKSPACES, Fault, Sandbox, create_app, demo_config, load_ids, parse_flag
from exporter.sandbox.api import Answer
from exporter.sandbox.campaigns import SCENARIOS, simulate
from tests import build
from tests.web.serving import serving

KEY, GLOBEX = WORKSPACES
STATS = "/v1/campaigns/camp_123/stats"
DOCUMENTED = json.dumps(build.DOCUMENTED, indent=2).encode()
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


AUTH, GLOBEX_AUTH = ({"Authorization": f"Bearer {key}"} for key in (KEY, GLOBEX))


def ask(sandbox: Sandbox, campaign: str) -> Answer:
    return sandbox.answer("GET", f"/v1/campaigns/{campaign}/stats", AUTH)


def statuses(sandbox: Sandbox, *ids: str) -> list[int]:
    return [ask(sandbox, id_).status for id_ in ids]


def test_the_documented_campaign_answers_the_documented_bytes_forever_and_all_have_its_fields() -> None:
    clock = build.Clock()
    sandbox = Sandbox(now=clock.wall, seed=7)
    for clock.monotonic in (0, 59, 86400 * 400):
        assert ask(sandbox, "camp_123") == Answer(200, DOCUMENTED, {"Content-Type": "application/json"})
    for campaign in WORKSPACES[KEY].keys() - {"camp_flaky"}:
        answer = json.loads(ask(Sandbox(), campaign).body)
        assert (list(answer), answer["campaignId"]) == (list(build.DOCUMENTED), campaign)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        *(
            ("GET", STATS, {"Authorization": text}, 401, "authentication_failed")
            for text in ("", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY} x")
        ),
        ("POST", f"{STATS}?x=1", {}, 401, "authentication_failed"),  # the key is checked before the rest
        ("GET", STATS, GLOBEX_AUTH, 404, "campaign_not_found"),
        ("GET", "/v1/campaigns/camp_board/stats", AUTH, 404, "campaign_not_found"),
        ("POST", STATS, AUTH, 405, "method_not_allowed"),
        ("GET", STATS, AUTH | {"Content-Length": "2"}, 400, "invalid_request"),
        ("GET", STATS, AUTH | {"Transfer-Encoding": "chunked"}, 400, "invalid_request"),
        ("GET", f"{STATS}?limit=1", AUTH, 400, "invalid_request"),
        *(
            ("GET", path, AUTH, 404, "not_found")
            for path in ("/", "/v1/campaigns", "/v1/campaigns/camp_123", "/v1/campaigns/a/b/stats", "/x/stats")
        ),
        ("GET", STATS, AUTH | {"Content-Length": "0", "Content-Type": "application/json"}, 200, None),
        ("GET", STATS, {"Authorization": f"bearer {KEY}"}, 200, None),
        ("GET", "/v1/campaigns/camp_board/stats", GLOBEX_AUTH, 200, None),
    ],
)
def test_what_is_refused(method: str, path: str, headers: Mapping[str, str], status: int, code: str | None) -> None:
    answer = Sandbox().answer(method, path, headers)
    error = json.loads(answer.body).get("error", {})
    assert (answer.status, error.get("code")) == (status, code)
    assert set(error) == ({"code", "message"} if code else set())


def test_an_id_is_decoded_and_otherwise_opaque() -> None:
    for id_, sent in (("a/b", "a%2Fb"), ("..", "%2e%2e"), ("käse 1", "k%C3%A4se%201")):
        answer = ask(Sandbox(workspaces={KEY: {id_: "healthy"}}), sent)
        assert json.loads(answer.body)["campaignId"] == id_


def test_the_same_seed_and_time_give_the_same_answers_in_any_order_and_process() -> None:
    campaigns = list(WORKSPACES[KEY])
    first, second = (Sandbox(seed=3, now=build.Clock().wall, origin=-5000.0) for _ in range(2))
    assert {id_: ask(first, id_) for id_ in campaigns} == {id_: ask(second, id_) for id_ in reversed(campaigns)}
    # A literal: a hash that differs from process to process would not give these figures again.
    answer = json.loads(ask(Sandbox(seed=1), "camp_paused").body)
    assert (answer["totalEnrolled"], answer["sent"], answer["queued"]) == (2578, 2878, 624)
    clock = build.Clock()
    real, fast = (Sandbox(now=clock.wall, origin=clock.wall() - 3600 / speed, speed=speed) for speed in (1, 60))
    assert ask(real, "camp_bouncing").body == ask(fast, "camp_bouncing").body


def test_the_flaky_one_answers_500_now_and_then_but_not_at_first() -> None:
    assert {ask(Sandbox(seed=seed, now=build.Clock().wall), "camp_flaky").status for seed in range(40)} == {200}
    clock = build.Clock()
    sandbox = Sandbox(now=clock.wall, speed=60)
    told = [ask(sandbox, "camp_flaky").status for clock.monotonic in range(600)]
    assert 60 < told.count(500) < 300
    assert set(told) == {200, 500}


async def test_answers_and_faults_travel() -> None:
    sandbox = Sandbox()
    async with serving(create_app(sandbox)) as listener, httpx.AsyncClient(timeout=1) as client:
        url = f"{listener.url}{STATS}"
        answer = await client.get(url, headers=AUTH)
        assert (answer.content, answer.headers["Content-Type"]) == (DOCUMENTED, "application/json")
        assert (await client.get(url)).status_code == 401
        assert (await client.request("GET", url, headers=AUTH, content=b"{}")).status_code == 400
        sandbox.set_fault("*", Fault(status=429, retry_after="7"))
        answer = await client.get(url, headers=AUTH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        sandbox.set_fault("*", Fault(latency=3))
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, headers=AUTH)


FAULTS = {
    "c=latency:2.5": Fault(latency=2.5),
    "c=status:503": Fault(status=503),
    "c=status:429,retry_after:3,count:5": Fault(status=429, retry_after="3", count=5),
    f"c=status:503,retry_after:{DATE},rate:0.5": Fault(status=503, retry_after=DATE, rate=0.5),
    "c=latency:1,status:418,rate:.2": Fault(latency=1, status=418, rate=0.2),
    "a=b,c:d=status:500": Fault(status=500),
}
SLIPS = (
    "status:503", "c=cut", "c=rate:0.5", "c=latency:2,cuont:2", "c=latency:-1", "c=latency:nan", "c=status:5o3",
    "c=status:200", "c=status:429,retry_aftr:2", "c=status:503,rate:2", "c=status:503,count:0",
)  # fmt: skip


def test_a_fault_is_read_and_a_slip_is_told_what_to_write_instead() -> None:
    assert {text: parse_flag(text) for text in FAULTS} == {
        text: (text.rpartition("=")[0], fault) for text, fault in FAULTS.items()
    }
    for text in SLIPS:
        with pytest.raises(ValueError, match=f"^{re.escape(repr(text))}: write CAMPAIGN=latency:SECONDS or CAMPAIGN="):
            parse_flag(text)


def test_a_fault_changes_so_many_answers_and_a_campaign_s_own_stands_above_that_of_all() -> None:
    sandbox = Sandbox()
    with pytest.raises(ValueError, match="no campaign 'camp_helthy': write camp_healthy"):
        sandbox.set_fault("camp_helthy", Fault(status=500))
    sandbox.set_fault("camp_healthy", Fault(status=503, count=2))
    assert statuses(sandbox, *["camp_healthy"] * 3, "camp_123") == [503, 503, 200, 200]
    sandbox.set_fault("*", Fault(status=503))
    sandbox.set_fault("camp_healthy", Fault(status=429, retry_after=DATE))
    assert statuses(sandbox, "camp_healthy", "camp_123", "camp_gone") == [429, 503, 404]
    assert ask(sandbox, "camp_healthy").headers["Retry-After"] == DATE
    sandbox.set_fault("camp_healthy", None)
    assert statuses(sandbox, "camp_healthy") == [503]
    late, plain = Sandbox(speed=0), Sandbox(speed=0)
    late.set_fault("camp_healthy", Fault(latency=2))
    assert ask(late, "camp_healthy") == Answer(200, ask(plain, "camp_healthy").body, delay=2)


def test_a_rate_is_kept_and_repeats_with_the_seed() -> None:
    runs = []
    for sandbox in (Sandbox(seed=3), Sandbox(seed=3)):
        sandbox.set_fault("camp_123", Fault(status=500, rate=0.3))
        runs.append(statuses(sandbox, *["camp_123"] * 1000))
    assert 250 < runs[0].count(500) < 350
    assert runs[0] == runs[1]


def test_the_demo_polls_every_campaign_of_its_keys_and_one_that_is_not_there() -> None:
    config = yaml.safe_load(demo_config("http://127.0.0.1:1"))
    assert config["api"]["base_url"] == "http://127.0.0.1:1"
    acme, globex = (
        {each if isinstance(each, str) else each["id"]: each for each in workspace["campaigns"]}
        for workspace in config["workspaces"]
    )
    assert [KEYS[workspace["api_key_env"]] for workspace in config["workspaces"]] == [KEY, GLOBEX]
    assert acme.keys() == {*WORKSPACES[KEY], "camp_gone"}
    assert globex.keys() == {*WORKSPACES[GLOBEX]}
    assert all(key.startswith("sk_test_sandbox") for key in WORKSPACES)
    queued = json.loads(ask(Sandbox(), "camp_backlog").body)["queued"]  # over its limit from the start
    assert queued > acme["camp_backlog"]["thresholds"]["emails_queued"]["critical"]


def test_the_flags_build_a_sandbox() -> None:
    def built(*argv: str) -> Sandbox:
        given = sandbox_parser().parse(argv)
        sandbox = Sandbox(seed=given.seed, speed=given.speed, load_campaigns=given.load_campaigns)
        for text in given.fault:
            sandbox.set_fault(*parse_flag(text))
        return sandbox

    assert sandbox_parser().parse([]) == SandboxOptions("info", "logfmt", "127.0.0.1:10422", 1.0, 1, 0, ())
    sandbox = built(
        "--load-campaigns=20", "--fault", "camp_healthy=status:503,count:1", "--fault", "*=status:418,count:1"
    )
    assert statuses(sandbox, *["camp_healthy"] * 3, "camp_load_00021", "camp_123") == [503, 418, 200, 404, 200]
    of_load = [json.loads(ask(sandbox, id_).body) for id_ in load_ids(20)]
    assert (of_load[0]["campaignId"], of_load[-1]["campaignId"]) == ("camp_load_00001", "camp_load_00020")
    assert len({answer["sent"] for answer in of_load}) > 10  # they have figures of their own
    of_each = [["--speed", "0"], ["--speed", "0", "--seed", "2"], ["--speed", "1e12"]]
    assert len({ask(built(*argv), "camp_healthy").body for argv in of_each}) == 3
    for refused in ("--speed=-1", "--speed=inf", "--speed=nan", "--speed=x", "--load-campaigns=-1"):
        with pytest.raises(SystemExit):
            sandbox_parser().parse([refused])


HOUR, DAY = 3600.0, 86400.0
TOTALS = ("totalEnrolled", "sent", "delivered", "bounced", "replied")
seeds = st.integers(0, 10**6)
times = st.floats(-30 * DAY, 1000 * DAY)


def figures(scenario: str, seed: int, time: float) -> dict[str, Any]:
    return simulate(scenario, seed, f"camp_{scenario}").figures(time)


def bounce_ratio(scenario: str, seed: int, time: float) -> float:
    at = figures(scenario, seed, time)
    return float(at["bounced"] / at["sent"])


@given(st.sampled_from(sorted(SCENARIOS)), seeds, times)
def test_every_answer_is_a_reading_that_adds_up(scenario: str, seed: int, time: float) -> None:
    reading: Any = parse_stats(simulate(scenario, seed, "camp_x").body("camp_x", time), "camp_x")
    assert min(reading.total_enrolled, reading.sent, reading.delivered, reading.bounced, reading.replied) >= 0
    assert reading.delivered + reading.bounced <= reading.sent
    assert reading.replied <= reading.total_enrolled
    assert reading.reply_rate == (round(reading.replied / reading.delivered, 2) if reading.delivered else None)
    assert reading.open_rate is None or reading.open_rate == round(reading.open_rate, 2)
    if scenario == "draft":
        assert reading == Stats(0, 0, 0, 0, 0, 0, None, None)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
@given(seeds, st.lists(times, min_size=2))
@example(1, [minute * 60.0 for minute in range(-1440, 6 * 7 * 24 * 60, 7)])
def test_totals_never_fall(scenario: str, seed: int, at: list[float]) -> None:
    campaign: Any = simulate(scenario, seed, "camp_x")
    for before, after in pairwise(map(campaign.figures, sorted(at))):
        assert all(before[total] <= after[total] for total in TOTALS)


@given(seeds, st.floats(0, 29 * DAY))
def test_the_bouncing_one_passes_its_limits_soon_after_the_origin_and_the_healthy_one_never(
    seed: int, time: float
) -> None:
    ratio = {at: bounce_ratio("bouncing", seed, at) for at in (-12 * HOUR, 0, 0.5 * HOUR, 2 * HOUR, 90 * DAY)}
    assert ratio[-12 * HOUR] < 0.02 < ratio[0] < 0.03 < ratio[0.5 * HOUR] < 0.05 < ratio[2 * HOUR] < 0.08
    assert 0.1 < ratio[90 * DAY] <= 0.12
    at = figures("healthy", seed, time)
    assert at["sent"] > max(1000, at["totalEnrolled"])  # a lead gets more than one mail
    assert bounce_ratio("healthy", seed, time) < 0.02
    assert 0 <= at["queued"] < 300


@given(seeds, st.floats(0, 5 * DAY))
def test_the_backlog_needs_weeks_the_paused_one_holds_mail_and_the_finished_one_has_none(
    seed: int, time: float
) -> None:
    now, tomorrow = figures("backlog", seed, time), figures("backlog", seed, time + DAY)
    assert now["queued"] > max(5000, 14 * (tomorrow["sent"] - now["sent"]))
    for ended in ("paused", "finished"):
        at = figures(ended, seed, time * 100)
        assert at == figures(ended, seed, 0)
        assert (at["queued"] > 0) == (ended == "paused")
