"""The real Prometheus and Alertmanager, and a webhook that keeps what they send."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.process import PATIENCE
from tests.tools import NO_TLS, free_port, need

T = TypeVar("T")


@contextmanager
def running(arguments: Sequence[str | Path], log: Path) -> Iterator[None]:
    """Run a program while the block does, its messages in a file."""
    with log.open("w") as stream:
        process = subprocess.Popen(arguments, stderr=stream, stdout=stream)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def running_prometheus(folder: Path, config: str, *flags: str) -> Iterator[str]:
    """Run Prometheus on a configuration; `folder` has its log and, in `data`, its blocks. Gives its URL."""
    (folder / "prometheus.yaml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        need("prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--rules.alert.resend-delay=1s",  # what fires before Alertmanager is known is sent soon after
        *flags,
    ]
    with running(arguments, folder / "prometheus.log"):
        wait_until(lambda: is_ready(f"http://{address}"), "Prometheus")
        yield f"http://{address}"


@contextmanager
def running_alertmanager(folder: Path, config_file: Path) -> Iterator[str]:
    """Run an Alertmanager that belongs to no cluster. Gives its URL."""
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        need("prometheus-alertmanager"),
        f"--config.file={config_file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(arguments, folder / "alertmanager.log"):
        wait_until(lambda: is_ready(f"http://{address}"), "Alertmanager")
        yield f"http://{address}"


def is_ready(url: str) -> bool:
    """Return whether a server of Prometheus' family has started."""
    try:
        return httpx.get(f"{url}/-/ready", verify=NO_TLS).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def complaints(log: Path) -> list[str]:
    """Return what Prometheus or Alertmanager warned of."""
    text = log.read_text()
    assert "level=info" in text
    return re.findall(r".*level=(?:warn|error).*", text)


def query(prometheus: str, promql: str, label: str = "") -> dict[str, float]:
    """Return the samples of an instant query by one label."""
    return {series["metric"].get(label, ""): float(series["value"][1]) for series in select(prometheus, promql)[0]}


def select(prometheus: str, promql: str, **times: float) -> tuple[list[dict[str, Any]], int]:
    """Return a query's series, and how many samples it looked at; of a range with `start`, `end` and `step`."""
    path = "query_range" if "step" in times else "query"
    asked = {"query": promql, "stats": "all", **{name: f"{value:.3f}" for name, value in times.items()}}
    answer = httpx.post(f"{prometheus}/api/v1/{path}", data=asked, timeout=60, verify=NO_TLS).json()
    assert answer["status"] == "success", (answer, promql)
    return answer["data"]["result"], int(answer["data"]["stats"]["samples"]["totalQueryableSamples"])


def wait_until(ask: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Ask until the answer is true and return it."""
    pause = threading.Event()
    for _ in range(int(patience / 0.1)):
        if answer := ask():
            return answer
        pause.wait(0.1)
    raise AssertionError(f"never came: {what}")


@dataclass(frozen=True)
class Notification:
    """One alert in one message; `receiver` is the path that it was sent to."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> tuple[str, str, str]:
        """Return the alert's name, its severity and its campaign."""
        return self.labels["alertname"], self.labels.get("severity", ""), self.labels.get("campaign_id", "")


@dataclass
class Webhook:
    """Receive Alertmanager's messages on a free port."""

    received: list[Notification] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def running(self) -> Iterator["Webhook"]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.take(self.path.strip("/"), message)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def take(self, receiver: str, message: dict[str, Any]) -> None:
        for alert in message["alerts"]:
            self.received.append(Notification(receiver, alert["status"], alert["labels"], alert["annotations"]))

    def of(self, receiver: str, status: str = "firing") -> dict[tuple[str, str, str], Notification]:
        """Return what a receiver was told, the last message an alert."""
        return {note.name: note for note in self.received if (note.receiver, note.status) == (receiver, status)}
