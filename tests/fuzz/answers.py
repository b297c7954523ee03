"""Bodies of the API's answers: any bytes give a reading in its ranges or one PollError."""

import json
from collections.abc import Sequence
from random import Random
from typing import Self

from exporter.errors import PollError, Reason
from exporter.stats import COUNTS, RATIOS, parse
from tests import build
from tests.fuzz.mutation import damaged
from tests.fuzz.target import Finding

_CANARY = "sk_canary"
# fmt: off
_GOOD_VALUES = (
    "0", "1", "-1", "-0", "-0.0", "480", "0.42", "1.0", "1.5", "1e3", "1e308", "5e-324", "9007199254740991",
    "9007199254740992", "1" + "0" * 400, "0." + "9" * 400, "0.1e1", "null", "true", "false", '""', '"480"',
    f'"{_CANARY}"', '"\\ud800"', "[]", "{}", "[1]", '{"sent": 1}', '"\\u0000"', '"camp_123"', '"camp_12"', '"\u00e9"',
    "1e309", "-1e309", "1E-400", "[" * 900 + "]" * 900,
)
_BAD_VALUES = (
    "NaN", "Infinity", "-Infinity", "undefined", "01", ".5", "+1", "1" * 5000, "[" * 100_000, '{"a":' * 5000, "",
    "'a'", "//", "1_0", "0x1",
)
_NAMES = (
    *build.DOCUMENTED, *build.DOCUMENTED, "data", "stats", "status", "", "sent ", "SENT", "\\u0073ent", "__class__",
    _CANARY,
)
_ENVELOPES = ("%s",) * 8 + (
    '{"data": %s}', '{"stats": %s}', '{"data": {"stats": %s}}', "[%s]", '{"sent": 1, "data": %s}', '"%s"', "%s %s",
)
_WORDS = tuple(
    word.encode()
    for word in (*_GOOD_VALUES, *_BAD_VALUES, '"', "\\", ",", ":", "{", "}", "[", "\ufeff", "\0")
    if len(word) < 1000
)
_ENCODINGS = ("utf-8",) * 40 + ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")
# fmt: on


class Answers:
    """Fuzz `exporter.stats.parse`."""

    name = "answers"
    batch = 1

    def make(self, dice: Random) -> bytes:
        """Write an object near the documented one, in and out of envelopes, then damage it."""
        pairs = [(name, json.dumps(value)) for name, value in build.DOCUMENTED.items() if dice.random() < 0.9]
        for _ in range(dice.choice((0, 1, 1, 2, 4))):  # names may stand twice
            values = _BAD_VALUES if dice.random() < 0.05 else _GOOD_VALUES
            pairs.insert(dice.randrange(len(pairs) + 1), (dice.choice(_NAMES), dice.choice(values)))
        members = ", ".join(f'"{name}": {value}' for name, value in pairs)
        text = dice.choice(_ENVELOPES).replace("%s", f"{{{members}}}")
        body = text.encode(dice.choice(_ENCODINGS), "replace")
        return damaged(body, dice, _WORDS) if dice.random() < 0.4 else body

    def outcomes(self, inputs: Sequence[bytes]) -> list[str]:
        """Parse each body."""
        return [self._outcome(body) for body in inputs]

    def _outcome(self, body: bytes) -> str:
        try:
            stats = parse(body, "camp_123")
        except PollError as error:
            failure = error.failure
            if (failure.reason, failure.code, failure.retry_after) != (Reason.INVALID_RESPONSE, "200", None):
                raise Finding(f"another failure than an answer of ours: {failure}") from error
            if _CANARY in str(error) or len(failure.detail) > 100:
                raise Finding(f"repeats the answer: {failure}") from error
            return failure.detail
        for attribute in COUNTS.values():
            count = getattr(stats, attribute)
            if count is not None and not (type(count) is int and 0 <= count < 2**53):
                raise Finding(f"{attribute} is {count!r}")
        for attribute in RATIOS.values():
            ratio = getattr(stats, attribute)
            if ratio is not None and not (type(ratio) is float and 0 <= ratio <= 1 and str(ratio)[0] != "-"):
                raise Finding(f"{attribute} is {ratio!r}")
        given = [name for name in (*COUNTS.values(), *RATIOS.values()) if getattr(stats, name) is not None]
        return f"reading of {len(given)} figures"

    def __enter__(self) -> Self:
        """Need nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Need nothing."""
