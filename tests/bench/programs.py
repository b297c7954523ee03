"""Start the programs that are measured or measured with, and end them by their process id."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.campaigns import KEY, KEY_ENV
from tests.bench.scraper import Scraper
from tests.process import ROOT
from tests.tools import free_port

SWEEP = "leadterra_workspace_sweep_duration_seconds"
REQUESTS = "leadterra_api_requests_total"
OVERRUNS = "leadterra_workspace_sweep_overruns_total"
_PATIENCE = 20.0
READY_WITHIN = 600.0
"""Seconds in which a first sweep of any size has ended."""


class FailedError(Exception):
    """Say what kept a measurement from being made."""


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends; what it says on stderr is shown."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), KEY_ENV: KEY}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this project."""
    return [sys.executable, "-m", name, *arguments]


def hear(process: subprocess.Popen[str]) -> Any:
    """Return the next line that a subject says, see control.py."""
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise FailedError(f"{process.args!r} ended with status {process.wait()}")
    return json.loads(line)


def ask(process: subprocess.Popen[str], word: str) -> Any:
    """Tell a subject what to do and return what came of it, see control.py."""
    assert process.stdin
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return hear(process)


@dataclass(frozen=True, slots=True)
class Running:
    """A running server."""

    url: str
    pid: int

    def scraper(self, **headers: str) -> Scraper:
        return Scraper(self.url, **headers)

    def total(self, name: str) -> float:
        """Scrape, and add up all series of a metric."""
        with self.scraper() as scraper:
            page = scraper.get("/metrics").decode()
        return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        with self.scraper() as scraper:
            while scraper.status("/-/ready") != 200:
                if time.monotonic() > deadline:
                    raise FailedError(f"not ready within {READY_WITHIN:.0f} s")
                time.sleep(0.02)

    def wait_until_swept(self) -> None:
        """Wait for the end of the first sweep, which may come after ready."""
        deadline = time.monotonic() + READY_WITHIN
        while self.total(SWEEP) == 0:
            if time.monotonic() > deadline:
                raise FailedError(f"the first sweep did not end within {READY_WITHIN:.0f} s")
            time.sleep(2)


@contextmanager
def sandbox(campaigns: int) -> Iterator[Running]:
    """Run the sandbox API with so many load campaigns."""
    flags = ("--listen-address=127.0.0.1:0", f"--load-campaigns={campaigns}")
    with program(*module("exporter", "sandbox", *flags)) as process:
        assert process.stdout
        match = re.search(r"(http://[^/]+)/", process.stdout.readline())
        if match is None:
            raise FailedError("the sandbox did not start")
        process.stdout.readline()
        yield Running(match[1], process.pid)


@contextmanager
def exporter(config: Path, *flags: str) -> Iterator[Running]:
    """Run the real command; its first answer may still be to come."""
    port = free_port()
    own = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn")
    with program(*module("exporter", *own, "--web.enable-lifecycle", *flags)) as process:
        yield Running(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def subject(name: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Running]]:
    """Run a module that serves a page and takes words, see control.py."""
    with program(*module(name, *arguments)) as process:
        yield process, Running(hear(process)["url"], process.pid)
