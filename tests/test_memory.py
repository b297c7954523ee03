"""Memory, descriptors and tasks stay flat: over fifty reloads of a real process, and over simulated hours of a life.

For longer: `LONG_RUN_HOURS=672 make test-all ARGS="-s tests/test_memory.py"` is four weeks.
"""

import asyncio
import gc
import os
import signal
import weakref
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from exporter.serve import collect_garbage
from tests.build import write_config
from tests.certificates import Authority, replace_file
from tests.conftest import run_virtually
from tests.fake_api import FakeApi
from tests.longrun.life import Life
from tests.process import LISTEN, ROOT, RunningExporter, running_exporter

CAMPAIGNS = 800


IN_USE = """
import ctypes, gc, signal, sys

class Found(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena a b c mapped d e used f g".split()]

look = ctypes.CDLL(None).mallinfo2
look.restype = Found

def tell(*_):
    gc.collect()
    found = look()
    print("in use:", found.used + found.mapped, file=sys.stderr, flush=True)

signal.signal(signal.SIGUSR2, tell)
"""
"""Lets a process say what it has allocated: what it takes of the machine depends on the busiest moment, too."""


@pytest.mark.slow
def test_fifty_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    (tmp_path / "sitecustomize.py").write_text(IN_USE)
    exact = {"MALLOC_ARENA_MAX": "1", "PYTHONMALLOC": "malloc", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with FakeApi(certificate=authority.issue("api", "127.0.0.1")) as api:
        config = write(tmp_path, api, 0, authority)
        with running_exporter(config, LISTEN, "--web.enable-lifecycle", **exact) as exporter:
            of_machine, used, descriptors = look_after(range(11), tmp_path, exporter, api, authority)
            last_of_machine, last_used, last_descriptors = look_after(range(11, 61), tmp_path, exporter, api, authority)
            assert exporter.stop() == 0
    print(f"{used:.1f} to {last_used:.1f} MiB of {of_machine:.1f} to {last_of_machine:.1f}")  # noqa: T201 - for `pytest -s`
    assert last_used <= used * 1.02  # a configuration that stays is 1 % of it
    assert last_of_machine <= of_machine * 1.08
    assert last_descriptors <= descriptors + 20  # connections to the API, of which some may be open


def look_after(
    rounds: range, folder: Path, exporter: RunningExporter, api: FakeApi, authority: Authority
) -> tuple[float, float, int]:
    """Reload in the midst of polls, then let all campaigns be polled; return MiB, MiB in use, and descriptors."""
    for number in rounds:
        write(folder, api, number, authority)
        assert exporter.reload() == 200
        exporter.wait_for("/metrics", f'leadterra_campaign_up{{workspace="acme",campaign_id="camp_{number}_20"')
        assert api.requests[-1].key == f"sk_{number}"
        api.requests.clear()
    exporter.wait_for("/metrics", "\nleadterra_campaign_up{", count=CAMPAIGNS)
    exporter.process.send_signal(signal.SIGUSR2)
    used = exporter.wait_for_log("in use: ([0-9]+)", count=1 + min(rounds.start, 1))[1]
    return exporter.memory(), int(used) / 2**20, len(exporter.descriptors())


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


def test_what_refers_to_itself_is_freed_within_minutes() -> None:
    async def live() -> object:
        collecting = asyncio.create_task(collect_garbage())
        closed: list[Any] = [set()]  # a set can be referred to weakly
        closed.append(closed)
        seen = weakref.ref(closed[0])
        del closed
        await asyncio.sleep(600)
        collecting.cancel()
        return seen()

    gc.disable()
    try:
        assert run_virtually(live()) is None
    finally:
        gc.enable()


HOURS = int(os.environ.get("LONG_RUN_HOURS", "12"))


@pytest.mark.slow
def test_hours_of_faults_reloads_and_rotations_leave_nothing_behind(tmp_path: Path) -> None:
    life = Life(tmp_path, seed=1)
    first, *_, last = run_virtually(live(life), life.patience)
    assert last["requests"] > 2_000  # it did live
    assert last["tasks"] <= first["tasks"] + 6  # a sweep that is under way has its tasks
    assert last["descriptors"] <= first["descriptors"] + 4
    assert last["blocks"] <= first["blocks"] * 1.002
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
