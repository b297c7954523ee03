"""Faults on demand: which campaign misbehaves, how, how often and for how long."""

import difflib
import json
import math
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from exporter.sandbox.answer import Answer, error
from exporter.sandbox.stories import DOCUMENTED_ID

EVERY = "*"
_HUGE = 2 * 1024 * 1024  # bytes
_WRONG_ID = {"campaignId": "camp_wrong"}


class FaultError(ValueError):
    """Say what is wrong with a fault and what to write instead."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Describe one fault: `latency` in seconds, and at most one kind of broken answer."""

    kind: str | None = None
    latency: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    rate: float = 1.0
    count: int | None = None


def _between(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return number


def _header(text: str) -> str:
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError
    return text


def _switch(text: str) -> bool:
    if text.lower() != "true":
        raise ValueError
    return True


_KINDS: dict[str, Callable[[Answer], Answer]] = {
    "cut": lambda answer: replace(answer, cut_after=len(answer.body) // 2),
    "malformed": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "huge": lambda answer: replace(answer, body=answer.body + b" " * _HUGE),
    "gzip_garbage": lambda answer: replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"}),
    "redirect": lambda _: Answer(302, b"", {"Location": f"/v1/campaigns/{DOCUMENTED_ID}/stats"}),
    "wrong_id": lambda answer: replace(answer, body=json.dumps(json.loads(answer.body) | _WRONG_ID).encode()),
}
_OPTIONS: dict[str, tuple[Callable[[str], object], str]] = {
    "latency": (_between(float, 0, 3600), "seconds, such as latency:2.5"),
    "status": (_between(int, 200, 599), "an HTTP status, such as status:503"),
    **{kind: (_switch, f"no value: {kind}") for kind in _KINDS},
    "retry_after": (_header, "seconds or an HTTP date, such as retry_after:3"),
    "rate": (_between(float, 0, 1), "a share between 0 and 1, such as rate:0.2"),
    "count": (_between(int, 1, math.inf), "how many answers it spoils, such as count:5"),
}
_KIND_NAMES = ("latency", "status", *_KINDS)


def parse_flag(text: str) -> tuple[str, Fault]:
    """Read `target=kind[:value][,option:value]...`, e.g. `camp_1=status:503,retry_after:3`. Raises FaultError."""
    target, equals, options = text.rpartition("=")
    if not equals or not target:
        raise FaultError(f"fault {text!r}: write campaign=kind, such as camp_healthy=status:503,count:5")
    pairs = [part.partition(":") for part in re.split(r",(?=\w)", options)]  # an HTTP date has ", " in it
    return target, parse({name.strip(): value.strip() if colon else True for name, colon, value in pairs})


def parse(options: Mapping[str, object]) -> Fault:
    """Read a fault's options by name. Raises FaultError."""
    values = {name: _value(name, value) for name, value in options.items()}
    kinds = [name for name in _KIND_NAMES[1:] if name in values]
    if not values.keys() & set(_KIND_NAMES):
        raise FaultError(f"a fault needs a kind: write one of {', '.join(_KIND_NAMES)}")
    if len(kinds) > 1:
        raise FaultError(f"{kinds[0]} and {kinds[1]} exclude each other: write one of them")
    if "retry_after" in values and "status" not in values:
        raise FaultError("retry_after goes with a status: write status:429,retry_after:3")
    fields: dict[str, object] = {name: value for name, value in values.items() if name not in _KINDS}
    return Fault(kind=kinds[0] if kinds else None, **fields)  # type: ignore[arg-type]  # _OPTIONS converts each


def _value(name: str, value: object) -> object:
    if name not in _OPTIONS:
        raise FaultError(f"unknown fault or option {name!r}: {_instead(name, _OPTIONS)}")
    convert, expected = _OPTIONS[name]
    try:
        return convert(str(value))
    except ValueError:
        raise FaultError(f"{name}: {value!r} is not valid: write {expected}") from None


def _instead(name: str, known: Collection[str]) -> str:
    return f"write {' or '.join(difflib.get_close_matches(name, known) or list(known)[:12])}"


def spoil(fault: Fault, answer: Answer) -> Answer:
    """Give what the fault makes of an answer."""
    if fault.kind == "status":
        answer = error(fault.status or 500, "sandbox_fault", "The sandbox was asked to answer this.")
        if fault.retry_after is not None:
            answer = replace(answer, headers={**answer.headers, "Retry-After": fault.retry_after})
    elif fault.kind is not None:
        answer = _KINDS[fault.kind](answer)
    return replace(answer, delay=fault.latency)


class Faults:
    """Hold the fault of each campaign, and of `*`, which meets those that have none of their own."""

    def __init__(self, seed: int, campaigns: Collection[str]) -> None:
        self._seed = seed
        self._campaigns = campaigns
        self._faults: dict[str, Fault] = {}
        self._asked: dict[str, int] = {}

    def put(self, target: str, fault: Fault) -> None:
        """Let a campaign, or `*`, misbehave from now on. Raises FaultError for a campaign that is not there."""
        if target != EVERY and target not in self._campaigns:
            raise FaultError(f"no campaign {target!r}: {_instead(target, self._campaigns)}")
        self._faults[target] = fault
        self._asked[target] = 0

    def remove(self, target: str) -> bool:
        """End a fault; tell whether there was one."""
        return self._faults.pop(target, None) is not None

    def show(self) -> dict[str, dict[str, object]]:
        """List the faults in the form that `parse` reads; `count` is what is left of it."""
        return {target: _written(fault) for target, fault in self._faults.items()}

    def strike(self, campaign_id: str) -> Fault | None:
        """Take the fault that meets this request, if any."""
        target = campaign_id if campaign_id in self._faults else EVERY
        fault = self._faults.get(target)
        if fault is None or not self._hits(target, fault.rate):
            return None
        if fault.count is not None:
            self._use_up(target, fault, fault.count)
        return fault

    def _hits(self, target: str, rate: float) -> bool:
        self._asked[target] += 1
        return zlib.crc32(f"{self._seed}/{target}/{self._asked[target]}".encode()) < rate * 2**32

    def _use_up(self, target: str, fault: Fault, count: int) -> None:
        if count == 1:
            del self._faults[target]
        else:
            self._faults[target] = replace(fault, count=count - 1)


def _written(fault: Fault) -> dict[str, object]:
    shown = {name: getattr(fault, name) for name in ("latency", "status", "retry_after", "rate", "count")}
    kind: dict[str, object] = {fault.kind: True} if fault.kind in _KINDS else {}
    return kind | {name: value for name, value in shown.items() if value not in (None, 0.0)}
