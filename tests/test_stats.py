"""That any answer gives a reading in its ranges or one PollError, never anything else."""

import json
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.answers import count
from exporter.api.endpoints import FIELDS, Stats, parse_stats
from exporter.errors import PollError, Reason
from tests import build

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
    for value, check in zip(astuple(stats), FIELDS.values(), strict=True):
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


def test_the_documented_example() -> None:
    assert read(json.dumps(build.DOCUMENTED).encode()) == Stats(
        500, 480, 471, 9, 38, 20, open_rate=0.42, reply_rate=0.08
    )


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COUNTS, st.none() | st.integers(0, 2**53 - 1))))
def test_what_is_in_range_is_taken_as_it_is(fields: dict[str, int | None]) -> None:
    assert read(json.dumps(fields | {"openRate": None}).encode()) == Stats(*map(fields.get, FIELDS))


@pytest.mark.parametrize(
    ("body", "stats"),
    [
        (b'{"sent": null}', Stats()),
        (b'{"openRate": -0.0, "sent": -0.0}', Stats(sent=0, open_rate=0.0)),
        (b'{"openRate": 1.0000000000000002}', Stats(open_rate=1.0)),
        (b'{"openRate": 1.000000002}', None),
        (b'{"sent": 1, "data": {"sent": 2}}', Stats(sent=1)),  # figures win over an envelope
        (b'{"sent": 1, "stats": {"sent": 2}}', Stats(sent=1)),
        (b'{"data": {"sent": 1}, "errors": {}, "statusCode": 399, "success": null}', Stats(sent=1)),
    ],
)
def test_what_an_answer_comes_to(body: bytes, stats: Stats | None) -> None:
    assert read(body) == stats


@pytest.mark.parametrize("name", build.DOCUMENTED)
def test_a_refusal_names_the_field_and_repeats_no_text_of_it(name: str) -> None:
    with pytest.raises(PollError) as raised:
        parse_stats(json.dumps(build.DOCUMENTED | {name: "leak"}).encode(), "camp_123")

    assert name in raised.value.failure.detail
    assert "leak" not in raised.value.failure.detail
