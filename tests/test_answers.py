"""What each kind of answer comes to: the reason, and what `/metrics` shows, at once and after `stale_after`."""

import gzip
import json
import zlib
from typing import Any

import pytest

from exporter.api import Stats
from exporter.api.transport import LARGEST_BODY
from exporter.errors import PollError
from tests import build
from tests.fake_api import Script, drip, http, silence
from tests.test_client import answered, text_of, told

LABELS = 'workspace="acme",campaign_id="camp_123",campaign="VP Sales"'
DOCUMENTED = json.dumps(build.DOCUMENTED).encode()
ZEROS = dict.fromkeys(("totalEnrolled", "sent", "delivered", "bounced", "replied", "queued", "openRate"), 0)
GZIP = "Content-Encoding: gzip"
LEFT_OUT = object()


def answer(**changes: Any) -> bytes:
    """Return the documented answer with some fields changed, or left out."""
    fields = build.DOCUMENTED | changes
    return raw(json.dumps({name: value for name, value in fields.items() if value is not LEFT_OUT}))


def raw(body: str | bytes, *headers: str) -> bytes:
    return http(200, body.encode() if isinstance(body, str) else body, *headers)


def error(status: int, **answered: Any) -> bytes:
    return http(status, json.dumps(answered).encode())


READ: dict[str, bytes] = {
    "documented example": answer(),
    "unknown field": answer(status="running"),
    "data envelope": raw(b'{"data": %s}' % DOCUMENTED),
    "stats envelope": raw(b'{"stats": %s}' % DOCUMENTED),
    "no error, in each way to say so": answer(success=True, ok=True, error=None, errors=[], statusCode=200, code=0),
    "whole number written as float": answer(sent=480.0),
    "rounding": answer(openRate=1.0000000000000002),
    "no campaignId": answer(campaignId=LEFT_OUT),
    "byte order mark": raw(b"\xef\xbb\xbf" + DOCUMENTED),
    "gzip, though not asked for": raw(gzip.compress(DOCUMENTED), GZIP),
    "x-gzip": raw(gzip.compress(DOCUMENTED), "Content-Encoding: x-gzip"),
    "Content-Encoding: (empty)": raw(DOCUMENTED, "Content-Encoding: "),
    "Content-Encoding: gzip, identity": raw(gzip.compress(DOCUMENTED), "Content-Encoding: gzip, identity"),
    "Content-Encoding: none": raw(DOCUMENTED, "Content-Encoding: none"),
    "Content-Encoding: UTF-8": raw(DOCUMENTED, "Content-Encoding: UTF-8"),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (len(DOCUMENTED), DOCUMENTED),
    "header of 9,000 bytes": raw(DOCUMENTED, f"X: {'y' * 9000}"),
    "150 headers": raw(DOCUMENTED, *(f"X-{number}: y" for number in range(150))),
}

