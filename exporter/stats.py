"""The documented answer of `GET /v1/campaigns/:id/stats` as a frozen record, parsed whole or rejected whole."""

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from exporter.errors import PollError, Reason

_LARGEST_COUNT = 2**53 - 1  # above it a Prometheus sample, a float64, is no longer exact


@dataclass(frozen=True, slots=True)
class Stats:
    """Hold one reading of a campaign; a field that the API left out or sent as null is None.

    Counts are the API's lifetime totals: leads for `total_enrolled` and `replied`, emails for the rest.
    Ratios are between 0 and 1.
    """

    total_enrolled: int | None = None
    sent: int | None = None
    delivered: int | None = None
    bounced: int | None = None
    replied: int | None = None
    queued: int | None = None
    open_rate: float | None = None
    reply_rate: float | None = None


COUNTS = {
    "totalEnrolled": "total_enrolled",
    "sent": "sent",
    "delivered": "delivered",
    "bounced": "bounced",
    "replied": "replied",
    "queued": "queued",
}
RATIOS = {"openRate": "open_rate", "replyRate": "reply_rate"}
_FIGURES = COUNTS.keys() | RATIOS.keys()


def parse(body: bytes, campaign_id: str) -> Stats:
    """Read the answer for `campaign_id`.

    The documented object may stand bare or in one `data` or `stats` envelope; fields that are not documented are
    ignored. Raises PollError (invalid_response) that names the field at fault, never the value of a string.
    """
    answer = _unwrap(_decode(body))
    if answer.get("campaignId") not in (None, campaign_id):
        _reject("campaignId is not the campaign that was asked for")
    if _FIGURES.isdisjoint(answer):
        _reject("the answer has none of the documented figures")
    counts = [_count(field, answer.get(field)) for field in COUNTS]
    ratios = [_ratio(field, answer.get(field)) for field in RATIOS]
    return Stats(*counts, *ratios)  # in the order of its fields


def _decode(body: bytes) -> dict[str, Any]:
    try:
        answer = _JSON.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except RecursionError:
        _reject("the answer is nested too deeply")
    except ValueError:  # not JSON, not UTF-8, or a number of thousands of digits
        _reject("the answer is not JSON")
    if not isinstance(answer, dict):
        _reject("the answer is not a JSON object")
    return answer


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity: Python reads them, JSON has none


_JSON = json.JSONDecoder(parse_constant=_not_json)  # json.loads() would build one for each answer


def _unwrap(answer: dict[str, Any]) -> dict[str, Any]:
    if _FIGURES.isdisjoint(answer):
        for envelope in ("data", "stats"):
            if isinstance(answer.get(envelope), dict):
                return answer[envelope]  # type: ignore[no-any-return]  # its keys are JSON's: strings
    return answer


def _count(field: str, value: object) -> int | None:
    if type(value) is int and 0 <= value <= _LARGEST_COUNT:  # before all else: what nearly every field is
        return value
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one kind of number: 480.0 is 480
    if type(value) is not int:  # a bool is no count
        _reject(f"{field} is not a whole number")
    if not 0 <= value <= _LARGEST_COUNT:
        _reject(f"{field} is negative or too large")
    return value


def _ratio(field: str, value: object) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float):
        _reject(f"{field} is not a number")
    if not 0 <= value <= 1:  # type: ignore[operator]  # a number, by the line above
        _reject(f"{field} is not between 0 and 1")
    return abs(float(value))  # type: ignore[arg-type]  # abs: -0.0 is 0


def _reject(why: str) -> NoReturn:
    raise PollError(Reason.INVALID_RESPONSE, why, code="200")
