"""When requests are sent, in real time: real commands against the fake API, half a minute.

What is promised (docs/limits.md): of each key's requests at most `requests_per_second` in any second, and at most a
quarter of that, rounded down, but at least one, at once; however many shards and workspaces there are.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from tests.build import write_config
from tests.fake_api import FakeApi
from tests.process import LISTEN, running_exporter

pytestmark = pytest.mark.slow

CAMPAIGNS, INTERVAL = 66, 8  # nearly as many as the default budget allows
RATE, AT_ONCE = 10, 2
SHARDED, SHARDS, KEYS_RATE = 120, 3, 20
NOISE = 0.05  # seconds by which a request may come earlier or later than its neighbours


def ids(name: str, count: int) -> list[str]:
    return [f"{name}_{number}" for number in range(count)]


def most(times: Sequence[float], seconds: float) -> int:
    """Return how many requests there are at most in so many seconds."""
    return max(bisect_left(times, at + seconds) - place for place, at in enumerate(times))


def test_no_second_sees_more_than_a_keys_budget_and_polls_are_even(tmp_path: Path) -> None:
    campaigns = {name: ids(name, CAMPAIGNS) for name in ("a", "b")} | {"s": ids("s", SHARDED)}
    stalls, times, polls = [0.0], defaultdict(list), defaultdict(list)

    async def watch_stalls() -> None:
        """Note for how long the receiver did not look at what had come."""
        loop = asyncio.get_running_loop()
        end = loop.time() + 3 * INTERVAL
        while (before := loop.time()) < end:
            await asyncio.sleep(0.005)
            stalls.append(loop.time() - before - 0.005)

    with FakeApi() as api, ExitStack() as running:
        for names, rate, shards in (("ab", RATE, 1), ("s", KEYS_RATE, SHARDS)):
            (folder := tmp_path / names).mkdir()
            workspaces: list[dict[str, Any]]
            workspaces = [{"name": name, "api_key_file": name, "campaigns": campaigns[name]} for name in names]
            for name in names:
                (folder / name).touch(0o600)
                (folder / name).write_text(f"sk_{name}")
            limits = {"requests_per_second": rate}
            config = write_config(
                folder, api.url, api=limits, poll=(f"{INTERVAL}s", "1m"), others=workspaces[1:], **workspaces[0]
            )
            for shard in range(shards):
                flags = (LISTEN, f"--shard.index={shard}", f"--shard.total={shards}")
                running.enter_context(running_exporter(config, *flags)).url  # noqa: B018 - waits until it listens
        api.do(watch_stalls())
    stall = max(stalls)
    for request in api.requests:
        times[request.campaign[0]].append(request.at)
        polls[request.campaign].append(request.at)

    late = NOISE + stall
    for name in "ab":
        assert most(times[name], 1 - late) <= RATE
        assert most(times[name], max(0.001, AT_ONCE / RATE - late)) <= AT_ONCE
    # A shard's part is a fraction, of which a second may see the next whole number.
    assert most(times["s"], 1 - late) <= SHARDS * ceil(KEYS_RATE / SHARDS)
    assert most(times["s"], 0.001) <= KEYS_RATE / 4
    assert polls.keys() == {id_ for of in campaigns.values() for id_ in of}
    first_sweep = CAMPAIGNS / RATE
    steady = [[at for at in polls[id_] if at > times["a"][0] + first_sweep] for id_ in ids("a", CAMPAIGNS)]
    gaps = [later - at for of in steady for at, later in pairwise(of)]
    assert len(gaps) >= CAMPAIGNS
    assert all(abs(gap - INTERVAL) <= 0.5 + 2 * late for gap in gaps)
