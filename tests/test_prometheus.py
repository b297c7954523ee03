"""The real Prometheus scrapes the demo, in both formats."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.exposition import METRICS
from exporter.sandbox import WORKSPACES
from tests.process import PATIENCE, RunningExporter, running_exporter
from tests.tools import free_port, need

pytestmark = pytest.mark.slow

FIELDS = {metric.field: metric.name for metric in METRICS if metric.field}


def test_prometheus_reads_both_formats_as_the_sandbox_says(tmp_path: Path) -> None:
    # The campaigns' time stands still, so that the API answers later what it answered when it was polled.
    with running_exporter("demo", "--speed=0", "--web.listen-address=127.0.0.1:0") as demo:
        demo.wait_for("/metrics", 'campaign_id="camp_gone"')
        truth = ask_the_sandbox(demo)
        with text_only_proxy(demo.url) as text_url, running_prometheus(tmp_path, demo.url, text_url) as prometheus:
            for job in ("openmetrics", "text"):
                wait_for_samples(prometheus, job)
                assert query(prometheus, f'up{{job="{job}"}}') == {"": 1.0}
                for field, metric in FIELDS.items():
                    assert query(prometheus, f'{metric}{{job="{job}"}}', "campaign_id") == truth[field]
            log = (tmp_path / "log").read_text()
    assert "level=info" in log
    assert not re.findall(r".*level=(?:warn|error).*", log)


def ask_the_sandbox(demo: RunningExporter) -> dict[str, dict[str, float]]:
    """Return each field's value by campaign, as the API answers it."""
    base_url = next(line for line in demo.get("/config").text.splitlines() if "base_url:" in line).split()[1]
    truth: dict[str, dict[str, float]] = {field: {} for field in FIELDS}
    for key, campaigns in WORKSPACES.items():
        for id_ in campaigns or ():
            answer = ask(f"{base_url}/v1/campaigns/{id_}/stats", key)
            for field in FIELDS:
                if answer[field] is not None:
                    truth[field][id_] = answer[field]
    return truth


def ask(url: str, key: str) -> dict[str, Any]:
    for _ in range(300):  # the flaky one answers 500 for ten seconds now and then
        answer = httpx.get(url, headers={"Authorization": f"Bearer {key}"})
        if answer.status_code == httpx.codes.OK:
            result: dict[str, Any] = answer.json()
            return result
        threading.Event().wait(0.1)
    raise AssertionError(answer.text)


@contextmanager
def text_only_proxy(url: str) -> Iterator[str]:
    """Pass requests on as a client that reads only the text format: Prometheus 2.42 can't be told to be one."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = httpx.get(url + self.path, headers={"Accept": "text/plain;version=0.0.4"})
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_prometheus(folder: Path, openmetrics_url: str, text_url: str) -> Iterator[str]:
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [url.removeprefix("http://")]}]}
        for job, url in (("openmetrics", openmetrics_url), ("text", text_url))
    ]
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        need("prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(arguments, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def query(prometheus: str, promql: str, label: str = "") -> dict[str, float]:
    """Return the samples of an instant query by one label; none while Prometheus does not answer yet."""
    try:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": promql}).json()
    except (httpx.TransportError, ValueError):
        return {}
    return {series["metric"].get(label, ""): float(series["value"][1]) for series in answer["data"]["result"]}


def wait_for_samples(prometheus: str, job: str) -> None:
    campaigns = {id_ for campaigns in WORKSPACES.values() for id_ in campaigns or ()}
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        if query(prometheus, f'leadterra_campaign_emails_sent{{job="{job}"}}', "campaign_id").keys() == campaigns:
            return
        pause.wait(0.1)
    raise AssertionError(f"no samples of all campaigns in job {job}")
