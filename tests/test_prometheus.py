"""The real Prometheus scrapes the demo, in both formats."""

import json
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
from tests.monitoring import complaints, query, running_prometheus, wait_until
from tests.process import RunningExporter, running_exporter

pytestmark = pytest.mark.slow

FIELDS = {metric.field: metric.name for metric in METRICS if metric.field}


def test_prometheus_reads_both_formats_as_the_sandbox_says(tmp_path: Path) -> None:
    # The campaigns' time stands still, so that the API answers later what it answered when it was polled.
    with running_exporter("demo", "--speed=0", "--web.listen-address=127.0.0.1:0") as demo:
        demo.wait_for("/metrics", 'campaign_id="camp_gone"')
        truth = ask_the_sandbox(demo)
        with text_only_proxy(demo.url) as text_url:
            jobs = {"openmetrics": demo.url, "text": text_url}
            with running_prometheus(tmp_path, scrape(jobs)) as prometheus:
                for job in jobs:
                    check(prometheus, job, truth)
                assert not complaints(tmp_path / "prometheus.log")


def check(prometheus: str, job: str, truth: dict[str, dict[str, float]]) -> None:
    """See that a job is up and that each of its figures is the sandbox's."""
    wait_until(lambda: has_all_campaigns(prometheus, job), f"all campaigns in job {job}")
    assert query(prometheus, f'up{{job="{job}"}}') == {"": 1.0}
    for field, metric in FIELDS.items():
        assert query(prometheus, f'{metric}{{job="{job}"}}', "campaign_id") == truth[field]


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


def scrape(targets: dict[str, str]) -> str:
    """Write a configuration that scrapes each job's URL every second."""
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [url.removeprefix("http://")]}]}
        for job, url in targets.items()
    ]
    return json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs})


def has_all_campaigns(prometheus: str, job: str) -> bool:
    campaigns = {id_ for campaigns in WORKSPACES.values() for id_ in campaigns or ()}
    return query(prometheus, f'leadterra_campaign_emails_sent{{job="{job}"}}', "campaign_id").keys() == campaigns
