"""Answers, and faults on demand: which campaign misbehaves, how, how often and for how long."""

import json
import math
import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple

EVERY = "*"
_JSON: Mapping[str, str] = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """An answer; `delay` is in seconds."""

    status: int
    body: bytes
    headers: Mapping[str, str] = _JSON
    delay: float = 0.0


def error(status: int, code: str, message: str) -> Answer:
    """Return an error answer; the documentation names codes but no envelope, so the envelope is the sandbox's own."""
    return Answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())


@dataclass(frozen=True, slots=True)
class Fault:
    """Answers that come `latency` seconds late, or with an error's status: a share of them, the next `count`."""

    latency: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    rate: float = 1.0
    count: float = math.inf


_NUMBERS: dict[str, tuple[type[int | float], float, float, str]] = {
    "latency": (float, 0, 3600, "seconds, such as latency:2.5"),
    "status": (int, 400, 599, "an HTTP status from 400 on, such as status:503"),
    "rate": (float, 0, 1, "a share between 0 and 1, such as rate:0.2"),
    "count": (int, 1, math.inf, "how many answers it changes, such as count:5"),
}


def parse_flag(text: str) -> tuple[str, Fault]:
    """Read `target=option:value[,option:value]...`, e.g. `camp_1=status:503,retry_after:3`. Raises ValueError."""
    target, _, options = text.rpartition("=")
    values = dict(part.split(":", 1) for part in re.split(r",(?=\w)", options) if ":" in part)  # a date has ", " in it
    if not target or values.keys().isdisjoint(("latency", "status")):
        raise ValueError(f"fault {text!r}: write campaign=latency:2 or campaign=status:503,retry_after:3")
    return target, Fault(**{name: _value(name, value) for name, value in values.items()})


def _value(name: str, text: str) -> Any:
    if name == "retry_after":
        return text
    if name not in _NUMBERS:
        raise ValueError(f"unknown option {name!r}: {_instead(name, [*_NUMBERS, 'retry_after'])}")
    kind, low, high, expected = _NUMBERS[name]
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name}: {text!r} is not valid: write {expected}")
    return number


def _instead(name: str, known: Collection[str]) -> str:
    return f"write {' or '.join(get_close_matches(name, known) or list(known)[:12])}"


class Faults:
    """The fault of each campaign, and of `*`, which is that of all that have none of their own."""

    def __init__(self, seed: int, campaigns: Collection[str]) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - it must repeat
        self._campaigns = campaigns
        self._faults: dict[str, Fault] = {}

    def put(self, target: str, fault: Fault) -> None:
        """Set the fault of a campaign, or of `*`. Raises ValueError for a campaign that is not there."""
        if target != EVERY and target not in self._campaigns:
            raise ValueError(f"no campaign {target!r}: {_instead(target, self._campaigns)}")
        self._faults[target] = fault

    def remove(self, target: str) -> None:
        """End a fault."""
        self._faults.pop(target, None)

    def apply(self, campaign_id: str, answer: Answer) -> Answer:
        """Return the answer, as the campaign's fault changes it."""
        target = campaign_id if campaign_id in self._faults else EVERY
        fault = self._faults.get(target)
        if fault is None or self._chance.random() >= fault.rate:
            return answer
        self._faults[target] = replace(fault, count=fault.count - 1)
        if fault.count <= 1:
            self.remove(target)
        if fault.status is not None:
            answer = error(fault.status, "sandbox_fault", "The sandbox was asked to answer this.")
        more = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return answer._replace(headers={**answer.headers, **more}, delay=fault.latency)
