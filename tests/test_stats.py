"""That any body or whole answer gives a reading in its ranges or one PollError, in time and without a secret."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.answers import count
from exporter.api.endpoints import FIELDS, Stats, parse_stats
from exporter.errors import PollError, Reason
from tests import build
from tests.fake_api import FakeApi
from tests.test_answers import ANSWERS
from tests.test_client import client, outcome, text_of

COUNTS = [name for name, read in FIELDS.items() if read is count]
CANARY = "sk_canary"
# fmt: off
GOOD_VALUES = (
    "0", "-1", "-0", "-0.0", "0.42", "1.0", "1.5", "1e3", "1e308", "5e-324", "9007199254740991", "9007199254740992",
    "1" + "0" * 400, "0." + "9" * 400, "0.1e1", "null", "true", '""', '"480"', f'"{CANARY}"', '"\\ud800"', "[]", "{}",
    '{"sent": 1}', '"\\u0000"', '"camp_123"', '"camp_12"', '"\u00e9"', "1e309", "-1e309", "[" * 900 + "]" * 900,
)
BAD_VALUES = (
    "NaN", "Infinity", "-Infinity", "undefined", "01", ".5", "+1", "1" * 5000, "[" * 100_000, '{"a":' * 5000, "",
    "'a'", "//", "1_0", "0x1",
)
NAMES = st.sampled_from([
    *build.DOCUMENTED, "data", "stats", "status", "", "sent ", "SENT", "\\u0073ent", "__class__", CANARY,
    "error", "errors", "success", "statusCode", "code", "message",
])
ENVELOPES = st.just("%s") | st.sampled_from([
    '{"data": %s}', '{"stats": %s}', '{"data": {"stats": %s}}', "[%s]", '{"sent": 1, "data": %s}', '"%s"', "%s %s",
    '{"error": %s}', '{"errors": [%s]}',
])
# fmt: on
ENCODINGS = st.just("utf-8") | st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "latin-1"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.floats(0, 1) | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
VALUES = st.sampled_from(GOOD_VALUES) | st.sampled_from(BAD_VALUES) | JSON.map(json.dumps)
DOCUMENTED = [(name, json.dumps(value)) for name, value in build.DOCUMENTED.items()]


@st.composite
def near_the_documented_answer(draw: st.DrawFn) -> bytes:
    """Return the documented answer with names left out, twice or new, in an envelope, and damaged."""
    pairs = draw(st.lists(st.sampled_from(DOCUMENTED) | st.tuples(NAMES, VALUES), max_size=12))
    members = ", ".join(f'"{name}": {value}' for name, value in pairs)
    text = draw(ENVELOPES).replace("%s", f"{{{members}}}")
    body = text.encode(draw(ENCODINGS), "replace")
    at, damage = draw(st.integers(0, len(body))), draw(st.just(b"") | st.binary(max_size=3))
    return body[:at] + damage + body[at + len(damage) :]


def read(body: bytes) -> Stats | None:
    """Parse, holding a reading to its ranges and a refusal to its reason."""
    try:
        stats = parse_stats(body, "camp_123")
    except PollError as error:
        failure, text = error.failure, str(error)
        assert (failure.reason, failure.code, failure.retry_after) == (Reason.INVALID_RESPONSE, "200", None)
        assert CANARY not in text
        assert failure.detail.isprintable()
        assert len(failure.detail) < 300
        return None
    for value, check in zip(stats, FIELDS.values(), strict=True):
        if value is not None and check is count:
            assert type(value) is int
            assert 0 <= value < 2**53
        elif value is not None:
            assert type(value) is float
            assert 0 <= value <= 1
            assert str(value)[0] != "-"
    return stats


@given(st.binary() | JSON.map(json.dumps).map(str.encode) | near_the_documented_answer())
def test_any_body_gives_a_reading_or_a_reason(body: bytes) -> None:
    read(body)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COUNTS, st.none() | st.integers(0, 2**53 - 1))))
def test_what_is_in_range_is_taken_as_it_is(fields: dict[str, int | None]) -> None:
    assert read(json.dumps(fields | {"openRate": None}).encode()) == Stats(*map(fields.get, FIELDS))


@pytest.mark.parametrize(
    ("body", "stats"),
    [
        (b'{"sent": null}', Stats()),
        (b'{"openRate": -0.0, "sent": -0.0}', Stats(sent=0, open_rate=0.0)),
        (b'{"openRate": 1.000000002}', None),
        (b'{"sent": 1, "data": {"sent": 2}}', Stats(sent=1)),  # figures win over an envelope
        (b'{"sent": 1, "stats": {"sent": 2}}', Stats(sent=1)),
        (b'{"data": {"sent": 1}, "errors": {}, "statusCode": 399, "success": null}', Stats(sent=1)),
    ],
)
def test_what_an_answer_comes_to(body: bytes, stats: Stats | None) -> None:
    assert read(body) == stats


SEEDS = [script for script, *_ in ANSWERS.values() if isinstance(script, bytes) and len(script) < 20_000]
PIECES = (
    b"", b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"ICY 200",
    b"HTTP/1.1 101 S", b"HTTP/1.1 401 \xff", b"\r\nContent-Type: ;;=\xff", b"\r\nContent-Encoding: x, gzip",
    b"\r\nConnection: upgrade\r\nUpgrade: websocket", b"\r\nLocation: http://[", b"\r\nSet-Cookie: a=\x01; $",
    b"\r\nRetry-After: Wed, 99 Oct 99999 07:28:00 +9999", b"\r\nRetry-After: " + b"9" * 19, b"\r\nTrailer: x",
    b"\r\nContent-Length: -1", b"\r\nContent-Length: 99999999999999999999", b"\r\nTransfer-Encoding: chunked",
    b"\r\nTransfer-Encoding: gzip, chunked", b"\r\n folded", b"\r\n: x", b"\r\nno colon", b"\r\nX: " + b"y" * 9000,
    b'5\r\n{"sen\r\n5\r\nt":1}\r\n0\r\n\r\n', b"fffffffffffffffffff\r\n", b"\x1f\x8b\x08\0\0", build.KEY.encode(),
)  # fmt: skip
DAMAGED = st.builds(
    lambda seed, at, cut, piece: seed[: at % len(seed)] + piece + seed[at % len(seed) + cut :],
    st.sampled_from([seed for seed in SEEDS if seed]),
    st.integers(0, 60) | st.integers(0, 10_000),
    st.integers(0, 50),
    st.sampled_from(PIECES) | st.binary(max_size=8),
)


@settings(max_examples=settings().max_examples // 10)  # 20 at once
@given(st.lists(DAMAGED | st.binary(max_size=50), min_size=20, max_size=20))
async def test_any_answer_is_a_reading_or_a_failed_poll_within_the_timeout(responses: list[bytes]) -> None:
    scripts = {f"c{number}": response for number, response in enumerate(responses)}
    async with (
        FakeApi(scripts, keeps_connections=False) as api,
        client(api.url, timeout=2, max_concurrency=len(scripts)) as asked,
        asyncio.timeout(10),
    ):
        answers = await asyncio.gather(*(outcome(asked, campaign_id) for campaign_id in scripts))
    for answer in answers:
        if isinstance(answer, PollError):
            assert build.KEY not in text_of(answer)
            assert answer.failure.detail.isprintable()
            assert len(answer.failure.detail) < 300
