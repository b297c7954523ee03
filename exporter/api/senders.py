"""The answers of `GET /v1/sender-pools` and `GET /v1/sender-accounts`, in each of the shapes that are documented.

What is said of single accounts, names and addresses of people, is left behind here.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.api.answers import count, decode, reject
from exporter.errors import Failure, Reason

_STATUSES = ("active", "paused", "warming")  # one page says active or paused, another active or warming
_STATUS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,39}")  # a new one is kept, an address that stands there is not
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")
_MOST_STATUSES = 20
_LONGEST_NAME = 200
_DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Pool:
    """One sender pool; a figure that the API left out or sent as null is None. Capacities are emails in 24 hours."""

    id: str
    name: str
    daily_capacity: int | None
    remaining: int | None
    accounts: int | None


def explain(failure: Failure) -> Failure:
    """Return a failure without what the API said, which may name people, but for a code; a 404 is no campaign's."""
    if failure.code is None or not failure.code.isdigit():
        return failure
    detail, *said = failure.detail.split(": ")
    detail += f": {said[0]}" if said and _CODE.fullmatch(said[0]) else ""
    reason = failure.reason
    if reason is Reason.CAMPAIGN_NOT_FOUND:
        reason, detail = Reason.UNEXPECTED_STATUS, f"{detail}: the API has no such endpoint, or not for this key"
    return replace(failure, reason=reason, detail=detail, excerpt="")


def parse_pools(body: bytes, _: str) -> tuple[Pool, ...]:
    """Read a list of pools. Raises PollError (invalid_response) that names the field at fault."""
    pools = tuple(_pool(entry) for entry in _entries(body, "senderPools", "pools", "data"))
    if len({pool.id for pool in pools}) < len(pools):
        reject("two pools have the same id")
    return pools


def parse_accounts(body: bytes, _: str) -> Mapping[str, int]:
    """Read how many accounts have each status, documented ones from 0. Raises PollError (invalid_response)."""
    statuses: list[Any] = [entry.get("status") for entry in _entries(body, "senderAccounts", "accounts", "data")]
    if not all(isinstance(status, str) and _STATUS.fullmatch(status) for status in statuses):
        reject("status is not a word")
    accounts: Counter[str] = Counter(statuses)
    if len(accounts) > _MOST_STATUSES:
        reject(f"the accounts have more than {_MOST_STATUSES} different statuses")
    return {**dict.fromkeys(_STATUSES, 0), **accounts}


def _entries(body: bytes, *names: str) -> list[dict[str, Any]]:
    """Return the objects of a list that stands bare or under one of some names."""
    answer = decode(body)
    for _ in range(_DEEPEST):
        if isinstance(answer, dict):
            answer = next((answer[name] for name in names if name in answer), None)
    if not isinstance(answer, list) or not all(isinstance(entry, dict) for entry in answer):
        reject("the answer is not a list of JSON objects, bare or under a documented name")
    return answer


def _pool(entry: Mapping[str, Any]) -> Pool:
    id_ = _text("id", entry.get("id"))
    name = id_ if entry.get("name") is None else _text("name", entry["name"])
    figures = {
        field: count(field, entry.get(field))
        for field in ("dailyCapacity", "remainingVolume", "remainingToday", "senderCount")
    }
    capacity, volume, today, accounts = figures.values()
    if accounts is None and isinstance(ids := entry.get("senderAccountIds"), list):
        accounts = len(ids)
    remaining = today if volume is None else volume
    if capacity is remaining is accounts is None:
        reject("a pool has none of the documented figures")
    return Pool(id_, name, capacity, remaining, accounts)


def _text(field: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        reject(f"{field} is not a text")
    return "".join(char if char.isprintable() else "?" for char in value[:_LONGEST_NAME])
