"""Start the programs that are measured or measured with, and end them by their process id.

What is measured runs with nothing but what it needs; json_exporter is built from its source. Both are kept.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.campaigns import KEY, KEY_ENV
from tests.bench.scraper import Scraper
from tests.process import ROOT
from tests.tools import free_port, running, wait_until

NAMES = {"identity": "plain", "gzip": "gzip"}
"""The encodings of a page, and what the table calls them."""
JSON_EXPORTER = "github.com/prometheus-community/json_exporter", "v0.7.0"
_READY_WITHIN = 600.0
"""Seconds in which a first sweep of any size has ended."""
_CACHE = ROOT / ".cache" / "bench"


@cache
def python(root: Path) -> str:
    """Return the interpreter of an environment with only what the checkout's requirements.lock names."""
    lock = root / "requirements.lock"
    folder = _CACHE / f"python-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    interpreter, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "--disable-pip-version-check"]
        _run([*pip, "install", "-q", "--no-deps", "--require-hashes", "-r", str(lock)])
        complete.touch()
    return str(interpreter)


@cache
def json_exporter() -> str | None:
    """Return json_exporter's path, built from the Go proxy where Go is there; None where it cannot be had."""
    module, version = JSON_EXPORTER
    program = _CACHE / f"json_exporter-{version}"
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")  # where Go installs itself
    if not program.exists() and go:
        try:
            # `go install` would ask the proxy for a list of versions as well.
            source = json.loads(_run([go, "mod", "download", "-json", f"{module}@{version}"]))["Dir"]
            _run([go, "-C", source, "build", "-o", str(program), "."])
        except subprocess.SubprocessError as error:
            sys.stderr.write(f"json_exporter cannot be built: {error}\n")
    return str(program) if program.exists() else None


def _run(command: list[str]) -> str:
    _CACHE.mkdir(parents=True, exist_ok=True)
    return subprocess.run(command, cwd=_CACHE, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout


class Checkout(NamedTuple):
    """One version of this exporter; `name` is "" for the one that the benchmark is of."""

    name: str = ""
    root: Path = ROOT

    def command(self, module: str, *arguments: object) -> list[str]:
        return [python(self.root), "-m", module, *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run."""

    rounds: int = 3
    polls: int = 2_000  # campaigns that are polled without a pause
    polls_seconds: float = 3.0
    paced: int = 1_000
    paced_seconds: float = 60.0
    campaigns: int = 10_000
    scrapes: int = 300
    pages: int = 3  # of each kind while the event loop is watched
    wrk_seconds: int = 2
    starts: int = 15
    few: int = 100
    hold: int = 50_000
    hold_seconds: float = 300.0
    interval: float = 60.0
    scrape_every: float = 15.0
    versions: list[Checkout] = field(default_factory=lambda: [Checkout()])


@dataclass(frozen=True, slots=True)
class Running:
    """A running server."""

    pid: int
    url: str
    config: Path = Path()

    @property
    def cpu(self) -> float:
        """Return the CPU seconds so far: user and system, of all threads, ended ones too."""
        return time.clock_gettime(~self.pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names

    @property
    def memory(self) -> int:
        """Return the bytes of RSS."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def scraper(self, **headers: str) -> Scraper:
        return Scraper(self.url, **headers)

    def get(self, path: str, **headers: str) -> bytes:
        """Return a page, once it listens. Raises AssertionError where the answer is not 200."""
        with self.scraper(**headers) as scraper:
            status, body = scraper.ask(path)
        assert status == 200, (path, status, body[:200])
        return body

    def total(self, name: str) -> float:
        """Scrape, and add up all series of a metric."""
        page = self.get("/metrics").decode()
        return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))

    def wait_until_ready(self) -> None:
        with self.scraper() as scraper:
            wait_until(lambda: scraper.ask("/-/ready")[0] == 200, "ready", _READY_WITHIN, every=0.02)
        swept = "leadterra_workspace_sweep_duration_seconds"
        wait_until(lambda: self.total(swept), "the first sweep", _READY_WITHIN)  # ready may come after an interval


def environment(root: Path = ROOT) -> dict[str, str]:
    """Return what a program is run with; what is installed is compiled, once."""
    others = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**others, "PYTHONPATH": str(root), KEY_ENV: KEY}


@contextmanager
def server(*command: str, port: int, root: Path = ROOT) -> Iterator[Running]:
    """Run a command that serves on a port; its first answer may still be to come. What it says is shown."""
    with running(command, cwd=root, env=environment(root), stdout=subprocess.DEVNULL) as process:
        yield Running(process.pid, f"http://127.0.0.1:{port}")


@contextmanager
def peer(module: str, *arguments: object) -> Iterator[Running]:
    """Run a module of this benchmark; its last argument is the port that it serves on."""
    port = free_port()
    with server(*Checkout().command(f"tests.bench.{module}", *arguments, port), port=port) as running_:
        yield running_


@contextmanager
def api(campaigns: int) -> Iterator[Running]:
    with peer("api", campaigns) as running_:
        asked(running_)
        yield running_


def asked(api: Running) -> int:
    """Return the number of requests that the API has had, once it listens."""
    return int(api.get("/requests"))


@contextmanager
def exporter(config: str, of: Checkout) -> Iterator[Running]:
    """Run the real command with a configuration."""
    port = free_port()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(config)
        flags = (f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
        command = of.command("exporter", *flags, "--web.enable-lifecycle")
        with server(*command, port=port, root=of.root) as running_:
            yield replace(running_, config=file)


@contextmanager
def exporters(config: str, of: list[Checkout]) -> Iterator[dict[str, Running]]:
    """Run several versions at once, all past their first sweep."""
    with ExitStack() as stack:
        servers = {each.name: stack.enter_context(exporter(config, of=each)) for each in of}
        for each in servers.values():
            each.wait_until_ready()
        yield servers
