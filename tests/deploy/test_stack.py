"""The stack from the PATH: all parts run, find each other, and end together."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from exporter.config import Campaign
from exporter.exposition import METRICS_OF
from tests import build
from tests.deploy.test_compose import SERVICES
from tests.monitoring import is_ready, query
from tests.process import ROOT
from tests.tools import PATIENCE, free_port, need, run, running, wait_until

pytestmark = pytest.mark.slow  # about 45 s: Prometheus scrapes every 30

COMMAND = [sys.executable, str(ROOT / "deploy/stack.py")]


@pytest.fixture
def urls() -> dict[str, str]:
    need("prometheus")
    need("prometheus-alertmanager")
    return {part: f"http://127.0.0.1:{free_port()}" for part in ("exporter", "prometheus", "alertmanager")}


def command(urls: dict[str, str]) -> list[str]:
    return [*COMMAND, *(f"--{part}={url.removeprefix('http://')}" for part, url in urls.items())]


def test_all_parts_run_find_each_other_and_end_together(urls: dict[str, str], tmp_path: Path) -> None:
    options: dict[str, Any] = {"env": {**os.environ, "TMPDIR": str(tmp_path)}, "start_new_session": True}
    with running(command(urls), stdout=subprocess.PIPE, **options) as stack:
        for banner in ("the demo's own", "all parts"):
            wait_until(lambda: stack.stdout and "Stop with" in stack.stdout.readline(), banner)
        assert all(is_ready(url) for url in urls.values())
        check_that_they_find_each_other(urls, f"{urls['prometheus']}/api/v1")
        check_the_health_checks_of_compose(urls)
        os.killpg(stack.pid, signal.SIGINT)  # as a terminal does it, to all parts at once
        assert stack.wait(PATIENCE) == 0
    assert not any(is_ready(url) for url in urls.values())
    assert not list(tmp_path.glob("leadterra-*"))


def check_that_they_find_each_other(urls: dict[str, str], prometheus: str) -> None:
    (target,) = wait_until(lambda: ask(f"{prometheus}/targets")["activeTargets"], "the target")
    assert target["scrapeUrl"] == f"{urls['exporter']}/metrics"
    assert target["labels"]["job"] == "leadterra-exporter"
    wait_until(lambda: ask(f"{prometheus}/targets")["activeTargets"][0]["health"] == "up", "a scrape", 60)
    for metric in METRICS_OF[Campaign.kind][:8]:  # Prometheus has what the API's own page says
        series = f'{metric.name}{{campaign_id="camp_123"}}'
        assert query(urls["prometheus"], series) == {"": build.DOCUMENTED[metric.field or ""]}
    wait_until(lambda: ask(f"{prometheus}/alertmanagers")["activeAlertmanagers"], "Alertmanager", 60)
    files = [ROOT / "prometheus" / name for name in ("rules.yaml", "watchdog.yaml")]
    groups = {group["name"] for file in files for group in yaml.safe_load(file.read_text())["groups"]}
    assert {group["name"] for group in ask(f"{prometheus}/rules")["groups"]} == groups
    # One that was sent before Alertmanager was there is sent again at the first evaluation, each 30 s, after a minute.
    wait_until(lambda: "Watchdog" in httpx.get(f"{urls['alertmanager']}/api/v2/alerts").text, "an alert", 120)


def ask(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(url).raise_for_status().json()["data"]
    return answer


def check_the_health_checks_of_compose(urls: dict[str, str]) -> None:
    """See that the commands of two containers' health checks tell a living server from none."""
    for part in ("prometheus", "alertmanager"):
        _, *words = SERVICES[part]["healthcheck"]["test"]
        own = next(word for word in words if "127.0.0.1" in word).rpartition("http://")[2]
        alive = [word.replace(own, urls[part].removeprefix("http://")) for word in words]
        dead = [word.replace(own, f"127.0.0.1:{free_port()}") for word in words]
        assert (run(*alive).returncode, run(*dead).returncode != 0) == (0, True)


def test_a_part_that_ends_ends_all_and_is_told(urls: dict[str, str]) -> None:
    clash = urls | {"alertmanager": urls["prometheus"]}
    ended = subprocess.run(command(clash), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "has ended with status 1; all others stop" in ended.stderr
    assert "address already in use" in ended.stderr


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    ended = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "prometheus is not on the PATH; Debian has it in the package prometheus\n"
