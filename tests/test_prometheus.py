"""The real Prometheus scrapes the demo, in OpenMetrics; promtool reads the text format in tests/exposition."""

import json
from functools import partial
from pathlib import Path

import httpx
import pytest

from exporter.config import Campaign
from exporter.exposition import METRICS_OF
from exporter.sandbox import WORKSPACES
from tests.monitoring import complaints, query, running_prometheus, wait_until
from tests.process import LISTEN, RunningExporter, running_exporter

pytestmark = pytest.mark.slow

FIELDS = {metric.field: metric.name for metric in METRICS_OF[Campaign.kind] if metric.field}
CAMPAIGNS = {id_: key for key, campaigns in WORKSPACES.items() for id_ in campaigns or ()}


def test_prometheus_reads_what_the_sandbox_says(tmp_path: Path) -> None:
    # The campaigns' time stands still, so that the API answers later what it answered when it was polled.
    with running_exporter("demo", "--speed=0", LISTEN) as demo:
        demo.wait_for("/metrics", 'campaign_id="camp_gone"')
        truth = ask_the_sandbox(demo)
        targets = [{"targets": [demo.url.removeprefix("http://")]}]
        scrape = {"job_name": "demo", "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": targets}
        with running_prometheus(tmp_path, json.dumps({"scrape_configs": [scrape]})) as prometheus:
            sent = FIELDS["sent"]
            wait_until(lambda: query(prometheus, sent, "campaign_id").keys() == CAMPAIGNS.keys(), "all campaigns")
            assert query(prometheus, "up") == {"": 1.0}
            for field, metric in FIELDS.items():
                assert query(prometheus, metric, "campaign_id") == truth[field]
            assert not complaints(tmp_path / "prometheus.log")


def ask_the_sandbox(demo: RunningExporter) -> dict[str, dict[str, float]]:
    """Return each field's value by campaign, as the API answers it."""
    base_url = next(line for line in demo.get("/config").text.splitlines() if "base_url:" in line).split()[1]

    def ask(id_: str) -> dict[str, float] | None:
        headers = {"Authorization": f"Bearer {CAMPAIGNS[id_]}"}
        answer = httpx.get(f"{base_url}/v1/campaigns/{id_}/stats", headers=headers)
        return answer.json() if answer.is_success else None  # the flaky one answers 500 for ten seconds now and then

    answers = {id_: wait_until(partial(ask, id_), f"an answer for {id_}") for id_ in CAMPAIGNS}
    return {
        field: {id_: value for id_, answer in answers.items() if answer and (value := answer[field]) is not None}
        for field in FIELDS
    }
