"""Answers, and faults on demand: which campaign misbehaves, how, how often and for how long."""

import json
import math
import random
import re
from collections.abc import Callable, Collection, Mapping
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


_FORM = "write CAMPAIGN=latency:SECONDS or CAMPAIGN=status:CODE, with ,retry_after:SECONDS and ,rate:SHARE and ,count:N"
_FAULT = re.compile(
    r"(?P<target>.+)=(?=latency|status)(?:latency:(?P<latency>\d{1,4}(?:\.\d+)?),?)?(?:status:(?P<status>[45]\d\d))?"
    r"(?:,retry_after:(?P<retry_after>.+?))?(?:,rate:(?P<rate>0?\.\d+|[01]))?(?:,count:(?P<count>[1-9]\d*))?",
    re.ASCII,
)
_READ: Mapping[str, Callable[[str], Any]] = {"latency": float, "status": int, "rate": float, "count": int}


def parse_flag(text: str) -> tuple[str, Fault]:
    """Read a campaign and its fault, e.g. `camp_1=status:503,retry_after:3,count:2`. Raises ValueError."""
    match = _FAULT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: {_FORM}")
    target, *options = match.groupdict().items()
    return target[1], Fault(**{name: _READ.get(name, str)(value) for name, value in options if value})


class Faults:
    """The fault of each campaign, and of `*`, which is that of all that have none of their own."""

    def __init__(self, seed: int, campaigns: Collection[str]) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - it must repeat
        self._campaigns = campaigns
        self._faults: dict[str, Fault] = {}

    def put(self, target: str, fault: Fault) -> None:
        """Set the fault of a campaign, or of `*`. Raises ValueError for a campaign that is not there."""
        if target != EVERY and target not in self._campaigns:
            near = get_close_matches(target, self._campaigns) or list(self._campaigns)[:12]
            raise ValueError(f"no campaign {target!r}: write {' or '.join(near)}")
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
