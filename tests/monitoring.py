"""The real Prometheus and Alertmanager, and a webhook that keeps what they send."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from aiohttp import web

from tests.process import ROOT, in_thread
from tests.tools import NO_TLS, free_port, need, running, wait_until
from tests.web.serving import serving


@contextmanager
def _serving(program: str, folder: Path, *flags: str) -> Iterator[str]:
    """Run a server of Prometheus' family while the block does, its messages in a file. Gives its URL."""
    address = f"127.0.0.1:{free_port()}"
    command = [need(program), f"--web.listen-address={address}", *flags]
    log = folder / f"{program.removeprefix('prometheus-')}.log"
    with log.open("w") as stream, running(command, stderr=stream, stdout=stream):
        wait_until(lambda: is_ready(f"http://{address}"), program)
        yield f"http://{address}"


@contextmanager
def running_prometheus(folder: Path, config: str, *flags: str) -> Iterator[str]:
    """Run Prometheus on a configuration; `folder` has its log and, in `data`, its blocks. Gives its URL."""
    (folder / "prometheus.yaml").write_text(config)
    own = (f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}")
    # What fires before Alertmanager is known is sent soon after.
    with _serving("prometheus", folder, *own, "--rules.alert.resend-delay=1s", *flags) as url:
        yield url


@contextmanager
def running_alertmanager(folder: Path, config: str) -> Iterator[str]:
    """Run an Alertmanager that belongs to no cluster. Gives its URL."""
    (folder / "alertmanager.yaml").write_text(config, "utf-8")
    own = (f"--config.file={folder / 'alertmanager.yaml'}", f"--storage.path={folder / 'alertmanager'}")
    with _serving("prometheus-alertmanager", folder, *own, "--cluster.listen-address=") as url:
        yield url


def is_ready(url: str) -> bool:
    """Return whether a server of Prometheus' family has started."""
    try:
        return httpx.get(f"{url}/-/ready", verify=NO_TLS).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def complaints(log: Path) -> list[str]:
    """Return what Prometheus or Alertmanager warned of."""
    text = log.read_text().lower()  # Prometheus 3 writes INFO
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


class Notification(NamedTuple):
    """One alert in one message; `receiver` is the path that it was sent to."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> tuple[str, str, str]:
        """Return the alert's name, its severity and its campaign."""
        return self.labels["alertname"], self.labels.get("severity", ""), self.labels.get("campaign_id", "")


class Webhook(NamedTuple):
    """What Alertmanager has sent."""

    url: str
    received: list[Notification]

    def of(self, receiver: str, status: str = "firing") -> dict[tuple[str, str, str], Notification]:
        """Return what a receiver was told, the last message an alert."""
        return {note.name: note for note in self.received if (note.receiver, note.status) == (receiver, status)}


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    """Receive Alertmanager's messages on a free port."""
    received: list[Notification] = []

    async def receive(request: web.Request) -> web.Response:
        for alert in (await request.json())["alerts"]:
            told = (alert["status"], alert["labels"], alert["annotations"])
            received.append(Notification(request.path.strip("/"), *told))
        return web.Response()

    app = web.Application()
    app.router.add_post("/{receiver}", receive)
    with in_thread(serving(app)) as listener:
        yield Webhook(listener.url, received)


EXAMPLE = ROOT / "prometheus" / "alertmanager.yaml"
TEMPLATES = ROOT / "prometheus" / "templates" / "*.tmpl"


def example(webhook: str = "http://127.0.0.1:5001") -> str:
    """Return the example with a webhook's address and nearly without its waiting."""
    text = EXAMPLE.read_text("utf-8").replace("http://127.0.0.1:5001", webhook)
    text = text.replace("templates/*.tmpl", str(TEMPLATES))
    text = re.sub(r"group_wait: \w+", "group_wait: 3s", text)  # shipped: 30 s, in which a critical catches up
    return re.sub(r"group_interval: \w+", "group_interval: 1s", text)


def with_all_receivers() -> str:
    """Return the example with the receivers that are commented out."""
    head, receivers = example().split("receivers:")
    return f"{head}receivers:" + re.sub(r"(?m)^    # ( *)(?=\S)", r"    \1", receivers)


def alerts_of(alertmanager: str) -> list[dict[str, Any]]:
    """Return what Alertmanager has been sent, and whether it holds it back."""
    return list(httpx.get(f"{alertmanager}/api/v2/alerts").json())


def post(alertmanager: str, alerts: Iterable[dict[str, Any]]) -> None:
    """Send alerts as Prometheus does."""
    httpx.post(f"{alertmanager}/api/v2/alerts", json=list(alerts)).raise_for_status()
