"""When requests are sent, in real time: real commands against the real sandbox API, half a minute.

What is promised (docs/limits.md): of each key's requests at most `requests_per_second` in any second, and at most a
quarter of that, rounded down, but at least one, at once; however many shards and workspaces there are.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest

from tests.process import RunningSandbox, running_exporter

pytestmark = pytest.mark.slow

CAMPAIGNS, INTERVAL = 66, 8  # nearly as many as the default budget allows
RATE, AT_ONCE = 10, 2
SHARDED, SHARDS, KEYS_RATE = 120, 3, 20
NOISE = 0.05  # seconds by which a request may come earlier or later than its neighbours
CONFIG = """\
api: {{base_url: {url}, requests_per_second: {rate}}}
poll: {{interval: {interval}s, stale_after: 60s}}
workspaces: [{workspaces}]
"""
WORKSPACE = "{{name: {0}, api_key_env: KEY_{0}, campaigns: [{1}]}}"


def ids(name: str, count: int) -> list[str]:
    return [f"{name}_{number}" for number in range(count)]


def most(times: Sequence[float], seconds: float) -> int:
    """Return how many requests there are at most in so many seconds."""
    return max(bisect_left(times, at + seconds) - place for place, at in enumerate(times))


def test_no_second_sees_more_than_a_keys_budget_and_polls_are_even(tmp_path: Path) -> None:
    campaigns = {name: ids(name, CAMPAIGNS) for name in ("a", "b")} | {"s": ids("s", SHARDED)}
    keys = {f"sk_{name}": dict.fromkeys(of, "healthy") for name, of in campaigns.items()}
    environment = {f"KEY_{name}": f"sk_{name}" for name in campaigns}
    with RunningSandbox(workspaces=keys) as sandbox, ExitStack() as running:
        for file, rate, names, flags in (
            ("plain", RATE, "ab", [()]),
            ("sharded", KEYS_RATE, "s", [(f"--shard.index={n}", f"--shard.total={SHARDS}") for n in range(SHARDS)]),
        ):
            workspaces = ", ".join(WORKSPACE.format(name, ", ".join(campaigns[name])) for name in names)
            config = tmp_path / file
            config.write_text(CONFIG.format(url=sandbox.url, rate=rate, interval=INTERVAL, workspaces=workspaces))
            for each in flags:
                own = (f"--config.file={config}", "--web.listen-address=127.0.0.1:0", *each)
                running.enter_context(running_exporter(*own, **environment)).url  # noqa: B018 - waits until it listens
        threading.Event().wait(3 * INTERVAL)
    stall = sandbox.longest_stall
    times, polls = defaultdict(list), defaultdict(list)
    for at, path in sandbox.requests:
        campaign_id = path.split("/")[3]
        times[campaign_id[0]].append(at)
        polls[campaign_id].append(at)

    figures = {name: (len(of), most(of, 1), most(of, 0.25), most(of, 0.1)) for name, of in times.items()}
    print(f"\nrequests, most in a second, in 250 ms, in 100 ms: {figures}; the receiver stalled for {stall:.3f} s")  # noqa: T201 - the figures are what this test is for
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
    print(f"intervals from {min(gaps):.2f} to {max(gaps):.2f} s")  # noqa: T201 - as above
    assert len(gaps) >= CAMPAIGNS
    assert all(abs(gap - INTERVAL) <= 0.5 + 2 * late for gap in gaps)
    together = sum(is_near(at, times["b"]) for at in times["a"])
    assert together <= len(times["a"]) / 4


def is_near(at: float, others: Sequence[float]) -> bool:
    """Return whether one of the others is within ten milliseconds."""
    place = bisect_left(others, at - 0.01)
    return place < len(others) and others[place] <= at + 0.01
