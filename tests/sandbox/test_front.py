"""The sandbox over real HTTP, as a client sees it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer

from exporter.sandbox import Fault, Sandbox, create_app
from tests.sandbox.test_core import AUTH, DOCUMENTED, KEY

pytestmark = pytest.mark.slow

STATS = "/v1/campaigns/camp_123/stats"
FAULT = "/sandbox/faults/camp_123"


def visit(work: Callable[[httpx.AsyncClient], Awaitable[Any]], sandbox: Sandbox | None = None) -> Any:
    async def run() -> Any:
        async with (
            TestServer(create_app(sandbox or Sandbox())) as server,
            httpx.AsyncClient(base_url=str(server.make_url("/")), headers=AUTH, timeout=5) as client,
        ):
            return await work(client)

    return asyncio.run(run())


def get(fault: Fault | None = None, url: str = STATS, **more: Any) -> httpx.Response:
    sandbox = Sandbox()
    if fault:
        sandbox.faults.put("*", fault)
    response = visit(lambda client: client.request("GET", url, **more), sandbox)
    assert isinstance(response, httpx.Response)
    return response


def test_the_documented_example_travels_byte_by_byte() -> None:
    response = get()
    assert (response.status_code, response.content) == (200, DOCUMENTED)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"headers": {"Authorization": "Bearer wrong"}}, 401),
        ({"params": {"x": "1"}}, 400),
        ({"content": b"{}"}, 400),
        ({"url": "/v1/campaigns/camp_gone/stats"}, 404),
        ({"url": "/elsewhere"}, 404),
    ],
)
def test_refusals_travel(more: dict[str, Any], status: int) -> None:
    response = get(**more)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"code", "message"}


def test_an_id_with_a_slash_travels() -> None:
    sandbox = Sandbox(workspaces={KEY: {"a/b": "healthy"}})

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("/v1/campaigns/a%2Fb/stats")).json()["campaignId"] == "a/b"
        assert (await client.put("/sandbox/faults/a%2Fb", json={"status": 503})).status_code == 204
        assert (await client.get("/v1/campaigns/a%2Fb/stats")).status_code == 503

    visit(work, sandbox)


def test_status_carries_retry_after_in_either_form() -> None:
    assert "Retry-After" not in get(Fault("status", status=503)).headers
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    for wait in ("3", date):
        response = get(Fault("status", status=429, retry_after=wait))
        assert (response.status_code, response.headers["Retry-After"]) == (429, wait)


def test_latency_outlasts_a_clients_patience() -> None:
    with pytest.raises(httpx.ReadTimeout):
        get(Fault(latency=0.5), timeout=0.05)
    assert get(Fault(latency=0.01)).content == DOCUMENTED


def test_cut_breaks_off_in_the_body() -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="received 89 bytes, expected 179"):
        get(Fault("cut"))


def test_malformed_is_whole_but_no_json() -> None:
    response = get(Fault("malformed"))
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_huge_is_json_of_more_than_a_mebibyte() -> None:
    response = get(Fault("huge"))
    assert len(response.content) > 1024 * 1024
    assert response.json() == json.loads(DOCUMENTED)


def test_gzip_garbage_does_not_unpack() -> None:
    with pytest.raises(httpx.DecodingError):
        get(Fault("gzip_garbage"))


def test_redirect_points_to_a_readable_answer() -> None:
    response = get(Fault("redirect"))
    assert (response.status_code, response.headers["Location"]) == (302, STATS)


def test_wrong_id_is_another_campaigns() -> None:
    assert get(Fault("wrong_id")).json() == json.loads(DOCUMENTED) | {"campaignId": "camp_wrong"}


def test_faults_come_and_go_over_http() -> None:
    async def work(client: httpx.AsyncClient) -> None:
        options = {"status": 429, "retry_after": 3, "count": 5}
        assert (await client.put(FAULT, json=options)).status_code == 204
        assert (await client.get(STATS)).status_code == 429
        left = {"status": 429, "retry_after": "3", "rate": 1.0, "count": 4}
        assert (await client.get("/sandbox/faults")).json() == {"camp_123": left}
        assert (await client.delete(FAULT)).status_code == 204
        assert (await client.delete(FAULT)).status_code == 404
        assert (await client.get(STATS)).status_code == 200
        assert (await client.put("/sandbox/faults/*", json={"malformed": True})).status_code == 204
        assert (await client.get("/sandbox/faults")).json() == {"*": {"malformed": True, "rate": 1.0}}

    visit(work)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        (FAULT, b'{"latancy": 2}', "unknown fault or option 'latancy': write latency"),
        ("/sandbox/faults/camp_12", b'{"cut": true}', "no campaign 'camp_12': write camp_123"),
        (FAULT, b"[]", 'write a JSON object, such as {"status": 503, "count": 5}'),
        (FAULT, b"{", 'not JSON: write an object, such as {"status": 503, "count": 5}'),
        (FAULT, b"\xff", 'not JSON: write an object, such as {"status": 503, "count": 5}'),
    ],
)
def test_a_slip_over_http_is_told_what_to_write_instead(path: str, content: bytes, message: str) -> None:
    response = visit(lambda client: client.put(path, content=content))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == message
