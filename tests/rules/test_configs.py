"""The example configurations and the runbooks: accepted by their own programs, and as the documentation says."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.errors import Reason
from prometheus.customize import RUNBOOKS
from tests.docs import pages
from tests.monitoring import EXAMPLE as ALERTMANAGER
from tests.monitoring import example, post, running_alertmanager, running_webhook, with_all_receivers
from tests.process import ROOT
from tests.rules.documents import alerts
from tests.tools import succeed, wait_until


def test_the_examples_are_accepted_scrape_what_the_rules_select_and_group_forty_campaigns() -> None:
    path = ROOT / "prometheus" / "prometheus.yaml"
    succeed("promtool", "check", "config", path)
    example = yaml.safe_load(path.read_text("utf-8"))
    assert [job["job_name"] for job in example["scrape_configs"]] == ["leadterra-exporter"]
    assert example["rule_files"] == ["rules.yaml", "watchdog.yaml"]
    assert "1 templates" in succeed("amtool", "check-config", ALERTMANAGER)
    shipped = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))
    grouping = [each["group_by"] for each in [shipped["route"], *shipped["route"]["routes"]] if "group_by" in each]
    assert grouping == [["alertname", "cluster", "job"]]
    zones = {each["name"]: [part["location"] for part in each["time_intervals"]] for each in shipped["time_intervals"]}
    assert zones == {"office-hours": ["Europe/Berlin"], "weekends": ["Europe/Berlin"]}


def test_it_accepts_the_receivers_that_are_commented_out_and_mail_has_the_templates(tmp_path: Path) -> None:
    whole = tmp_path / "alertmanager.yaml"
    whole.write_text(with_all_receivers(), "utf-8")
    receivers = yaml.safe_load(whole.read_text("utf-8"))["receivers"]
    kinds = {key for receiver in receivers for key in receiver} - {"name"}
    assert kinds == {"webhook_configs", "slack_configs", "email_configs", "pagerduty_configs"}
    succeed("amtool", "check-config", whole)
    (mail,) = [each for receiver in receivers for each in receiver.get("email_configs", [])]
    templates = {"title": mail["headers"]["Subject"], "text": mail["text"], "html": mail["html"]}
    assert templates == {name: f'{{{{ template "leadterra.{name}" . }}}}' for name in templates}


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=Watchdog severity=none", "heartbeat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning", "chat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning team=growth", "team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=other", "pager"),
        ("alertname=LeadterraExporterDown severity=critical", "pager"),
        ("alertname=LeadterraCampaignQueueStalled severity=warning", "chat"),
        ("alertname=LeadterraCampaignQueueStalled severity=warning team=growth", "team-growth"),
        ("alertname=LeadterraCampaignQueueBacklog severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignReplyRatioLow severity=info team=growth", "digest"),
    ],
)
def test_routes(labels: str, receivers: str) -> None:
    flags = (f"--config.file={ALERTMANAGER}", f"--verify.receivers={receivers}")
    succeed("amtool", "config", "routes", "test", *flags, *labels.split())


@pytest.mark.slow
def test_queues_are_told_on_working_days_and_bounces_always(tmp_path: Path) -> None:
    every_day = example().replace("[saturday, sunday]", '["sunday:saturday"]')
    assert every_day != example()
    muted = [("LeadterraCampaignQueueStalled", "growth"), ("LeadterraSenderCapacityShort", "")]
    told = {"LeadterraCampaignBounceRatioHigh": "growth", "LeadterraCampaignDeliveryUnconfirmed": ""}
    with (
        running_webhook() as webhook,
        running_alertmanager(tmp_path, every_day.replace("http://127.0.0.1:5001", webhook.url)) as alertmanager,
    ):
        for alerts in (muted, told.items()):  # the second waits for its group as long, from now on
            labels = [{"alertname": alert, "severity": "warning", "team": team} for alert, team in alerts]
            post(alertmanager, [{"labels": each} for each in labels])
        wait_until(lambda: len(webhook.received) >= len(told), "what is not muted")
    assert {note.labels["alertname"]: note.labels.get("team", "") for note in webhook.received} == told


PAGES = ROOT / "docs" / "runbooks"
FIRST = ["What", "First", "Can wait"]
PARTS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Tuning"]
NAMES = sorted(page.stem for page in PAGES.glob("Leadterra*.md"))
API = re.compile(
    r"/v1/(campaigns/camp_123/(stats|pause|start)|sender-accounts|sender-pools|replies\?campaignId=camp_123)"
)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_what_is_needed_first_and_five_parts_with_a_query_and_a_command(name: str) -> None:
    page = Path("docs/runbooks") / f"{name}.md"
    begun, *parts = re.split(r"(?m)^## ", pages.read(page))
    assert begun.startswith(f"# {name}\n\n")
    assert re.findall(r"(?m)^- \*\*(.*?):\*\* \w", begun) == FIRST
    assert [part.partition("\n")[0] for part in parts] == PARTS
    assert all(part.partition("\n")[2].strip() for part in parts)
    assert pages.blocks(page, "promql")
    assert pages.blocks(page, "bash")


def test_commands_ask_only_documented_addresses() -> None:
    text = "".join(map(pages.read, pages.PAGES))
    asked = re.findall(r"https://app\.leadterra\.co(/[^\s\"]*)", text)
    assert [each for each in asked if not API.fullmatch(each)] == []


def test_there_is_a_page_for_each_alert_in_the_index_with_its_severities_and_each_reason_is_explained() -> None:
    rows = re.findall(r"(?m)^\| \[(\w+)\]\(\1\.md\) \| ([\w, ]+) \|", (PAGES / "README.md").read_text("utf-8"))
    severities: dict[str, list[str]] = {}
    for alert in alerts():
        severities.setdefault(alert["alert"], []).append(alert["labels"]["severity"])
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOKS}{alert['alert']}.md"
    assert sorted(severities) == NAMES
    assert sorted(rows) == sorted((name, ", ".join(found)) for name, found in severities.items())
    text = (PAGES / "LeadterraCampaignStatsStale.md").read_text("utf-8")
    assert set(re.findall(r"`(\w+)`", text)) >= {reason.value for reason in Reason}
