"""Lists at URLs: each is asked again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import structlog

from exporter.config import Source
from exporter.sources.lists import Answer, ListError

log = structlog.get_logger()


class Urls:
    """Ask the URLs of a configuration, and keep what they answered last; `wall` gives Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.answers: dict[Source, Answer] = {}
        self._wall = wall
        self._due: dict[Source, float] = {}
        self._changed = asyncio.Event()

    def follow(self, sources: Iterable[Source]) -> None:
        """Ask these from now on; new ones at once."""
        self._due = {source: self._due.get(source, 0.0) for source in sources if source.url}
        self.answers = {source: answer for source, answer in self.answers.items() if source in self._due}
        self._changed.set()

    def hurry(self) -> None:
        """Ask all at once, and then again every `refresh` seconds."""
        self._due = dict.fromkeys(self._due, 0.0)
        self._changed.set()

    async def run(self, answered: Callable[[Source, bool], Awaitable[object]]) -> None:
        """Ask each every `refresh` seconds; call `answered` each time with it, and whether its answer is another."""
        loop = asyncio.get_running_loop()
        asking: set[Source] = set()

        async def ask(source: Source) -> None:
            try:
                await answered(source, await self.ask(source))
            except Exception:
                log.exception("internal error while a list was asked for", source=source.label)
            finally:
                asking.discard(source)

        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for source in [source for source, due in self._due.items() if due <= loop.time()]:
                    self._due[source] = loop.time() + (source.refresh or 0)
                    if source not in asking:
                        asking.add(source)
                        group.create_task(ask(source))
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(self._due.values(), default=None)):
                        await self._changed.wait()

    async def ask(self, source: Source) -> bool:
        """Ask one now; return whether its answer is another than before."""
        from exporter.sources.fetch import fetch  # noqa: PLC0415 - httpx takes 15 ms to import: exporter/api/__init__.py

        last = self.answers.get(source, Answer())
        try:
            answer = Answer(await fetch(source), self._wall())
        except ListError as error:
            answer = last._replace(problem=str(error))
        self.answers[source] = answer
        return (answer.content, answer.problem) != (last.content, last.problem)
