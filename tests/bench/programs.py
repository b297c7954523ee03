"""Start the programs that are measured or measured with, and end them by their process id."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from tests.bench import runtime
from tests.bench.campaigns import KEY, KEY_ENV
from tests.bench.scraper import Scraper
from tests.process import ROOT
from tests.tools import free_port

SWEEP = "leadterra_workspace_sweep_duration_seconds"
REQUESTS = "leadterra_api_requests_total"
OVERRUNS = "leadterra_workspace_sweep_overruns_total"
READY_WITHIN = 600.0
"""Seconds in which a first sweep of any size has ended."""
_PATIENCE = 20.0


class FailedError(Exception):
    """Describe what kept a measurement from being made."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One version of this exporter; `name` is "" for the one that the benchmark is of."""

    name: str = ""
    root: Path = ROOT

    @classmethod
    def at(cls, root: Path) -> Self:
        command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
        return cls(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(), root)

    def command(self, module: str, *arguments: object) -> list[str]:
        return [runtime.python(self.root), "-m", module, *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class Running:
    """A running server, or only a process where it has no `url`."""

    pid: int
    url: str = ""
    config: Path = Path()

    @property
    def cpu(self) -> float:
        """Return the CPU seconds so far: user and system, of all threads, ended ones too."""
        return time.clock_gettime(~self.pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names

    @property
    def memory(self) -> int:
        """Return the bytes that are in memory (RSS)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def scraper(self, **headers: str) -> Scraper:
        return Scraper(self.url, **headers)

    def get(self, path: str, **headers: str) -> bytes:
        with self.scraper(**headers) as scraper:
            return scraper.get(path)

    def total(self, name: str) -> float:
        """Scrape, and add up all series of a metric."""
        page = self.get("/metrics").decode()
        return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))

    def wait_until_listening(self) -> None:
        self.scraper().__exit__()

    def wait_until_ready(self) -> None:
        """Wait until the first sweep has ended."""
        deadline = time.monotonic() + READY_WITHIN
        with self.scraper() as scraper:
            while scraper.status("/-/ready") != 200:
                wait(0.02, deadline, "it is not ready")
        while self.total(SWEEP) == 0:  # ready may come after an interval
            wait(1, deadline, "the first sweep did not end")


def wait(seconds: float, deadline: float, otherwise: str) -> None:
    if time.monotonic() > deadline:
        raise FailedError(otherwise)
    time.sleep(seconds)


@contextmanager
def program(*command: str, root: Path = ROOT, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends; what it says on stderr is shown."""
    environment = {**os.environ, "PYTHONPATH": str(root), KEY_ENV: KEY}
    process = subprocess.Popen(command, cwd=root, env=environment, stdin=stdin, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def server(*command: str, port: int, root: Path = ROOT) -> Iterator[Running]:
    """Run a command that serves on a port; its first answer may still be to come."""
    with program(*command, root=root) as process:
        yield Running(process.pid, f"http://127.0.0.1:{port}")


@contextmanager
def peer(module: str, *arguments: object) -> Iterator[Running]:
    """Run a module of this benchmark; its last argument is the port that it serves on."""
    port = free_port()
    with server(*Checkout().command(f"tests.bench.{module}", *arguments, port), port=port) as running:
        yield running


@contextmanager
def api(campaigns: int) -> Iterator[Running]:
    """Run the sandbox API with so many campaigns."""
    with peer("api", campaigns) as running:
        running.wait_until_listening()
        yield running


def asked(api: Running) -> int:
    """Return the number of requests that the API has had."""
    return int(api.get("/requests"))


@contextmanager
def exporter(config: str, *flags: str, of: Checkout = Checkout()) -> Iterator[Running]:
    """Run the real command with a configuration."""
    port = free_port()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(config)
        own = (f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
        command = of.command("exporter", *own, "--web.enable-lifecycle", *flags)
        with server(*command, port=port, root=of.root) as running:
            yield replace(running, config=file)


@contextmanager
def exporters(config: str, of: list[Checkout]) -> Iterator[dict[str, Running]]:
    """Run several versions at once, all past their first sweep."""
    with ExitStack() as stack:
        servers = {each.name: stack.enter_context(exporter(config, of=each)) for each in of}
        for each in servers.values():
            each.wait_until_ready()
        yield servers