_OTHER = "campaignId is not the campaign that was asked for"
_SAYS = "HTTP 200, but the answer says that it is an error"
_NOT_JSON = "the answer is not JSON"
_TOO_LARGE = "the answer is larger than 1024 KiB"
_NOT_ASKED_FOR = "the answer is compressed in a way that was not asked for: only gzip is read"
_GARBAGE = "the answer cannot be decompressed"
INVALID: dict[str, tuple[bytes, str]] = {
    "success: false": (answer(**ZEROS, success=False, message="suspended"), f"{_SAYS}: suspended"),
    "error: an object": (answer(**ZEROS, error={"code": "a", "message": "b"}), f"{_SAYS}: a: b"),
    "error: a text": (answer(**ZEROS, error="suspended"), f"{_SAYS}: suspended"),
    "error: true": (answer(**ZEROS, error=True, message="suspended"), f"{_SAYS}: suspended"),
    "error without words": (answer(**ZEROS, success=False), _SAYS),
    "errors: a list": (answer(**ZEROS, errors=[{"code": "a"}, "b", {"error": {"message": "c"}}]), f"{_SAYS}: a: b: c"),
    "errors: an object": (answer(**ZEROS, errors={"code": "a"}), f"{_SAYS}: a"),
    "statusCode: 500": (answer(**ZEROS, statusCode=500, message="Oops"), f"{_SAYS}: Oops"),
    "status: error": (answer(**ZEROS, status="error", code="500", ok=False, message="Oops"), f"{_SAYS}: 500: Oops"),
    **{
        f"{name}: {value}": (answer(**ZEROS, **{name: value}), _SAYS)
        for name, value in {"success": "False", "ok": 0, "status": 503, "statusCode": "500", "code": 404.0}.items()
    },
    "status: Failed": (answer(**ZEROS, status="Failed"), _SAYS),
    "status_code": (answer(**ZEROS, status_code=500), _SAYS),
    "a code of the API": (answer(**ZEROS, code="rate_limited"), f"{_SAYS}: rate_limited"),
    "an error in its envelope": (raw('{"data": {"sent": 0, "error": "Oops"}}'), f"{_SAYS}: Oops"),
    "error of 9,000 letters": (answer(error="x" * 9000), f"{_SAYS}: {'x' * 200}..."),
    "error with control characters": (answer(error="a\nb\t\x1b[31m\u202e\ud800"), f"{_SAYS}: a b ?[31m??"),
    "error with keys": (
        answer(error=f"not sk_live-x_1: {build.KEY}, key_sk_2"),
        f"{_SAYS}: not {{0}}: (key), key_{{0}}",
    ),
    "error alone": (raw('{"error": {"code": "a"}}'), f"{_SAYS}: a"),
    "wrong campaignId": (answer(campaignId="camp_9"), _OTHER),
    "campaignId a number": (answer(campaignId=123), _OTHER),
    "negative count": (answer(sent=-1), "sent is negative or too large"),
    "count above 2^53": (answer(sent=2**53), "sent is negative or too large"),
    "fraction of a mail": (answer(bounced=1.5), "bounced is not a whole number"),
    "bool count": (answer(queued=True), "queued is not a whole number"),
    "text count": (answer(replied="38"), "replied is not a whole number"),
    "list count": (answer(totalEnrolled=[500]), "totalEnrolled is not a whole number"),
    "ratio in percent": (answer(openRate=42), "openRate is not between 0 and 1"),
    "ratio of 1.01": (answer(openRate=1.01), "openRate is not between 0 and 1"),
    "negative ratio": (answer(replyRate=-0.01), "replyRate is not between 0 and 1"),
    "text ratio": (answer(replyRate="0.08"), "replyRate is not a number"),
    "bool ratio": (answer(openRate=False), "openRate is not a number"),
    "NaN": (raw(DOCUMENTED.replace(b"0.42", b"NaN")), "openRate is not between 0 and 1"),
    "infinity by overflow": (raw(DOCUMENTED.replace(b"0.42", b"1e999")), "openRate is not between 0 and 1"),
    "number of 5,000 digits": (raw(DOCUMENTED.replace(b"480", b"4" * 5000)), _NOT_JSON),
    "none of the figures": (raw('{"status": "running"}'), "the answer has none of the documented figures"),
    "bare list": (raw("[1]"), "the answer is not a JSON object"),
    "HTML": (raw("<html>"), _NOT_JSON),
    "empty": (raw(""), _NOT_JSON),
    "not UTF-8": (raw(b'{"sent": "\xff"}'), _NOT_JSON),
    "UTF-16": (raw(DOCUMENTED.decode().encode("utf-16")), _NOT_JSON),
    "nested too deeply": (raw("[" * 100_000), "the answer is nested too deeply"),
    "larger than 1 MiB": (raw(b" " * LARGEST_BODY + DOCUMENTED), _TOO_LARGE),
    "gzip bomb": (raw(gzip.compress(b" " * 50_000_000), GZIP), _TOO_LARGE),
    "gzip bomb in a gzip bomb": (raw(gzip.compress(gzip.compress(b" " * 50_000_000)), f"{GZIP}, gzip"), _NOT_ASKED_FOR),
    "deflate": (raw(zlib.compress(DOCUMENTED), "Content-Encoding: deflate"), _NOT_ASKED_FOR),
    "gzip garbage": (raw(b"garbage", GZIP), _GARBAGE),
    "gzip without its trailer": (raw(gzip.compress(DOCUMENTED)[:-8], GZIP), f"{_GARBAGE}: it ends in its middle"),
}

