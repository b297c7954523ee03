"""The documented endpoint, status by status, without HTTP and over it."""

import asyncio
import json
from collections.abc import Mapping

import httpx
import pytest

from exporter.sandbox import WORKSPACES, Sandbox, create_app, load_ids
from exporter.sandbox.faults import Answer, Fault
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


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


AUTH = bearer(KEY)


def ask(sandbox: Sandbox, campaign: str) -> Answer:
    return sandbox.answer("GET", f"/v1/campaigns/{campaign}/stats", AUTH)


@pytest.mark.parametrize("seconds", [0, 59, 86400 * 400])
def test_the_documented_campaign_answers_the_documented_bytes_forever(seconds: float) -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock, seed=7)
    clock.time += seconds
    assert ask(sandbox, "camp_123") == Answer(200, DOCUMENTED, {"Content-Type": "application/json"})


@pytest.mark.parametrize("campaign", [id_ for id_ in WORKSPACES[KEY] or {} if id_ != "camp_flaky"])
def test_every_campaign_has_the_nine_fields_in_the_documented_order(campaign: str) -> None:
    answer = json.loads(ask(Sandbox(), campaign).body)
    assert list(answer) == list(json.loads(DOCUMENTED))
    assert answer["campaignId"] == campaign


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


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (STATS, AUTH | {"Content-Length": "0", "Content-Type": "application/json"}),
        (STATS, {"Authorization": f"bearer {KEY}"}),
        ("/v1/campaigns/camp_board/stats", bearer(GLOBEX)),
    ],
)
def test_what_is_answered(path: str, headers: Mapping[str, str]) -> None:
    assert Sandbox().answer("GET", path, headers).status == 200


@pytest.mark.parametrize(("id_", "sent"), [("a/b", "a%2Fb"), ("..", "%2e%2e"), ("käse 1", "k%C3%A4se%201")])
def test_an_id_is_decoded_and_otherwise_opaque(id_: str, sent: str) -> None:
    answer = ask(Sandbox(workspaces={KEY: {id_: "healthy"}}), sent)
    assert json.loads(answer.body)["campaignId"] == id_


def test_the_same_seed_and_time_give_the_same_answers_in_any_order_and_process() -> None:
    campaigns = list(WORKSPACES[KEY] or {})
    first, second = (Sandbox(seed=3, now=Clock(), origin=-5000.0) for _ in range(2))
    assert {id_: ask(first, id_) for id_ in campaigns} == {id_: ask(second, id_) for id_ in reversed(campaigns)}
    # A literal: a hash that differs from process to process would not give these figures again.
    answer = json.loads(ask(Sandbox(seed=1), "camp_paused").body)
    assert (answer["totalEnrolled"], answer["sent"], answer["queued"]) == (2578, 2878, 624)


def test_speed_makes_an_hour_pass_in_a_minute() -> None:
    clock = Clock()
    real, fast = Sandbox(now=clock, origin=1000 - 3600), Sandbox(now=clock, origin=1000 - 60, speed=60)
    assert ask(real, "camp_bouncing").body == ask(fast, "camp_bouncing").body


def test_the_flaky_one_answers_500_now_and_then_but_not_at_first() -> None:
    assert {ask(Sandbox(seed=seed, now=Clock()), "camp_flaky").status for seed in range(40)} == {200}
    clock = Clock()
    sandbox = Sandbox(now=clock, speed=60)
    statuses: list[int] = []
    for _ in range(600):
        statuses.append(ask(sandbox, "camp_flaky").status)
        clock.time += 1
    assert 60 < statuses.count(500) < 300
    assert set(statuses) == {200, 500}


def test_campaigns_for_load_have_figures_of_their_own() -> None:
    sandbox = Sandbox(load_campaigns=20)
    ids = list(load_ids(20))
    assert (ids[0], ids[-1]) == ("camp_load_00001", "camp_load_00020")
    assert len({json.loads(ask(sandbox, id_).body)["sent"] for id_ in ids}) > 10
    assert [ask(sandbox, id_).status for id_ in ("camp_load_00021", "camp_123")] == [404, 200]


def test_answers_and_faults_travel() -> None:
    sandbox = Sandbox()

    async def talk() -> None:
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

    asyncio.run(talk())
