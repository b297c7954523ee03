"""What each kind of answer comes to: the reason, and what `/metrics` shows, at once and after `stale_after`."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from exporter.api import LARGEST_ANSWER, Client
from exporter.errors import PollError
from exporter.secret import ApiKey
from exporter.stats import parse
from tests import build
from tests.scripted_api import Script, ScriptedApi, drip, http, silence

OK, NEVER = "", object()
LABELS = 'workspace="acme",campaign_id="camp_123",campaign="VP Sales"'


def answer(**changes: Any) -> bytes:
    """Write the documented answer with some fields changed, or left out where NEVER."""
    fields = build.DOCUMENTED | changes
    return http(200, json.dumps({name: value for name, value in fields.items() if value is not NEVER}).encode())


def raw(body: bytes, *headers: str) -> bytes:
    return http(200, body, *headers)


DOCUMENTED = json.dumps(build.DOCUMENTED).encode()

ANSWERS: dict[str, tuple[Script, str, str]] = {
    # what was answered: the answer, the reason, the detail
    "documented example": (answer(), OK, ""),
    "unknown field": (answer(status="running"), OK, ""),
    "data envelope": (raw(b'{"data": %s}' % DOCUMENTED), OK, ""),
    "stats envelope": (raw(b'{"stats": %s}' % DOCUMENTED), OK, ""),
    "whole number written as float": (answer(sent=480.0), OK, ""),
    "no campaignId": (answer(campaignId=NEVER), OK, ""),
    "gzip, though not asked for": (raw(gzip.compress(DOCUMENTED), "Content-Encoding: gzip"), OK, ""),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(DOCUMENTED), DOCUMENTED),
        OK,
        "",
    ),
    "wrong campaignId": (
        answer(campaignId="camp_9"),
        "invalid_response",
        "campaignId is not the campaign that was asked for",
    ),
    "campaignId a number": (
        answer(campaignId=123),
        "invalid_response",
        "campaignId is not the campaign that was asked for",
    ),
    "negative count": (answer(sent=-1), "invalid_response", "sent is negative or too large"),
    "count above 2^53": (answer(sent=2**53), "invalid_response", "sent is negative or too large"),
    "fraction of a mail": (answer(bounced=1.5), "invalid_response", "bounced is not a whole number"),
    "bool count": (answer(queued=True), "invalid_response", "queued is not a whole number"),
    "text count": (answer(replied="38"), "invalid_response", "replied is not a whole number"),
    "list count": (answer(totalEnrolled=[500]), "invalid_response", "totalEnrolled is not a whole number"),
    "ratio in percent": (answer(openRate=42), "invalid_response", "openRate is not between 0 and 1"),
    "negative ratio": (answer(replyRate=-0.01), "invalid_response", "replyRate is not between 0 and 1"),
    "text ratio": (answer(replyRate="0.08"), "invalid_response", "replyRate is not a number"),
    "bool ratio": (answer(openRate=False), "invalid_response", "openRate is not a number"),
    "NaN": (raw(DOCUMENTED.replace(b"0.42", b"NaN")), "invalid_response", "the answer is not JSON"),
    "infinity by overflow": (
        raw(DOCUMENTED.replace(b"0.42", b"1e999")),
        "invalid_response",
        "openRate is not between 0 and 1",
    ),
    "number of 5,000 digits": (
        raw(DOCUMENTED.replace(b"480", b"4" * 5000)),
        "invalid_response",
        "the answer is not JSON",
    ),
    "error object with 200": (
        raw(b'{"error": {"code": "x"}}'),
        "invalid_response",
        "the answer has none of the documented figures",
    ),
    "bare list": (raw(b"[1]"), "invalid_response", "the answer is not a JSON object"),
    "HTML": (raw(b"<html>"), "invalid_response", "the answer is not JSON"),
    "empty": (raw(b""), "invalid_response", "the answer is not JSON"),
    "not UTF-8": (raw(b'{"sent": "\xff"}'), "invalid_response", "the answer is not JSON"),
    "nested too deeply": (raw(b"[" * 100_000), "invalid_response", "the answer is nested too deeply"),
    "larger than 1 MiB": (
        raw(b" " * LARGEST_ANSWER + DOCUMENTED),
        "invalid_response",
        "the answer is larger than 1 MiB",
    ),
    "gzip bomb": (
        raw(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip"),
        "invalid_response",
        "the answer is larger than 1 MiB",
    ),
    "gzip bomb in a gzip bomb": (
        raw(gzip.compress(gzip.compress(b" " * 50_000_000)), "Content-Encoding: gzip, gzip"),
        "invalid_response",
        "the answer cannot be decompressed",
    ),
    "gzip garbage": (
        raw(b"garbage", "Content-Encoding: gzip"),
        "invalid_response",
        "the answer cannot be decompressed",
    ),
    "204": (http(204), "unexpected_status", "HTTP 204"),
    "redirect": (
        http(302, b"", "Location: http://127.0.0.1:9/"),
        "unexpected_status",
        "HTTP 302: a redirect, not followed so that the key does not travel; check api.base_url",
    ),
    "400": (http(400), "invalid_request", "HTTP 400"),
    "401": (http(401), "authentication_failed", "HTTP 401"),
    "403": (http(403), "authentication_failed", "HTTP 403"),
    "404": (http(404, b'{"error": {"code": "campaign_not_found"}}'), "campaign_not_found", "HTTP 404"),
    "404 without a body": (http(404), "campaign_not_found", "HTTP 404"),
    "404 workspace_not_found": (
        http(404, b'{"error": {"code": "workspace_not_found"}}'),
        "workspace_not_found",
        "HTTP 404 workspace_not_found",
    ),
    "404 workspace_not_found, flat": (
        http(404, b'{"code": "workspace_not_found"}'),
        "workspace_not_found",
        "HTTP 404 workspace_not_found",
    ),
    "404 workspace_not_found, as text": (
        http(404, b'{"error": "workspace_not_found"}'),
        "workspace_not_found",
        "HTTP 404 workspace_not_found",
    ),
    "404 workspace_not_found, in a list": (
        http(404, b'{"errors": [{"code": "workspace_not_found"}]}'),
        "workspace_not_found",
        "HTTP 404 workspace_not_found",
    ),
    "418": (http(418), "unexpected_status", "HTTP 418"),
    "429": (http(429, b"", "Retry-After: 3"), "rate_limited", "HTTP 429"),
    "500": (http(500, b"<html>"), "server_error", "HTTP 500"),
    "503": (http(503), "server_error", "HTTP 503"),
    "599": (http(599), "server_error", "HTTP 599"),
    "cut off in mid-body": (http(200, DOCUMENTED)[:-20], "connection_failed", "the answer broke off"),
    "closed without an answer": (b"", "connection_failed", "the connection was closed without an answer"),
    "not HTTP": (b"220 mail.example ESMTP\r\n", "connection_failed", "the answer is not HTTP"),
    "silence": (silence, "timeout", "no whole answer within 0.3 s"),
    "one byte at a time": (drip, "timeout", "no whole answer within 0.3 s"),
}


@pytest.mark.parametrize("row", ANSWERS.values(), ids=ANSWERS.keys())
def test_each_answer_has_its_reason_and_is_shown(row: tuple[Script, str, str]) -> None:
    script, reason, detail = row
    clock = build.Clock()
    store = clock.store()
    lines = build.page(store)
    campaign = build.campaign(name="VP Sales")
    store.configure([campaign])
    store.succeeded(campaign.key, parse(b'{"sent": 470}', "camp_123"))
    clock.monotonic = 60

    asked = asyncio.run(_ask(script))

    if isinstance(asked, PollError):
        assert (asked.failure.reason, asked.failure.detail) == (reason, detail)
        store.failed(campaign.key, asked.failure)
        now, later = _failed_lines(reason, sent="470"), _failed_lines(reason, sent=None)
    else:
        assert reason == OK
        store.succeeded(campaign.key, asked)
        now = [f"leadterra_campaign_emails_sent{{{LABELS}}} 480", f"leadterra_campaign_up{{{LABELS}}} 1"]
        later = now[1:]
    assert _telling(lines()) == now

    clock.monotonic = 361  # more than stale_after since either success
    assert _telling(lines()) == later


async def _ask(script: Script) -> Any:
    async with ScriptedApi({"camp_123": script}).running() as api:
        workspace = build.workspace([], base_url=api.url, timeout=0.3)
        client = Client(workspace.api, ApiKey(workspace.key))
        try:
            return await client.read("camp_123")
        except PollError as error:
            return error
        finally:
            await client.aclose()


def _failed_lines(reason: str, sent: str | None) -> list[str]:
    data = [f"leadterra_campaign_emails_sent{{{LABELS}}} {sent}"] if sent else []
    return [
        *data,
        f"leadterra_campaign_up{{{LABELS}}} 0",
        f'leadterra_campaign_error{{{LABELS},reason="{reason}"}} 1',
    ]


def _telling(lines: list[str]) -> list[str]:
    telling = ("leadterra_campaign_emails_sent{", "leadterra_campaign_up{", "leadterra_campaign_error{")
    return [line for line in lines if line.startswith(telling)]
