"""The example configurations: their own programs accept them, and routes do what the documentation says."""

from pathlib import Path

import pytest
import yaml

from tests.monitoring import Webhook, running_alertmanager, wait_until
from tests.process import ROOT
from tests.rules.alertmanager import EXAMPLE as ALERTMANAGER
from tests.rules.alertmanager import example, post, with_all_receivers, write
from tests.tools import succeed

PROMETHEUS = ROOT / "prometheus"
SCRAPES = sorted(path for path in PROMETHEUS.glob("*.yaml") if "scrape_configs:" in path.read_text("utf-8"))


@pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.name)
def test_prometheus_accepts_its_configuration(path: Path) -> None:
    succeed("promtool", "check", "config", path)


def test_the_example_scrapes_what_the_rules_select() -> None:
    example = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))
    assert [job["job_name"] for job in example["scrape_configs"]] == ["leadterra-exporter"]
    assert example["rule_files"] == ["rules.yaml", "watchdog.yaml"]


def test_alertmanager_accepts_its_configuration() -> None:
    checked = succeed("amtool", "check-config", ALERTMANAGER)
    assert "1 templates" in checked


def test_it_accepts_the_receivers_that_are_commented_out(tmp_path: Path) -> None:
    whole = write(tmp_path, with_all_receivers())
    receivers = yaml.safe_load(whole.read_text("utf-8"))["receivers"]
    kinds = {key for receiver in receivers for key in receiver} - {"name"}
    assert kinds == {"webhook_configs", "slack_configs", "email_configs", "pagerduty_configs"}
    succeed("amtool", "check-config", whole)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=Watchdog severity=none", "heartbeat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning", "chat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning team=growth", "team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=other", "pager"),
        ("alertname=LeadterraExporterDown severity=critical", "pager"),
        ("alertname=LeadterraAPIUnreachable severity=critical", "pager"),
        ("alertname=LeadterraWorkspaceBounceSpike severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignQueueStalled severity=warning", "chat"),
        ("alertname=LeadterraCampaignQueueStalled severity=warning team=growth", "team-growth"),
        ("alertname=LeadterraCampaignQueueBacklog severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignReplyRatioLow severity=info team=growth", "digest"),
    ],
)
def test_routes(labels: str, receivers: str) -> None:
    succeed(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={ALERTMANAGER}",
        f"--verify.receivers={receivers}",
        *labels.split(),
    )


def test_forty_campaigns_are_one_message() -> None:
    route = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))["route"]
    grouping = [each["group_by"] for each in [route, *route["routes"]] if "group_by" in each]
    assert grouping == [["alertname", "cluster", "job"]]


@pytest.mark.slow
def test_queues_are_told_on_working_days_and_bounces_always(tmp_path: Path) -> None:
    every_day = example().replace("[saturday, sunday]", '["sunday:saturday"]')
    assert every_day != example()
    muted = [("LeadterraCampaignQueueStalled", "growth"), ("LeadterraSenderCapacityShort", "")]
    told = {"LeadterraCampaignBounceRatioHigh": "growth", "LeadterraCampaignDeliveryUnconfirmed": ""}
    with Webhook().running() as webhook:
        path = write(tmp_path, every_day.replace("http://127.0.0.1:5001", webhook.url))
        with running_alertmanager(tmp_path, path) as alertmanager:
            post(alertmanager, [_warning(*each) for each in muted])
            post(alertmanager, [_warning(*each) for each in told.items()])  # waits for its group as long, from now on
            wait_until(lambda: len(webhook.received) >= len(told), "what is not muted")
    assert {note.labels["alertname"]: note.labels.get("team", "") for note in webhook.received} == told


def _warning(alert: str, team: str) -> dict[str, dict[str, str]]:
    return {"labels": {"alertname": alert, "severity": "warning", "team": team}}


def test_intervals_are_in_a_time_zone() -> None:
    named = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))["time_intervals"]
    assert {each["name"]: [part["location"] for part in each["time_intervals"]] for each in named} == {
        "office-hours": ["Europe/Berlin"],
        "weekends": ["Europe/Berlin"],
    }
