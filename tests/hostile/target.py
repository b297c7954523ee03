"""The real process under attack: with a large page, watched, and scraped by somebody who behaves."""

import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.process import RunningExporter, running_exporter

SCRAPE_TIMEOUT = 10.0
"""Prometheus' default."""
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: exporter\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"


def write_config(folder: Path, campaigns: int, *, label: int = 1) -> str:
    """Configure campaigns whose series have a label of that length; the API refuses connections."""
    (folder / "key").write_text("sk_test_unused")
    (folder / "key").chmod(0o600)
    ids = "".join(f"      - camp_{number}\n" for number in range(campaigns))
    (folder / "config.yaml").write_text(
        "api: {base_url: 'http://127.0.0.1:1', requests_per_second: 10000, retries: 0}\n"
        "poll: {interval: 1h, stale_after: 2h}\n"
        f"workspaces:\n  - name: acme\n    api_key_file: key\n    labels: {{long: {'x' * label}}}\n"
        f"    campaigns:\n{ids}"
    )
    return f"--config.file={folder / 'config.yaml'}"


@contextmanager
def target(folder: Path, *flags: str, campaigns: int = 3, label: int = 1, wait: bool = True) -> Iterator["Target"]:
    """Run an exporter whose every campaign has been asked for, in vain."""
    arguments = [write_config(folder, campaigns, label=label), "--web.listen-address=127.0.0.1:0", *flags]
    with running_exporter(*arguments) as exporter:
        if wait:
            exporter.wait_for("/-/ready", "is ready")
        yield Target(exporter)


class Target:
    """A running exporter: its address, its resources and its log."""

    def __init__(self, exporter: RunningExporter) -> None:
        self.exporter = exporter
        self.url = exporter.url
        self._pid = exporter.process.pid
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.address = (host, int(port))

    @property
    def log(self) -> list[str]:
        """Return what was logged beside what there is to say of the API, which refuses connections."""
        return [line for line in self.exporter.log if "poll failed" not in line]

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._pid}/fd").iterdir()))

    @property
    def memory(self) -> float:
        """Return the resident memory in MiB."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.address, 10)
        client.settimeout(5)
        return client

    def say(self, data: bytes, patience: float = 5.0) -> bytes:
        """Send bytes on a connection of its own and return all that comes back until it is closed."""
        with self.connect() as client:
            client.settimeout(patience)
            with suppress(OSError):  # an answer may come, and the connection end, before all is sent
                client.sendall(data)
            return read_to_end(client)


def read_to_end(client: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    with suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return received


@contextmanager
def many_connections(target: Target, wanted: int, send: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections as fast as they come, and send the same on each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted + 500:
        pytest.skip(f"the system allows {hard} open files only (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        clients: list[socket.socket] = []
        for _ in range(wanted):
            clients.append(stack.enter_context(target.connect()))
            with suppress(ConnectionError):
                clients[-1].sendall(send)
        yield clients


@dataclass
class Scraper:
    """Ask for /metrics again and again as Prometheus does: compressed, and on one connection while it lasts."""

    url: str
    took: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    every: float = 0.2

    @contextmanager
    def running(self, **client: object) -> Iterator["Scraper"]:
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop, client))
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: threading.Event, options: dict[str, object]) -> None:
        with httpx.Client(timeout=SCRAPE_TIMEOUT, headers={"Accept-Encoding": "gzip"}, **options) as client:  # type: ignore[arg-type]  # as given
            while not stop.wait(self.every):
                self._scrape(client)

    def _scrape(self, client: httpx.Client) -> None:
        began = time.monotonic()
        try:
            try:
                answer = client.get(f"{self.url}/metrics")
            except (httpx.RemoteProtocolError, httpx.ReadError):  # closed while idle: Go's client asks again, too
                answer = client.get(f"{self.url}/metrics")
            if answer.status_code != httpx.codes.OK or "leadterra_exporter_build_info" not in answer.text:
                self.failures.append(f"{answer.status_code} {answer.text[:200]}")
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
        self.took.append(time.monotonic() - began)

    def wait_for(self, scrapes: int) -> None:
        """Wait for that many scrapes more."""
        until = len(self.took) + scrapes
        for _ in range(int(60 / 0.05)):
            if len(self.took) >= until:
                return
            threading.Event().wait(0.05)
        raise AssertionError(self)

    def was_served(self) -> bool:
        """Return whether each scrape was answered in time."""
        assert self.took
        print(f"{len(self.took)} scrapes, the longest {max(self.took):.3f} s")  # noqa: T201 - for -s
        return not self.failures and max(self.took) < SCRAPE_TIMEOUT


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer in what came back on a connection."""
    return [int(status) for status in re.findall(rb"HTTP/[01]\.[0-9] ([0-9]{3}) ", answer)]
