"""The documented endpoint, status by status, without HTTP."""

import json
from collections.abc import Mapping

import pytest

from exporter.sandbox import WORKSPACES, Answer, Request, Sandbox, load_ids

KEY = "sk_test_sandbox_acme"
AUTH = {"Authorization": f"Bearer {KEY}"}
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
FIELDS = list(json.loads(DOCUMENTED))


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def ask(sandbox: Sandbox, campaign: str, headers: Mapping[str, str] = AUTH, method: str = "GET") -> Answer:
    return sandbox.answer(method, f"/v1/campaigns/{campaign}/stats", headers)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["error"]["code"]


@pytest.mark.parametrize("seconds", [0, 59, 86400 * 400])
def test_the_documented_campaign_answers_the_documented_bytes_forever(seconds: float) -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock, seed=7)
    clock.time += seconds
    answer = ask(sandbox, "camp_123")
    assert (answer.status, answer.body) == (200, DOCUMENTED)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("campaign", [id_ for id_ in WORKSPACES[KEY] or {} if id_ != "camp_flaky"])
def test_every_campaign_has_the_nine_fields_in_the_documented_order(campaign: str) -> None:
    answer = json.loads(ask(Sandbox(), campaign).body)
    assert list(answer) == FIELDS
    assert answer["campaignId"] == campaign


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY} x"},
    ],
)
def test_no_valid_key_is_401(headers: dict[str, str]) -> None:
    assert code(ask(Sandbox(), "camp_123", headers)) == (401, "authentication_failed")


def test_the_scheme_is_read_in_any_case() -> None:
    assert ask(Sandbox(), "camp_123", {"Authorization": f"bearer {KEY}"}).status == 200


@pytest.mark.parametrize("more", [{"Content-Length": "2"}, {"Transfer-Encoding": "chunked"}])
def test_a_body_is_400(more: dict[str, str]) -> None:
    assert code(ask(Sandbox(), "camp_123", AUTH | more)) == (400, "invalid_request")


def test_a_query_parameter_is_400() -> None:
    answer = Sandbox().answer("GET", "/v1/campaigns/camp_123/stats?limit=1", AUTH)
    assert code(answer) == (400, "invalid_request")


def test_a_body_of_no_bytes_and_a_content_type_are_accepted() -> None:
    more = {"Content-Length": "0", "Content-Type": "application/json"}
    assert ask(Sandbox(), "camp_123", AUTH | more).status == 200


def test_the_key_is_checked_before_the_rest() -> None:
    assert Sandbox().answer("POST", "/v1/campaigns/camp_gone/stats?x=1", {}).status == 401


def test_another_method_is_405() -> None:
    assert code(ask(Sandbox(), "camp_123", method="POST")) == (405, "method_not_allowed")


def test_an_unknown_campaign_is_404() -> None:
    assert code(ask(Sandbox(), "camp_gone")) == (404, "campaign_not_found")


def test_a_workspace_sees_its_own_campaigns_only() -> None:
    globex = {"Authorization": "Bearer sk_test_sandbox_globex"}
    assert ask(Sandbox(), "camp_board", globex).status == 200
    assert code(ask(Sandbox(), "camp_board")) == (404, "campaign_not_found")
    assert code(ask(Sandbox(), "camp_123", globex)) == (404, "campaign_not_found")


def test_a_key_without_a_workspace_is_404_with_its_own_code() -> None:
    orphan = {"Authorization": "Bearer sk_test_sandbox_orphan"}
    assert code(ask(Sandbox(), "camp_123", orphan)) == (404, "workspace_not_found")


@pytest.mark.parametrize(
    "path", ["/", "/v1/campaigns", "/v1/campaigns/camp_123", "/v1/campaigns/a/b/stats", "/x/stats"]
)
def test_any_other_path_is_404_and_no_campaign(path: str) -> None:
    log: list[Request] = []
    answer = Sandbox(on_request=log.append).answer("GET", path, AUTH)
    assert code(answer) == (404, "not_found")
    assert log == []


@pytest.mark.parametrize(("id_", "sent"), [("a/b", "a%2Fb"), ("..", "%2e%2e"), ("käse 1", "k%C3%A4se%201")])
def test_an_id_is_decoded_and_otherwise_opaque(id_: str, sent: str) -> None:
    answer = ask(Sandbox(workspaces={KEY: {id_: "healthy"}}), sent)
    assert json.loads(answer.body)["campaignId"] == id_


def test_the_same_seed_and_time_give_the_same_answers_in_any_order() -> None:
    campaigns = list(WORKSPACES[KEY] or {})
    first, second = (Sandbox(seed=3, now=Clock(), origin=-5000.0) for _ in range(2))
    forwards = {id_: ask(first, id_) for id_ in campaigns}
    backwards = {id_: ask(second, id_) for id_ in reversed(campaigns)}
    assert forwards == backwards


def test_figures_are_the_same_in_every_process() -> None:
    # A literal: a hash that differs from process to process would not give these figures again.
    answer = json.loads(ask(Sandbox(seed=1), "camp_paused").body)
    assert (answer["totalEnrolled"], answer["sent"], answer["queued"]) == (2578, 2878, 624)


def test_another_seed_gives_other_figures() -> None:
    assert ask(Sandbox(seed=1), "camp_healthy").body != ask(Sandbox(seed=2), "camp_healthy").body


def test_speed_makes_an_hour_pass_in_a_minute() -> None:
    clock = Clock()
    real, fast = Sandbox(now=clock, origin=1000 - 3600), Sandbox(now=clock, origin=1000 - 60, speed=60)
    assert ask(real, "camp_bouncing").body == ask(fast, "camp_bouncing").body


def test_the_flaky_one_answers_500_now_and_then() -> None:
    clock = Clock()
    sandbox = Sandbox(now=clock, speed=60)
    statuses: list[int] = []
    for _ in range(600):
        statuses.append(ask(sandbox, "camp_flaky").status)
        clock.time += 1
    assert 60 < statuses.count(500) < 300
    assert set(statuses) == {200, 500}


def test_the_flaky_one_answers_at_first() -> None:
    assert {ask(Sandbox(seed=seed, now=Clock()), "camp_flaky").status for seed in range(40)} == {200}


def test_campaigns_for_load_have_figures_of_their_own() -> None:
    sandbox = Sandbox(load_campaigns=20)
    ids = list(load_ids(20))
    assert (ids[0], ids[-1]) == ("camp_load_00001", "camp_load_00020")
    answers = [json.loads(ask(sandbox, id_).body) for id_ in ids]
    assert len({answer["sent"] for answer in answers}) > 10
    assert ask(sandbox, "camp_load_00021").status == 404
    assert ask(sandbox, "camp_123").status == 200


def test_requests_are_noted_with_time_id_and_status() -> None:
    log: list[Request] = []
    clock = Clock()
    sandbox = Sandbox(now=clock, on_request=log.append)
    ask(sandbox, "camp_123")
    clock.time += 2.5
    ask(sandbox, "a%2Fb", {})
    assert log == [(1000.0, "camp_123", 200), (1002.5, "a/b", 401)]
