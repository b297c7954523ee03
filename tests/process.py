"""The real command as a real process, and the sandbox API beside the tests in a thread."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, Self

import httpx

from exporter.sandbox import Request, Sandbox, create_app
from exporter.web.listen import Listener
from exporter.web.server import Server

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0
"""Seconds after which something that should have happened has not."""


class RunningExporter:
    """A started `leadterra-exporter`, by a command `through` which it is to be started; its log is read as it comes."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], through: Sequence[str] = ()) -> None:
        command = [*through, sys.executable, "-W", "error", "-m", "exporter", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._grew = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._grew:
                self.log.append(line.rstrip("\n"))
                self._grew.notify_all()
        with self._grew:
            self.log.append("(end)")
            self._grew.notify_all()

    def wait_for_log(self, pattern: str, *, count: int = 1) -> re.Match[str]:
        """Wait until the pattern was logged `count` times and return the last match."""

        def matches() -> list[re.Match[str]]:
            return [match for line in self.log if (match := re.search(pattern, line))]

        with self._grew:
            assert self._grew.wait_for(lambda: len(matches()) >= count or "(end)" in self.log, PATIENCE), self.log
        found = matches()
        assert len(found) >= count, (self.log, self.process.poll())
        return found[-1]

    @property
    def url(self) -> str:
        address = self.wait_for_log(r"msg=listening address=(\S+)")[1]
        return f"http://localhost{address}" if address.startswith(":") else f"http://{address}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE)

    def wait_for(self, path: str, text: str, *, absent: bool = False) -> str:
        """Ask again and again until the page holds the text, or no longer does; return that page."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):
            page = self.get(path).text
            if (text in page) is not absent:
                return page
            pause.wait(0.05)
        raise AssertionError(f"{text!r} never {'left' if absent else 'came to'}\n{page}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running_exporter(*arguments: str, through: Sequence[str] = (), **environment: str) -> Iterator[RunningExporter]:
    exporter = RunningExporter(arguments, environment, through)
    try:
        yield exporter
    finally:
        if exporter.process.poll() is None:
            exporter.process.kill()
        exporter.process.wait()
        exporter._reader.join()  # noqa: SLF001 - ours
        for stream in (exporter.process.stdout, exporter.process.stderr):
            assert stream is not None
            stream.close()


class RunningSandbox:
    """The sandbox API on a free port; `sandbox` is there to ask for faults and `requests` says what came."""

    def __init__(self, **options: Any) -> None:
        self.requests: list[Request] = []
        self.longest_stall = 0.0  # seconds for which this side did not look at what had come
        self.sandbox = Sandbox(on_request=self.requests.append, **options)
        self._listener = Listener("127.0.0.1:0")
        self.url = self._listener.url
        self._stops: Queue[Callable[[], object]] = Queue()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        server = Server(create_app(self.sandbox), [self._listener])
        await server.start()
        self._stops.put(lambda: loop.call_soon_threadsafe(stop.set))
        watch = loop.create_task(self._watch_stalls())
        await stop.wait()
        watch.cancel()
        await server.close()

    async def _watch_stalls(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            self.longest_stall = max(self.longest_stall, loop.time() - before - 0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.get()()
        self._thread.join()
