"""Sender pools and accounts: each documented shape is read, and what can go wrong with it stays their own trouble."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter import log
from exporter.api import Pool
from exporter.api.senders import explain, parse_accounts, parse_pools
from exporter.config import Config, Poll, SenderList, load
from exporter.errors import PollError
from exporter.sandbox import Sandbox
from exporter.shard import Shard
from tests import build
from tests.exporting import polled_page

POOL = {"id": "p", "name": "Primary", "dailyCapacity": 500}
READ = Pool("p", "Primary", 500, 412, 8)
PEOPLE = [
    {"id": "sa_1", "email": "alex.rivera@acme.io", "name": "Alex Rivera", "status": "active"},
    {"id": "sa_2", "email": "morgan.lee@acme.io", "name": "Morgan Lee", "status": "resting"},
]
CANARIES = ("alex", "rivera", "acme.io", "morgan", "sa_1", build.KEY)
LISTS = tuple(
    SenderList("acme", name, (("team", "growth"),), Poll(300, 900)) for name in ("sender_pools", "sender_accounts")
)


@pytest.mark.parametrize(
    "answer",
    [
        [{**POOL, "remainingVolume": 412, "senderAccountIds": list("abcdefgh")}],  # the reference
        {"senderPools": [{**POOL, "remainingToday": 412, "senderCount": 8}]},  # the quick start
        {"pools": [{**POOL, "remainingVolume": 412, "senderCount": 8}]},  # the guide
        {"data": [{**POOL, "remainingVolume": 412.0, "senderCount": 8, "warmup": True}]},
        {"data": {"pools": [{**POOL, "remainingVolume": None, "remainingToday": 412, "senderCount": 8}]}},
    ],
)
def test_pools_are_read_in_each_shape(answer: Any) -> None:
    assert parse_pools(json.dumps(answer).encode(), "") == (READ,)


def test_what_a_pool_lacks_is_not_known() -> None:
    for pool, read in (
        ({"id": "p", "senderCount": 0}, Pool("p", "p", None, None, 0)),
        ({"id": "p", "name": "a\nb\ud800", "dailyCapacity": 0}, Pool("p", "a?b?", 0, None, None)),
        ({"id": "p" * 999, "name": None, "senderAccountIds": []}, Pool("p" * 200, "p" * 200, None, None, 0)),
    ):
        assert parse_pools(json.dumps([pool]).encode(), "") == (read,)


@pytest.mark.parametrize(
    "answer", [PEOPLE, {"data": PEOPLE}, {"senderAccounts": PEOPLE}, {"data": {"accounts": PEOPLE}}]
)
def test_accounts_are_counted_and_forgotten(answer: Any) -> None:
    assert parse_accounts(json.dumps(answer).encode(), "") == {"active": 1, "paused": 0, "warming": 0, "resting": 1}


@pytest.mark.parametrize(
    ("parse", "answer", "message"),
    [
        (parse_pools, "pools", "the answer is not a list of JSON objects"),
        (parse_pools, {}, "the answer is not a list of JSON objects"),
        (parse_pools, {"accounts": []}, "the answer is not a list of JSON objects"),
        (parse_pools, [1], "the answer is not a list of JSON objects"),
        (parse_pools, [{"name": "x", "senderCount": 1}], "id is not a text"),
        (parse_pools, [{"id": 7, "senderCount": 1}], "id is not a text"),
        (parse_pools, [{"id": "p", "name": 7, "senderCount": 1}], "name is not a text"),
        (parse_pools, [{"id": "p"}], "a pool has none of the documented figures"),
        (parse_pools, [POOL, POOL], "two pools have the same id"),
        (parse_pools, [{**POOL, "dailyCapacity": -1}], "dailyCapacity is negative or too large"),
        (parse_pools, [{**POOL, "remainingToday": "412"}], "remainingToday is not a whole number"),
        (parse_pools, {"success": False, "message": "Alex Rivera", "pools": []}, "the answer says that it is an error"),
        (parse_accounts, {"errors": ["no_such_scope"]}, "says that it is an error: no_such_scope"),
        (parse_accounts, [{"id": "sa"}], "status is not a word"),
        (parse_accounts, [{"status": "alex.rivera@acme.io"}], "status is not a word"),
        (parse_accounts, [{"status": f"s{n}"} for n in range(21)], "more than 20 different statuses"),
    ],
)  # fmt: skip
def test_a_list_is_taken_whole_or_refused(parse: Callable[[bytes, str], Any], answer: Any, message: str) -> None:
    with pytest.raises(PollError) as refused:
        parse(json.dumps(answer).encode(), "")
    failure = explain(refused.value.failure)
    assert message in failure.detail
    assert (failure.reason, "Alex" in failure.detail) == ("invalid_response", False)


def page_of(config: Config, answers: Mapping[str, httpx.Response], seconds: float = 0) -> tuple[list[str], list[str]]:
    """Poll in virtual time and return the lines of the page about senders, and what was asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.extensions["target"].decode())
        return answers.get(asked[-1], httpx.Response(200, json=build.DOCUMENTED))

    lines = polled_page(config, answer, seconds=seconds, wall=lambda: 1e9).decode().splitlines()
    return [line for line in lines if line.startswith("leadterra_sender")], asked