_WORKSPACE = "workspace_not_found"
_NO_CODE = "HTTP 404, without an error code of the API: check api.base_url"
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "204": (http(204), "unexpected_status", "HTTP 204"),
    "redirect": (
        http(302, b"", "Location: http://127.0.0.1:9/"),
        "unexpected_status",
        "HTTP 302: a redirect, not followed so that the key does not travel; check api.base_url",
    ),
    "400": (error(400, message="bad id"), "invalid_request", "HTTP 400: bad id"),
    "401": (http(401), "authentication_failed", "HTTP 401"),
    "401, repeating the key": (
        error(401, error={"code": "authentication_failed", "message": f"invalid: {build.KEY}"}),
        "authentication_failed",
        "HTTP 401: authentication_failed: invalid: (key)",
    ),
    "403": (http(403), "authentication_failed", "HTTP 403"),
    "404": (error(404, error={"code": "campaign_not_found"}), "campaign_not_found", "HTTP 404: campaign_not_found"),
    "404 without a body": (http(404), "campaign_not_found", _NO_CODE),
    "404 of an ingress": (http(404, b"<html>default backend"), "campaign_not_found", _NO_CODE),
    "404 of a workspace, in an error": (error(404, error={"code": _WORKSPACE}), _WORKSPACE, f"HTTP 404: {_WORKSPACE}"),
    "404 of a workspace, flat": (error(404, code=_WORKSPACE), _WORKSPACE, f"HTTP 404: {_WORKSPACE}"),
    "404 of a workspace, as text": (error(404, error=_WORKSPACE), _WORKSPACE, f"HTTP 404: {_WORKSPACE}"),
    "404 of a workspace, in a list": (error(404, errors=[{"code": _WORKSPACE}]), _WORKSPACE, f"HTTP 404: {_WORKSPACE}"),
    "418": (http(418), "unexpected_status", "HTTP 418"),
    "429": (http(429, b"", "Retry-After: 3"), "rate_limited", "HTTP 429"),
    "500": (http(500, b"<html>"), "server_error", "HTTP 500"),
    "503, huge": (http(503, b" " * LARGEST_BODY), "server_error", "HTTP 503"),
    "503, with garbage as gzip": (http(503, b"garbage", GZIP), "server_error", "HTTP 503"),
    "599": (http(599), "server_error", "HTTP 599"),
    "600": (http(600), "unexpected_status", "HTTP 600"),
}

_NOT_HTTP = "the answer is not HTTP"
NONE: dict[str, tuple[Script, str]] = {
    "cut off in mid-body": (answer()[:-20], "the answer broke off"),
    "closed without an answer": (b"", "the connection was closed without an answer"),
    "not HTTP": (b"220 mail.example ESMTP\r\n", f"{_NOT_HTTP}: bad status line"),
    "two Content-Length": (raw(DOCUMENTED, "Content-Length: 9"), f"{_NOT_HTTP}: duplicate content-length"),
    "bytes after the body": (
        raw(DOCUMENTED, "Connection: close") + b"more",
        f"{_NOT_HTTP}: data after `connection: close`",
    ),
    "header of 70,000 bytes": (
        raw(DOCUMENTED, f"X: {'y' * 70_000}"),
        f"{_NOT_HTTP}: got more than 65536 bytes when reading",
    ),
}

ANSWERS: dict[str, tuple[Script, str, str]] = {
    **{name: (script, "", "") for name, script in READ.items()},
    **{name: (script, "invalid_response", say.format("sk_(not shown)")) for name, (script, say) in INVALID.items()},
    **REFUSED,
    **{name: (script, "connection_failed", detail) for name, (script, detail) in NONE.items()},
    "silence": (silence, "timeout", "no whole answer within 0.3 s"),
    "one byte at a time": (drip, "timeout", "no whole answer within 0.3 s"),
}


@pytest.mark.parametrize(("script", "reason", "detail"), ANSWERS.values(), ids=ANSWERS)
async def test_each_answer_has_its_reason_and_is_shown(script: Script, reason: str, detail: str) -> None:
    clock = build.Clock()
    store = clock.store()
    lines = build.page(store)
    campaign = build.campaign(name="VP Sales")
    store.configure([campaign])
    store.succeeded(campaign.key, Stats(sent=470))
    clock.monotonic = 60

    asked = await answered(script, timeout=0.3 if reason == "timeout" else 10)

    up = f"leadterra_campaign_up{{{LABELS}}}"
    if isinstance(asked, PollError):
        assert told(asked)[:2] == (reason, detail)
        assert build.KEY not in text_of(asked)
        store.failed(campaign.key, asked.failure)
        sent, later = 470, [f"{up} 0", f'leadterra_campaign_error{{{LABELS},reason="{reason}"}} 1']
    else:
        assert not reason
        store.succeeded(campaign.key, asked)
        sent, later = 480, [f"{up} 1"]
    assert _telling(lines()) == [f"leadterra_campaign_emails_sent{{{LABELS}}} {sent}", *later]

    clock.monotonic = 361  # more than stale_after since either success
    assert _telling(lines()) == later


def _telling(lines: list[str]) -> list[str]:
    telling = ("leadterra_campaign_emails_sent{", "leadterra_campaign_up{", "leadterra_campaign_error{")
    return [line for line in lines if line.startswith(telling)]
