"""Simulated sender pools and accounts, in each of the shapes that the API's documentation shows."""

import json
from typing import Any

_DAY = 86400.0
_DAY_AT_ORIGIN = 0.4
_DRY_AT = 0.625  # of the day, when the first pool has sent all that it may
_PAUSED_FROM = 0.5  # of the day, when its first account is paused; until midnight
_POOLS = (("pool_primary", "Primary Outbound", 2000, 8), ("pool_warmup", "Warm-Up Pool", 300, 3))
ENDPOINTS = ("sender-pools", "sender-accounts")


def body(endpoint: str, workspace: int, time: float) -> bytes:
    """Return an answer `time` seconds after the origin; the number of the workspace decides on its shape."""
    day = (time / _DAY + _DAY_AT_ORIGIN) % 1
    shape = workspace % 4
    if endpoint == "sender-accounts":
        accounts = _accounts(day)
        return json.dumps({"data": accounts} if shape % 2 else accounts).encode()
    pools = [_pool(number, shape, day) for number in range(len(_POOLS))]
    return json.dumps((pools, {"senderPools": pools}, {"pools": pools}, {"data": pools})[shape]).encode()


def _pool(number: int, shape: int, day: float) -> dict[str, Any]:
    id_, name, capacity, size = _POOLS[number]
    remaining = capacity - int(capacity * min(1.0, day / _DRY_AT)) if number == 0 else capacity
    pool = {"id": id_, "name": name, "dailyCapacity": capacity}
    pool["remainingToday" if shape == 1 else "remainingVolume"] = remaining
    return pool | ({"senderCount": size} if shape else {"senderAccountIds": _ids(number)})


def _ids(pool: int) -> list[str]:
    return [f"sa_{pool}{number:02}" for number in range(_POOLS[pool][3])]


def _accounts(day: float) -> list[dict[str, str]]:
    statuses = dict.fromkeys(_ids(0), "active") | dict.fromkeys(_ids(1), "warming")
    statuses["sa_000"] = "paused" if day >= _PAUSED_FROM else "active"
    return [
        {"id": id_, "email": f"{id_}@sandbox.invalid", "name": f"Sandbox Sender {id_}", "status": status}
        for id_, status in statuses.items()
    ]
