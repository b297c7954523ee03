"""The real process under attack: connections to it, and what comes back on them."""

import re
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.build import write_config
from tests.process import LISTEN, RunningExporter, running_exporter

METRICS = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"


@contextmanager
def target(
    folder: Path, *flags: str, campaigns: int = 3, label: int = 1, wait: bool = True
) -> Iterator[RunningExporter]:
    """Run an exporter that has asked for its campaigns, in vain; their series have a label of that length."""
    ids = (f"camp_{number}" for number in range(campaigns))
    api, labels = {"requests_per_second": 10_000, "retries": 0}, {"long": "x" * label}
    config = write_config(folder, "http://127.0.0.1:1", *ids, api=api, poll=("1h", "2h"), labels=labels)
    with running_exporter(config, LISTEN, *flags) as exporter:
        if wait:
            exporter.wait_for("/-/ready", "is ready")
        yield exporter


def port_of(exporter: RunningExporter) -> int:
    return int(exporter.url.rpartition(":")[2])


def connect(exporter: RunningExporter, patience: float = 5) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port_of(exporter)), 10)
    client.settimeout(patience)
    return client


def say(exporter: RunningExporter, data: bytes, patience: float = 5) -> bytes:
    """Send bytes on a connection of its own and return all that comes back until it is closed."""
    with connect(exporter, patience) as client:
        with suppress(OSError):  # an answer may come, and the connection end, before all is sent
            client.sendall(data)
        return read_to_end(client)


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return received


@contextmanager
def many_connections(exporter: RunningExporter, wanted: int, send: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections as fast as they come, and send the same on each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted + 500:
        pytest.skip(f"the system allows {hard} open files only (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        clients: list[socket.socket] = []
        for _ in range(wanted):
            clients.append(stack.enter_context(connect(exporter)))
            with suppress(ConnectionError):
                clients[-1].sendall(send)
        yield clients


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer in what came back on a connection."""
    return [int(status) for status in re.findall(rb"HTTP/[01]\.[0-9] ([0-9]{3}) ", answer)]
