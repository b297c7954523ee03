"""The example configurations: their own programs accept them, routes and templates do what the documentation says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.promtool import ROOT, run

PROMETHEUS = ROOT / "prometheus"
ALERTMANAGER = PROMETHEUS / "alertmanager.yaml"
SCRAPES = sorted(path for path in PROMETHEUS.glob("*.yaml") if "scrape_configs:" in path.read_text("utf-8"))


@pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.name)
def test_prometheus_accepts_its_configuration(path: Path) -> None:
    checked = run("promtool", "check", "config", path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_example_scrapes_what_the_rules_select() -> None:
    example = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))
    assert [job["job_name"] for job in example["scrape_configs"]] == ["leadterra-exporter"]
    assert example["rule_files"] == ["rules.yaml", "watchdog.yaml"]


def test_alertmanager_accepts_its_configuration() -> None:
    checked = run("amtool", "check-config", ALERTMANAGER)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 templates" in checked.stdout


def test_it_accepts_the_receivers_that_are_commented_out(tmp_path: Path) -> None:
    text, receivers = re.subn(
        r"(?m)^    # ( *)(?=\S)", r"    \1", ALERTMANAGER.read_text("utf-8").split("receivers:")[1]
    )
    assert receivers > 10
    assert "slack_configs" in text
    assert "email_configs" in text
    whole = tmp_path / "alertmanager.yaml"
    head = ALERTMANAGER.read_text("utf-8").split("receivers:")[0]
    whole.write_text(head.replace("templates/", f"{PROMETHEUS}/templates/") + "receivers:" + text, "utf-8")
    assert {"slack_configs", "email_configs"} <= {
        key for each in yaml.safe_load(whole.read_text("utf-8"))["receivers"] for key in each
    }
    checked = run("amtool", "check-config", whole)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=Watchdog severity=none", "heartbeat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning", "chat"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=warning team=growth", "team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=growth", "pager,team-growth"),
        ("alertname=LeadterraCampaignBounceRatioHigh severity=critical team=other", "pager"),
        ("alertname=LeadterraExporterDown severity=critical", "pager"),
        ("alertname=LeadterraCampaignReplyRatioLow severity=info team=growth", "digest"),
    ],
)
def test_routes(labels: str, receivers: str) -> None:
    routed = run(
        "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receivers}",
        *labels.split(),
    )  # fmt: skip
    assert routed.returncode == 0, routed.stdout + routed.stderr


def test_forty_campaigns_are_one_message() -> None:
    route = yaml.safe_load(ALERTMANAGER.read_text("utf-8"))["route"]
    grouping = [each["group_by"] for each in [route, *route["routes"]] if "group_by" in each]
    assert grouping == [["alertname", "cluster", "job"]]


_LABELS = {
    "alertname": "LeadterraCampaignBounceRatioHigh",
    "severity": "critical",
    "workspace": "acme",
    "campaign_id": "camp_1",
    "campaign": "VP & <Sales>",
    "job": "leadterra-exporter",
}
_TEXTS = {
    "summary": "A campaign that sends has bounced above its limit.",
    "description": "Campaign VP & <Sales> (acme/camp_1) has had 6% of its emails bounce; its critical limit is 5%.",
    "runbook_url": "https://wiki/LeadterraCampaignBounceRatioHigh.md",
}
_LINK = "http://localhost:3000/d/leadterra-campaign?var-workspace=acme&var-campaign=VP+%26+%3CSales%3E"


def _rendered(template: str, kind: str, tmp_path: Path, *alerts: dict[str, Any]) -> str:
    def common(key: str) -> dict[str, str]:
        return dict(set.intersection(*(set(alert[key].items()) for alert in alerts)))

    times = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z"}
    firing = any(alert["status"] == "firing" for alert in alerts)
    data = {
        "status": "firing" if firing else "resolved",
        "alerts": [alert | times for alert in alerts],
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data), "utf-8")
    ended = run(
        "amtool", "template", "render", f"--template.glob={PROMETHEUS}/templates/*.tmpl", f"--template.type={kind}",
        f'--template.text={{{{ template "leadterra.{template}" . }}}}', f"--template.data={path}",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def _alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    return {"status": status, "labels": _LABELS | labels, "annotations": _TEXTS}


def test_a_message_in_chat(tmp_path: Path) -> None:
    assert _rendered("title", "text", tmp_path, _alert()) == (
        "[1 FIRING] LeadterraCampaignBounceRatioHigh (critical): VP & <Sales>"
    )
    assert _rendered("text", "text", tmp_path, _alert()) == (
        f"{_TEXTS['summary']}\n\n* {_TEXTS['description']}\n  Dashboard: {_LINK}\n\nWhat to do: {_TEXTS['runbook_url']}"
    )


def test_a_message_about_two_campaigns_one_of_which_is_fine_again(tmp_path: Path) -> None:
    alerts = _alert(), _alert("resolved", campaign="Founders", campaign_id="camp_2")
    assert _rendered("title", "text", tmp_path, *alerts) == "[1 FIRING] LeadterraCampaignBounceRatioHigh (critical)"
    assert _rendered("text", "text", tmp_path, *alerts).endswith(
        f"Dashboard: {_LINK}\n\nResolved:\n* Founders\n\nWhat to do: {_TEXTS['runbook_url']}"
    )


def test_a_resolved_message_about_no_campaign(tmp_path: Path) -> None:
    alert = _alert("resolved", alertname="LeadterraExporterDown", campaign="", campaign_id="", workspace="")
    assert _rendered("title", "text", tmp_path, alert) == "[RESOLVED] LeadterraExporterDown (critical)"
    assert "Resolved:\n* leadterra-exporter\n" in _rendered("text", "text", tmp_path, alert)


def test_mail_escapes_names_and_links_to_dashboard_and_runbook(tmp_path: Path) -> None:
    page = _rendered("html", "html", tmp_path, _alert())
    assert "VP &amp; &lt;Sales&gt;" in page
    assert "<Sales>" not in page
    assert 'href="http://localhost:3000/d/leadterra-campaign?var-workspace=acme' in page
    assert f'href="{_TEXTS["runbook_url"]}"' in page
