"""The real command as a real process, and the sandbox API beside the tests in a thread."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
from anyio.from_thread import start_blocking_portal

from exporter.sandbox import Sandbox, create_app
from tests.tools import NO_TLS, PATIENCE, running, wait_until
from tests.web.serving import serving

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
LISTEN = "--web.listen-address=127.0.0.1:0"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-W", "error", "-m", "exporter", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)


class RunningExporter:
    """A started `leadterra-exporter`; its log is read as it comes, and ends with "(end)"."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
        self.log.append("(end)")

    def wait_for_log(self, pattern: str, *, count: int = 1) -> re.Match[str]:
        """Wait until the pattern was logged `count` times and return the last match."""

        def matches() -> list[re.Match[str]]:
            return [match for line in [*self.log] if (match := re.search(pattern, line))]

        wait_until(lambda: len(matches()) >= count or "(end)" in self.log, (pattern, self.log), every=0.01)
        assert len(matches()) >= count, (self.log, self.process.poll())
        return matches()[-1]

    @property
    def url(self) -> str:
        address = self.wait_for_log(r"msg=listening address=(\S+)")[1]
        return f"http://localhost{address}" if address.startswith(":") else f"http://{address}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE, verify=NO_TLS)

    def wait_for(self, path: str, text: str, *, absent: bool = False, count: int = 1) -> str:
        """Ask again and again until the page holds the text so often, or no longer does; return that page."""
        pages = [""]

        def ask() -> bool:
            pages[0] = self.get(path).text
            return (pages[0].count(text) >= count) is not absent

        wait_until(ask, (text, pages), every=0.05)
        return pages[0]

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
    """Start it, by a command `through` which it is to be started."""
    command = [*through, sys.executable, "-W", "error", "-m", "exporter", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with running(command, cwd=ROOT, env={**os.environ, **environment}, **pipes) as process:
        exporter = RunningExporter(process)
        try:
            yield exporter
        finally:
            process.kill()
            exporter.reader.join()


class RunningSandbox(NamedTuple):
    """The sandbox API on a free port; `sandbox` is there to ask for faults."""

    url: str
    sandbox: Sandbox


@contextmanager
def running_sandbox(**options: Any) -> Iterator[RunningSandbox]:
    """Run the sandbox API in a thread."""
    sandbox = Sandbox(**options)
    with in_thread(serving(create_app(sandbox))) as listener:
        yield RunningSandbox(listener.url, sandbox)


@contextmanager
def in_thread(manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context in a loop that runs in a thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(manager) as entered:
        yield entered