def of_acme(campaigns: int = 1, **api: Any) -> Config:
    known = [build.campaign("camp_123"), *(build.campaign(f"c{n}") for n in range(1, campaigns))]
    return build.config(build.workspace(known, **api)._replace(senders=LISTS))


GOOD = {
    "/v1/sender-pools": httpx.Response(200, json={"senderPools": [{**POOL, "remainingToday": 412, "senderCount": 8}]}),
    "/v1/sender-accounts": httpx.Response(200, json=PEOPLE),
}


def test_each_interval_each_list_is_asked_once_and_stays_until_it_is_stale() -> None:
    lines, asked = page_of(of_acme(), GOOD, 1500)

    assert len(lines) == 11  # the golden page has such ones
    counts = {asked.count(path) for path in GOOD}  # at once, at the even pace, and every 300 s from then on
    assert counts <= {6, 7}
    off = build.config(build.workspace([build.campaign()]))
    assert page_of(off, GOOD, 600)[0] == []


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (httpx.Response(404), "unexpected_status", "without an error code of the API: the API has no such endpoint"),
        (httpx.Response(404, json={"code": "not_found"}), "unexpected_status", "not_found: the API has no such endpoint, or not for this key"),
        (httpx.Response(404, json={"code": "workspace_not_found"}), "workspace_not_found", "workspace_not_found"),
        (httpx.Response(403, json={"code": "no_scope", "message": "Alex"}), "authentication_failed", "HTTP 403: no_scope"),
        (httpx.Response(401, json={"message": "alex.rivera@acme.io of sa_1"}), "authentication_failed", "HTTP 401"),
        (httpx.Response(500, json={"error": "morgan.lee@acme.io"}), "server_error", "HTTP 500"),
        (httpx.Response(200, json=[*PEOPLE, {"status": 1}]), "invalid_response", "status is not a word"),
    ],
)  # fmt: skip
def test_what_fails_is_told_and_is_no_trouble_of_the_campaigns(
    answer: httpx.Response, reason: str, detail: str
) -> None:
    """Not even a key that may read no senders: it is not refused."""
    logged = StringIO()
    log.configure("debug", "logfmt", logged)
    answers = {
        "/v1/sender-accounts": answer,
        "/v1/sender-pools": answer if answer.status_code == 401 else GOOD["/v1/sender-pools"],
    }
    lines, asked = page_of(of_acme(2), answers, 600)

    labels = 'workspace="acme",team="growth",endpoint="sender_accounts"'
    assert f'leadterra_senders_error{{{labels},reason="{reason}"}} 1' in lines
    assert f"leadterra_senders_up{{{labels}}} 0" in lines
    assert detail in logged.getvalue()
    assert [canary for canary in CANARIES if canary in f"{lines}{logged.getvalue()}".lower()] == []
    assert asked.count("/v1/campaigns/c1/stats") >= 10


def test_a_429_of_senders_holds_the_workspace_but_no_longer_than_a_campaign_s() -> None:
    answers = {**GOOD, "/v1/sender-pools": httpx.Response(429, headers={"Retry-After": "86400"})}
    early, late = (page_of(of_acme(), answers, s)[1].count("/v1/campaigns/camp_123/stats") for s in (55, 1500))
    assert early <= 1
    assert late >= 16


def test_the_configuration_switches_them_on_and_one_shard_polls_those_of_a_workspace(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "senders: {interval: 2m}\npoll: {stale_after: 4m}\n"
        f"workspaces: [{{name: acme, api_key_env: {build.KEY_ENV}, labels: {{team: growth}}, campaigns: [a]}}]\n"
    )
    [workspace] = load(file).workspaces
    assert workspace.senders == tuple(each._replace(poll=Poll(120, 360)) for each in LISTS)
    assert workspace.targets == (*workspace.campaigns, *workspace.senders)
    shards = [Shard(index, 5).part_of(of_acme(50)) for index in range(5)]
    assert [target.id for shard in shards for target in shard.targets if target in LISTS] == [each.id for each in LISTS]
    assert sum(bool(workspace.senders) for shard in shards for workspace in shard.workspaces) == 1


@pytest.mark.parametrize("workspace", range(4))
def test_the_sandbox_has_each_shape_lets_a_pool_run_dry_and_an_account_pause(workspace: int) -> None:
    clock, seen = build.Clock(), set[tuple[int, int]]()
    sandbox = Sandbox(now=lambda: clock.monotonic, workspaces={f"key{n}": {} for n in range(4)})
    headers = {"Authorization": f"Bearer key{workspace}"}
    for clock.monotonic in range(0, 86400, 1800):
        pools = parse_pools(sandbox.answer("GET", "/v1/sender-pools", headers).body, "")
        accounts = parse_accounts(sandbox.answer("GET", "/v1/sender-accounts", headers).body, "")
        assert [(pool.daily_capacity, pool.accounts) for pool in pools] == [(2000, 8), (300, 3)]
        assert (accounts["active"] + accounts["paused"], accounts["warming"]) == (8, 3)
        seen.add((pools[0].remaining or 0, accounts["paused"]))
    assert (0, 1) in seen
    assert max(seen) > (1900, 0)
    assert sandbox.answer("GET", "/v1/sender-pools/x", headers).status == 404
