"""The real command as a real process, and the sandbox API beside the tests in a thread."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any, Self

import httpx
from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.sandbox import Sandbox, create_app
from exporter.web.listen import Listener
from exporter.web.server import Server
from tests.tools import NO_TLS

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0
"""Seconds after which something that should have happened has not."""
LISTEN = "--web.listen-address=127.0.0.1:0"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-W", "error", "-m", "exporter", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


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
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE, verify=NO_TLS)

    def wait_for(self, path: str, text: str, *, absent: bool = False, count: int = 1) -> str:
        """Ask again and again until the page holds the text so often, or no longer does; return that page."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):
            page = self.get(path).text
            if (page.count(text) >= count) is not absent:
                return page
            pause.wait(0.05)
        raise AssertionError(f"{text!r} never {'left' if absent else 'came to'}\n{page}")

    def reload(self) -> int:
        """Ask for a reload and return the answer's status."""
        return httpx.post(self.url + "/-/reload", timeout=PATIENCE, verify=NO_TLS).status_code

    def memory(self, line: str = "VmRSS") -> float:
        """Return the process's memory, or another line of its status, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{line}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1]) / 1024

    def descriptors(self) -> list[str]:
        """Return what the process has open, as /proc names it."""
        found = []
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed in the meantime
                found.append(str(link.readlink()))
        return found

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
        self.requests: list[tuple[float, str]] = []  # when what was asked for
        self.longest_stall = 0.0  # seconds for which this side did not look at what had come
        self.sandbox = Sandbox(**options)
        self._listener = Listener("127.0.0.1:0")
        self.url = self._listener.url
        self._stops: Queue[Callable[[], object]] = Queue()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        app = create_app(self.sandbox)
        app.middlewares.append(self._note)
        server = Server(app, [self._listener])
        await server.start()
        self._stops.put(lambda: loop.call_soon_threadsafe(stop.set))
        watch = loop.create_task(self._watch_stalls())
        await stop.wait()
        watch.cancel()
        await server.close()

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append((time.monotonic(), request.path))
        return await handler(request)

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
