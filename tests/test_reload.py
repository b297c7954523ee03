"""When a file that changes is loaded again, in virtual time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from exporter.app import Exporter
from exporter.config import load
from exporter.reload import fingerprint, reload_on_change
from exporter.shard import Shard
from tests.conftest import run_virtually

T = TypeVar("T")

INTERVAL = 30.0
GOOD = "workspaces: [{name: acme, api_key_env: RELOAD_KEY, campaigns: [%s]}]"


class _AtOnce(ThreadPoolExecutor):
    """Do in the loop's own thread what would take another's time: virtual time does not wait for threads."""

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller's to judge
            future.set_exception(error)
        return future


class _Counting(Exporter):
    """An exporter that notes when it is told to load its configuration again, and what came of it."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, load(file), shard=Shard(), process_metrics=False)
        asyncio.get_running_loop().set_default_executor(_AtOnce())
        self.reloads: list[tuple[float, bool]] = []

    async def reload(self) -> str | None:
        problems = await super().reload()
        self.reloads.append((asyncio.get_running_loop().time(), problems is None))
        return problems


def _write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.write_text(text)


async def _follow(file: Path, *writes: str | None) -> list[tuple[float, bool]]:
    """Follow a file that has another content after each interval, None for a file that is gone."""
    exporter = _Counting(file)
    following = asyncio.create_task(reload_on_change(exporter, INTERVAL, fingerprint(file)))
    await asyncio.sleep(INTERVAL / 2)
    for text in writes:
        _write(file, text)
        await asyncio.sleep(INTERVAL)
    following.cancel()
    await exporter.stop()
    return [(round(at / INTERVAL), good) for at, good in exporter.reloads]


@pytest.mark.parametrize(
    ("writes", "reloads"),
    [
        ([GOOD % "one", GOOD % "one"], []),
        ([GOOD % "two", GOOD % "two", GOOD % "three"], [(1, True), (3, True)]),
        (["nonsense", "nonsense", "nonsense", GOOD % "two"], [(1, False), (4, True)]),
        (["nonsense", GOOD % "one"], [(1, False), (2, True)]),  # or it would go on telling of a failed reload
        ([None, None, GOOD % "one"], []),
        ([None, GOOD % "two"], [(2, True)]),
    ],
    ids=["unchanged", "changed", "bad once", "back to what is in use", "gone for a while", "gone, then another"],
)
def test_each_content_is_loaded_once(
    tmp_path: Path, writes: list[str | None], reloads: list[tuple[float, bool]]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD % "one")

    assert run_virtually(_follow(file, *writes)) == reloads


def test_what_is_written_while_the_program_starts_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD % "one")

    async def scenario() -> list[tuple[float, bool]]:
        seen = fingerprint(file)
        exporter = _Counting(file)
        _write(file, GOOD % "two")
        following = asyncio.create_task(reload_on_change(exporter, INTERVAL, seen))
        await asyncio.sleep(INTERVAL * 1.5)
        following.cancel()
        await exporter.stop()
        return exporter.reloads

    assert len(run_virtually(scenario())) == 1
