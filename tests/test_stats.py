"""That any answer gives a reading in its ranges or one PollError, never anything else."""

import json
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Failure, PollError, Reason
from exporter.stats import COUNTS, RATIOS, Stats, parse
from tests import build

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2**53 - 1, 2**53, 10**400]),
    st.floats(),
    st.floats(0, 1),
    st.text(),
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
FIELDS = st.sampled_from([*build.DOCUMENTED, "data", "stats", "status", ""])
ENVELOPES = st.sampled_from(["{}", '{{"data": {}}}', '{{"stats": {}}}', '{{"data": {{"stats": {}}}}}', "[{}]"])


def read(body: bytes) -> Stats | None:
    """Parse, holding a reading to its ranges and a refusal to its reason."""
    answer = _parse(body)
    if isinstance(answer, Stats):
        _check_ranges(answer)
        return answer
    assert (answer.reason, answer.code) == (Reason.INVALID_RESPONSE, "200")
    return None


def _parse(body: bytes) -> Stats | Failure:
    try:
        return parse(body, "camp_123")
    except PollError as error:
        return error.failure


def _check_ranges(stats: Stats) -> None:
    for attribute in COUNTS.values():
        count = getattr(stats, attribute)
        assert count is None or (type(count) is int and 0 <= count < 2**53)
    for attribute in RATIOS.values():
        ratio = getattr(stats, attribute)
        assert ratio is None or (type(ratio) is float and 0 <= ratio <= 1 and str(ratio)[0] != "-")


def test_the_documented_example() -> None:
    assert read(json.dumps(build.DOCUMENTED).encode()) == Stats(
        total_enrolled=500,
        sent=480,
        delivered=471,
        bounced=9,
        replied=38,
        queued=20,
        open_rate=0.42,
        reply_rate=0.08,
    )


@given(JSON)
def test_any_json_gives_a_reading_or_a_reason(answer: Any) -> None:
    read(json.dumps(answer).encode())


@given(st.binary())
def test_any_bytes_give_a_reading_or_a_reason(body: bytes) -> None:
    read(body)


@given(st.dictionaries(FIELDS, JSON), st.sets(FIELDS), ENVELOPES)
def test_any_change_of_the_documented_answer_gives_a_reading_or_a_reason(
    changed: dict[str, Any], left_out: set[str], envelope: str
) -> None:
    fields = {name: value for name, value in (build.DOCUMENTED | changed).items() if name not in left_out}

    read(envelope.format(json.dumps(fields)).encode())


@given(st.integers(0), st.binary(max_size=3))
def test_any_damage_to_the_documented_answer_gives_a_reading_or_a_reason(place: int, damage: bytes) -> None:
    body = json.dumps(build.DOCUMENTED).encode()
    place %= len(body)

    read(body[:place] + damage + body[place + 1 :])


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COUNTS, st.none() | st.integers(0, 2**53 - 1))))
def test_what_is_in_range_is_taken_as_it_is(fields: dict[str, int | None]) -> None:
    stats = read(json.dumps(fields | {"openRate": None}).encode())

    assert stats == Stats(**{COUNTS[name]: value for name, value in fields.items()})


def test_null_and_missing_are_no_figures() -> None:
    stats = read(b'{"sent": null}')

    assert stats is not None
    assert set(astuple(stats)) == {None}


def test_minus_nothing_is_nothing() -> None:
    assert read(b'{"openRate": -0.0, "sent": -0.0}') == Stats(sent=0, open_rate=0.0)


@pytest.mark.parametrize("envelope", ["data", "stats"])
def test_figures_win_over_an_envelope(envelope: str) -> None:
    assert read(json.dumps({"sent": 1, envelope: {"sent": 2}}).encode()) == Stats(sent=1)


def test_a_refusal_repeats_no_text_of_the_answer() -> None:
    for name in build.DOCUMENTED:
        with pytest.raises(PollError) as raised:
            parse(json.dumps(build.DOCUMENTED | {name: "leak"}).encode(), "camp_123")
        assert name in raised.value.failure.detail
        assert "leak" not in raised.value.failure.detail
