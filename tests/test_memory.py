"""Memory, descriptors and tasks stay flat: over fifty reloads of a real process, and over simulated hours of a life.

With one arena, as glibc would give each thread memory of its own, 5 MiB at a moment of its choice. For longer hours:
`LONG_RUN_HOURS=672 make test-all ARGS="-s tests/test_memory.py"` is four weeks.
"""

import os
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.build import write_config
from tests.certificates import Authority, replace_file
from tests.conftest import run_virtually
from tests.fake_api import FakeApi
from tests.longrun.life import Life
from tests.process import LISTEN, RunningExporter, running_exporter

pytestmark = pytest.mark.slow

CAMPAIGNS = 800


def test_fifty_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    with FakeApi(certificate=authority.issue("api", "127.0.0.1")) as api:
        config = write(tmp_path, api, 0, authority)
        with running_exporter(config, LISTEN, "--web.enable-lifecycle", MALLOC_ARENA_MAX="1") as exporter:
            rounds = [range(first, first + 17) for first in (0, 17, 34)]
            looks = [look_after(each, tmp_path, exporter, api, authority) for each in rounds]
            assert exporter.stop() == 0
    (first, descriptors), (second, _), (third, last_descriptors) = looks
    print(f"{first:.1f}, {second:.1f}, {third:.1f} MiB, {descriptors}, {last_descriptors} descriptors")  # noqa: T201 - for `pytest -s`
    # What stays grows all the time, whole configurations by 8 MiB in a third; one step up may be a busy moment's peak.
    assert min(second / first, third / second) <= 1.04
    assert third <= first * 1.15
    assert last_descriptors <= descriptors + 20  # connections to the API, of which some may be open


def look_after(
    rounds: Iterable[int], folder: Path, exporter: RunningExporter, api: FakeApi, authority: Authority
) -> tuple[float, int]:
    """Reload in the midst of polls, then let all campaigns be polled; return MiB and descriptors that are left."""
    for number in rounds:
        write(folder, api, number, authority)
        assert exporter.reload() == 200
        exporter.wait_for("/metrics", f'leadterra_campaign_up{{workspace="acme",campaign_id="camp_{number}_20"')
        assert api.requests[-1].key == f"sk_{number}"
        api.requests.clear()
    exporter.wait_for("/metrics", "\nleadterra_campaign_up{", count=CAMPAIGNS)
    return exporter.memory(), len(exporter.descriptors())


def write(folder: Path, api: FakeApi, number: int, authority: Authority) -> str:
    """Write other API settings, another key, the CA file anew, and other campaigns in place of half of them."""
    come = [f"camp_{number}_{place}" for place in range(CAMPAIGNS // 2)]
    stay = [f"camp_{place}" for place in range(CAMPAIGNS // 2)]
    api.keys.add(f"sk_{number}")
    replace_file(folder / "ca.pem", authority.pem + "\n" * number)
    limits = {"timeout": f"{10 + number}s", "max_concurrency": 20, "requests_per_second": 5000}
    return write_config(
        folder, api.url, *come, *stay, key=f"sk_{number}", api={"ca_file": "ca.pem", **limits}, poll=("10s", "30s")
    )


HOURS = int(os.environ.get("LONG_RUN_HOURS", "12"))


def test_hours_of_faults_reloads_and_rotations_leave_nothing_behind(tmp_path: Path) -> None:
    life = Life(tmp_path, seed=1)
    first, *_, last = run_virtually(live(life), life.patience)
    assert last["requests"] > 2_000  # it did live
    assert last["tasks"] <= first["tasks"] + 6  # a sweep that is under way has its tasks
    assert last["descriptors"] <= first["descriptors"] + 4
    assert last["blocks"] <= first["blocks"] * 1.005
    assert last["memory"] <= first["memory"] * 1.1


async def live(life: Life) -> list[dict[str, int]]:
    """Live for the hours and print each checkpoint; at the first, everything that is made once has been made."""
    checkpoints = []
    async with aclosing(life.hours()) as lived:
        async for checkpoint in lived:
            checkpoints.append(checkpoint)
            print(checkpoint, flush=True)  # noqa: T201 - for `pytest -s`
            if checkpoint["hours"] >= HOURS:
                break
    return checkpoints
