"""Simulated days of an exporter's life: operators, faults and rotated keys at random, from a seed."""

import asyncio
import gc
import io
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter import log
from exporter.app import Exporter
from exporter.config import Key, load
from exporter.shard import Shard
from exporter.web.status import render_json, rows
from tests.longrun.api import FIGURES, Api
from tests.longrun.changes import BROKEN, Document, changed
from tests.longrun.page import Scrapes

DAY = 86400.0
_EVENTS_A_DAY = 60
_CALM = 900.0
"""Seconds after which the longest hold and interval have passed and every campaign has been asked again."""


class _Inline(ThreadPoolExecutor):
    """Do at once what would be done in a thread: while a thread works, virtual time would fly."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **options))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
            done.set_exception(error)
        return done


@dataclass(frozen=True)
class Checkpoint:
    """What is left at the end of a day; events, requests and scrapes are those so far.

    `memory` is the resident set in bytes, `blocks` how many pieces of memory Python has handed out.
    """

    day: int
    events: int
    requests: int
    scrapes: int
    memory: int
    blocks: int
    descriptors: int
    tasks: int
    clients: int


class Life:
    """One exporter, its API, its files, and what happens to them. Needs a running event loop."""

    def __init__(self, folder: Path, seed: int, campaigns: int = 12) -> None:
        asyncio.get_running_loop().set_default_executor(_Inline())
        self._folder = folder
        random.seed(seed)  # spreads the retries
        self._dice = random.Random(seed)  # noqa: S311 - it must repeat
        sizes = {"acme": campaigns - campaigns // 2, "globex": campaigns // 2}
        self._known = {name: tuple(f"camp_{name}_{n}" for n in range(size)) for name, size in sizes.items()}
        self._api = Api(random.Random(seed), self._known)  # noqa: S311 - its own: what happens must not hang on timing
        self._document = self._first = _document(self._known)
        self._scrapes = Scrapes()
        self._events = 0
        self._log = io.StringIO()
        log.configure("debug", "logfmt", self._log)
        self._write(self._first)
        self._restore_keys()
        clock = asyncio.get_running_loop().time
        self._exporter = Exporter(
            self._config_file,
            load(self._config_file),
            shard=Shard(),
            process_metrics=False,
            open_client=self._api.open_client,
            wall=lambda: 1.75e9 + clock(),
        )

    async def days(self) -> AsyncIterator[Checkpoint]:
        """Live on for ever, a day at a time; raises AssertionError where something does not hold."""
        await self._exporter.start()
        day = 0
        try:
            while True:
                day += 1
                for _ in range(_EVENTS_A_DAY):
                    await asyncio.sleep(self._dice.uniform(0, 2 * DAY / _EVENTS_A_DAY))
                    await self._happen()
                await self._calm_down()
                yield self._checkpoint(day)
        finally:
            await self._exporter.stop()

    @property
    def _config_file(self) -> Path:
        return self._folder / "config.yaml"

    async def _happen(self) -> None:
        self._events += 1
        event = self._dice.choice(
            (
                *(self._reconfigure,) * 4,
                *(self._misbehave,) * 4,
                self._api.behave,
                self._break_config,
                self._rotate_key,
                self._lose_key,
                self._go_down,
            )
        )
        done = event()
        if done is not None:
            await done
        self._scrapes.take(self._exporter)
        render_json(rows(self._exporter.store.states()), now=0)
        self._check_log()

    async def _reconfigure(self) -> None:
        self._document = changed(self._document, self._known, self._dice)
        await self._load(self._document)

    async def _load(self, document: Document) -> None:
        self._write(document)
        assert await self._exporter.reload() is None

    async def _break_config(self) -> None:
        self._config_file.write_text(self._dice.choice(BROKEN))
        before = self._exporter.config
        assert await self._exporter.reload()
        assert self._exporter.config is before

    def _misbehave(self) -> None:
        self._api.misbehave()

    def _go_down(self) -> None:
        self._api.is_down = True

    def _rotate_key(self) -> None:
        name = self._dice.choice(list(self._known))
        self._put_key(name, self._api.renew_key(name))

    def _lose_key(self) -> None:
        file = self._folder / self._dice.choice(list(self._known))
        self._dice.choice((lambda: file.unlink(missing_ok=True), lambda: file.write_text(""), self._restore_keys))()

    def _restore_keys(self) -> None:
        for name in self._known:
            self._put_key(name, self._api.keys[name])

    def _put_key(self, name: str, key: str) -> None:
        file = self._folder / name
        if self._dice.random() < 0.5:  # half of the operators write it in place
            file.write_text(key)
        else:
            beside = file.with_suffix(".new")
            beside.write_text(key)
            beside.replace(file)
        file.chmod(0o600)

    async def _calm_down(self) -> None:
        """Let everything be as it was on the first day, then hold each reading to the truth."""
        self._api.behave()
        self._document = self._first
        await self._load(self._first)
        for name in self._known:
            self._put_key(name, self._api.renew_key(name))
        self._api.freeze()
        await asyncio.sleep(_CALM)
        page = self._scrapes.take(self._exporter)
        for key in _keys(self._known):
            told = {metric: page[metric][key] for metric in FIGURES if key in page.get(metric, {})}
            assert told == self._api.truth(*key), key
        assert all(page["leadterra_campaign_up"][key] == 1 for key in _keys(self._known))
        self._api.thaw()

    def _check_log(self) -> None:
        text = self._log.getvalue()
        assert "internal error" not in text, text
        assert "Traceback" not in text, text
        assert "canary" not in text, text
        self._log.seek(0)
        self._log.truncate()

    def _write(self, document: Document) -> None:
        self._config_file.write_text(yaml.safe_dump(document, allow_unicode=True))

    def _checkpoint(self, day: int) -> Checkpoint:
        gc.collect()
        return Checkpoint(
            day=day,
            events=self._events,
            requests=self._api.requests,
            scrapes=self._scrapes.count,
            memory=_resident(),
            blocks=sys.getallocatedblocks(),
            descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names are enough
            tasks=len(asyncio.all_tasks()),
            clients=self._api.open_clients,
        )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _keys(known: dict[str, tuple[str, ...]]) -> list[Key]:
    return [(name, id_) for name, ids in known.items() for id_ in ids]


def _document(known: dict[str, tuple[str, ...]]) -> Document:
    """Write the configuration of the first day: the key's file has the name of its workspace."""
    workspaces = [
        {"name": name, "api_key_file": name, "campaigns": [{"id": id_} for id_ in ids]} for name, ids in known.items()
    ]
    return {"api": {"timeout": "10s"}, "poll": {"interval": "60s", "stale_after": "5m"}, "workspaces": workspaces}
