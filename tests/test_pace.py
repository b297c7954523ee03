"""A thousand campaigns at a 60 s interval, in real time: the real command against the real sandbox API."""

import re
import threading
from bisect import bisect_left
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from exporter.sandbox import load_ids
from tests.monitoring import wait_until
from tests.process import RunningSandbox, running_exporter

pytestmark = pytest.mark.slow

CAMPAIGNS, INTERVAL, BUDGET = 1000, 60, 40
SHARDED, SHARDS, KEYS_BUDGET = 200, 3, 20
CONFIG = """\
api: {{base_url: {url}, requests_per_second: {budget}}}
poll: {{interval: {interval}s}}
workspaces: [{{name: acme, api_key_env: PACE_KEY, campaigns: [{ids}]}}]
"""


def test_requests_are_even_and_never_above_the_budget(tmp_path: Path) -> None:
    with RunningSandbox(load_campaigns=CAMPAIGNS) as sandbox:
        config = tmp_path / "config.yaml"
        ids = ", ".join(load_ids(CAMPAIGNS))
        config.write_text(CONFIG.format(url=sandbox.url, budget=BUDGET, interval=INTERVAL, ids=ids))
        arguments = [f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]
        with running_exporter(*arguments, PACE_KEY="sk_test_sandbox_acme") as exporter:
            first_sweep = CAMPAIGNS / BUDGET
            threading.Event().wait(first_sweep + INTERVAL + 8)
            page = exporter.get("/metrics").text
            assert exporter.stop() == 0
    times = [request.time for request in sandbox.requests]

    fullest = max(bisect_left(times, at + 1) - place for place, at in enumerate(times))
    steady = [at - times[CAMPAIGNS] for at in times[CAMPAIGNS:]]
    bins = [Counter(int(at // 6) for at in steady)[number] for number in range(10)]
    gaps = sorted(later - at for at, later in pairwise(steady[:CAMPAIGNS]))
    overruns = re.search(r'sweep_overruns_total\{workspace="acme"\} (\S+)', page)
    print(  # noqa: T201 - the figures are what this test is for
        f"\n{len(times)} requests; first sweep {times[CAMPAIGNS - 1] - times[0]:.1f} s, at most {fullest} in any "
        f"second of {BUDGET} allowed; then in each 6 s: {bins}; gaps: median {gaps[len(gaps) // 2] * 1000:.1f} ms, "
        f"{gaps[0] * 1000:.1f} to {gaps[-1] * 1000:.1f} ms; overruns {overruns and overruns[1]}; "
        f"the receiving side stalled for up to {sandbox.longest_stall * 1000:.0f} ms"
    )
    # What was sent in a second and a stall may be seen in one second.
    assert fullest <= BUDGET * (1 + sandbox.longest_stall) + 1
    assert times[CAMPAIGNS - 1] - times[0] == pytest.approx(first_sweep, rel=0.1)
    assert all(95 <= count <= 105 for count in bins)
    assert overruns
    assert float(overruns[1]) == 0


def test_shards_together_keep_to_the_keys_budget(tmp_path: Path) -> None:
    """Three processes with one configuration: each campaign once, and no second with more than the key allows."""
    with RunningSandbox(load_campaigns=SHARDED) as sandbox, ExitStack() as running:
        config = tmp_path / "config.yaml"
        ids = ", ".join(load_ids(SHARDED))
        config.write_text(CONFIG.format(url=sandbox.url, budget=KEYS_BUDGET, interval=INTERVAL, ids=ids))
        for index in range(SHARDS):
            arguments = [f"--config.file={config}", "--web.listen-address=127.0.0.1:0", f"--shard.total={SHARDS}"]
            environment = {"PACE_KEY": "sk_test_sandbox_acme", "LEADTERRA_EXPORTER_SHARD_INDEX": f"exporter-{index}"}
            exporter = running.enter_context(running_exporter(*arguments, **environment))
            page = exporter.wait_for("/metrics", "leadterra_exporter_shards 3.0")
            assert f'leadterra_exporter_shard_info{{index="{index}",total="3"}} 1.0' in page
        wait_until(lambda: len({request.campaign_id for request in sandbox.requests}) == SHARDED, "each campaign", 60)
    times = [request.time for request in sandbox.requests]

    fullest = max(bisect_left(times, at + 1) - place for place, at in enumerate(times))
    print(f"\n{len(times)} requests in {times[-1] - times[0]:.1f} s, at most {fullest} in any second")  # noqa: T201 - the figures are what this test is for
    # A shard's part may be a fraction, of which a second sees the next whole number.
    assert fullest <= KEYS_BUDGET * (1 + sandbox.longest_stall) + SHARDS
    polled = Counter(request.campaign_id for request in sandbox.requests)
    assert max(polled.values()) <= 2  # the second sweep of the first shard to end its first has begun
