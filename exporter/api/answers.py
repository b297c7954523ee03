"""What any of the API's JSON answers is read with: documented or not, right or an error."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from exporter.errors import PollError, Reason

_LARGEST_COUNT = 2**53 - 1  # above it a Prometheus sample, a float64, is no longer exact
_ROUNDING = 1e-9
_ERROR_STATUS = re.compile(rf"[45][0-9]{{2}}(\.0)?|error|fail(ed|ure)?|{'|'.join(Reason)}", re.IGNORECASE)
"""A number, a text, one of JSend's words, or one of the API's own codes."""
_LONGEST_MESSAGE = 200
_LONGEST_EXCERPT = 500
_DEEPEST_ERROR = 3
_KEY = re.compile(r"(?<![A-Za-z0-9])sk_[\w-]+")


def reject(why: str) -> NoReturn:
    """Raise PollError (invalid_response) for an answer with status 200."""
    raise PollError(Reason.INVALID_RESPONSE, why, code="200")


def decode(body: bytes) -> Any:
    """Return the JSON of an answer with status 200. Raises PollError where it is none, or says that it is an error."""
    try:
        answer = json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        reject("the answer is nested too deeply")
    except ValueError:  # not JSON, not UTF-8, or a number of thousands of digits
        reject("the answer is not JSON")
    if isinstance(answer, dict):
        refuse_error(answer)
    return answer


def refuse_error(answer: dict[str, Any]) -> None:
    """Raise PollError for an object in an answer with status 200 that says that it is an error."""
    says_no = any(str(answer.get(name)).lower() in ("false", "0") for name in ("success", "ok"))
    statuses = {str(answer.get(name)) for name in ("statusCode", "status_code", "status", "code")}
    is_error_status = any(_ERROR_STATUS.fullmatch(status) for status in statuses)
    if says_no or is_error_status or answer.get("error") or answer.get("errors"):
        reject(": ".join(filter(None, ("HTTP 200, but the answer says that it is an error", _describe(answer)[0]))))


def count(field: str, value: object) -> int | None:
    """Return a count, None for null. Raises PollError that names the field."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one kind of number: 480.0 is 480
    if value is not None and type(value) is not int:  # a bool is no count
        reject(f"{field} is not a whole number")
    if value is not None and not 0 <= value <= _LARGEST_COUNT:
        reject(f"{field} is negative or too large")
    return value


def ratio(field: str, value: object) -> float | None:
    """Return a ratio between 0 and 1, None for null; 1 for what rounding put above it. Raises PollError."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        reject(f"{field} is not a number")
    if not 0 <= value <= 1 + _ROUNDING:
        reject(f"{field} is not between 0 and 1")
    return min(abs(float(value)), 1.0)  # abs: -0.0 is 0


def read_error(body: bytes) -> tuple[str, set[str]]:
    """Return what an error's body says as one short line without secrets, "" where it says nothing, and its codes."""
    try:
        return _describe(json.loads(body.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return "", set()


def excerpt(body: bytes) -> str:
    """Return the beginning of an answer as one line without secrets."""
    return _one_line(body[: 4 * _LONGEST_EXCERPT].decode(errors="replace"), _LONGEST_EXCERPT)


def _describe(answer: object) -> tuple[str, set[str]]:
    said = list(_errors(answer))
    texts = dict.fromkeys(text for pair in said for text in pair if isinstance(text, str) and text)
    return _one_line(": ".join(texts), _LONGEST_MESSAGE), {code for code, _ in said if isinstance(code, str)}


def _errors(answer: object, depth: int = 0) -> Iterator[tuple[object, object]]:
    """Yield code and message of an answer and of the errors in it, outermost first; a text alone is a code.

    The API documents codes but no envelope, so both are looked for where APIs put them.
    """
    if isinstance(answer, str):
        yield answer, None
    elif isinstance(answer, dict):
        yield answer.get("code"), answer.get("message")
        errors = answer.get("errors")
        for each in (answer.get("error"), *(errors if isinstance(errors, list) else [errors])):
            if depth < _DEEPEST_ERROR:
                yield from _errors(each, depth + 1)


def _one_line(text: str, longest: int) -> str:
    line = _KEY.sub("sk_(not shown)", " ".join(text.split()))
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= longest else f"{line[:longest]}..."
