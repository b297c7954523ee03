"""The example for Alertmanager as tests run it, alerts to send to it, and a mailbox for what it sends."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from tests.process import ROOT

EXAMPLE = ROOT / "prometheus" / "alertmanager.yaml"
TEMPLATES = ROOT / "prometheus" / "templates" / "*.tmpl"

Labels = dict[str, str]


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


def post(alertmanager: str, alerts: Iterable[dict[str, Any]]) -> None:
    """Send alerts as Prometheus does."""
    httpx.post(f"{alertmanager}/api/v2/alerts", json=list(alerts)).raise_for_status()


def write(folder: Path, configuration: str) -> Path:
    """Write a configuration where Alertmanager can read it."""
    path = folder / "alertmanager.yaml"
    path.write_text(configuration, "utf-8")
    return path
