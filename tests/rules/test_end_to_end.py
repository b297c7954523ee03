"""From a campaign that bounces to a message: sandbox, exporter, Prometheus with history, Alertmanager, a webhook."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from exporter.exposition import Format
from exporter.sandbox import WORKSPACES, Sandbox
from tests.exposition.parsed import samples
from tests.monitoring import Notification, Webhook, running_alertmanager, running_prometheus, wait_until
from tests.process import ROOT, RunningExporter, RunningSandbox, running_exporter
from tests.rules.documents import rules
from tests.rules.exported import selectors
from tests.rules.promtool import run

pytestmark = pytest.mark.slow

KEY = next(iter(WORKSPACES))
STORY = 3 * 3600.0  # the bouncing campaign's ratio is far over its limit this long after the sandbox's origin
HISTORY = 27 * 3600
CAMPAIGNS = {"camp_bouncing": "Trade fair list 2019", "camp_backlog": "SaaS founders DACH", "camp_healthy": "VP Sales"}
CONFIG = """\
api: {{base_url: "{url}"}}
poll: {{interval: 1s, stale_after: 10s}}
workspaces:
  - name: acme
    api_key_env: E2E_KEY
    labels: {{team: growth}}
    campaigns:
      - {{id: camp_bouncing, name: Trade fair list 2019}}
      - id: camp_backlog
        name: SaaS founders DACH
        thresholds: {{emails_queued: {{warning: 2000, critical: {limit}}}}}
      - {{id: camp_healthy, name: VP Sales}}
"""
BOUNCE = ("LeadterraCampaignBounceRatioHigh", "critical", "camp_bouncing")
BACKLOG = ("LeadterraCampaignQueueBacklog", "critical", "camp_backlog")
WARNINGS = {
    ("LeadterraCampaignBounceRatioHigh", "warning", "camp_bouncing"),
    ("LeadterraCampaignQueueBacklog", "warning", "camp_backlog"),
}
DOWN = ("LeadterraExporterDown", "critical", "")


def test_what_goes_wrong_arrives_and_resolves_and_nothing_else_does(tmp_path: Path) -> None:
    origin = time.monotonic() - STORY
    config = tmp_path / "config.yaml"
    with RunningSandbox(origin=origin) as sandbox, Webhook().running() as webhook:
        config.write_text(CONFIG.format(url=sandbox.url, limit=5000))
        backfill(tmp_path)
        with (
            running_exporter(f"--config.file={config}", "--web.listen-address=127.0.0.1:0", E2E_KEY=KEY) as exporter,
            running_alertmanager(tmp_path, alertmanager_config(tmp_path, webhook.url)) as alertmanager,
            running_prometheus(tmp_path, prometheus_config(tmp_path, exporter.url, alertmanager)),
        ):
            check_what_fires(webhook, alertmanager)
            check_that_it_resolves(webhook, exporter, config, sandbox.url)
            check_a_dead_exporter(webhook, exporter)


def test_what_the_rules_read_is_on_a_live_page() -> None:
    read = [selector for rule in rules() for selector in selectors(rule["expr"])]
    exported = [selector for selector in read if str(selector.name).startswith("leadterra_")]
    with running_exporter("demo", "--web.listen-address=127.0.0.1:0") as demo:
        page = demo.wait_for("/metrics", 'reason="campaign_not_found"')
    shown: dict[str, set[str]] = {}
    for name, labels in samples(page.encode(), Format.TEXT):
        shown.setdefault(name, {"job", "__name__"}).update(label for label, _ in labels)
    assert len(exported) > 10
    assert not [selector.name for selector in exported if selector.name not in shown]
    matched = [(selector.name, matcher.name) for selector in exported for matcher in selector.matchers.matchers]
    assert not [(name, label) for name, label in matched if label not in shown[name]]


def check_what_fires(webhook: Webhook, alertmanager: str) -> None:
    wait_until(lambda: {BOUNCE, BACKLOG} <= webhook.of("pager").keys(), "both critical alerts", 60)
    bounce = webhook.of("pager")[BOUNCE]
    check_texts(bounce)
    assert bounce.labels["team"] == "growth"
    assert bounce.labels["workspace"] == "acme"
    assert "instance" not in bounce.labels
    wait_until(lambda: BOUNCE in webhook.of("team-growth"), "the team's own copy")
    # Alertmanager marks them when each alert's group is due, one group after the other.
    wait_until(lambda: suppressed(alertmanager) >= WARNINGS, "both warnings, suppressed")
    assert not [note for note in webhook.received if note.labels.get("severity") == "warning"]
    assert not [note for note in webhook.received if note.labels.get("campaign_id") == "camp_healthy"]
    wait_until(lambda: ("Watchdog", "none", "") in webhook.of("heartbeat"), "the dead man's switch")


def check_texts(bounce: Notification) -> None:
    assert bounce.annotations["summary"] == "A campaign that sends has bounced above its limit."
    described = bounce.annotations["description"]
    assert re.search(r"Trade fair list 2019 \(acme/camp_bouncing\) has had \S+% of its emails bounce", described)
    assert described.endswith("its critical limit is 5%.")
    assert (ROOT / "docs/runbooks" / bounce.annotations["runbook_url"].rpartition("/")[2]).exists()


def check_that_it_resolves(webhook: Webhook, exporter: RunningExporter, config: Path, url: str) -> None:
    assert not webhook.of("pager", "resolved")
    config.write_text(CONFIG.format(url=url, limit=50_000))
    exporter.process.send_signal(signal.SIGHUP)
    wait_until(lambda: BACKLOG in webhook.of("pager", "resolved"), "the backlog, resolved", 60)
    # Nothing inhibits the warning any more: now it is told.
    wait_until(lambda: ("LeadterraCampaignQueueBacklog", "warning", "camp_backlog") in webhook.of("team-growth"), "it")


def check_a_dead_exporter(webhook: Webhook, exporter: RunningExporter) -> None:
    exporter.process.kill()
    wait_until(lambda: DOWN in webhook.of("pager"), "the dead exporter", 60)
    assert BOUNCE not in webhook.of("pager", "resolved")


def suppressed(alertmanager: str) -> set[tuple[str, str, str]]:
    alerts = httpx.get(f"{alertmanager}/api/v2/alerts").json()
    return {
        (alert["labels"]["alertname"], alert["labels"]["severity"], alert["labels"].get("campaign_id", ""))
        for alert in alerts
        if alert["status"]["inhibitedBy"]
    }


def alertmanager_config(folder: Path, webhook: str) -> Path:
    """Take the shipped configuration with the webhook's address and without its waiting."""
    text = (ROOT / "prometheus/alertmanager.yaml").read_text().replace("http://127.0.0.1:5001", webhook)
    text = text.replace("templates/*.tmpl", f"{ROOT}/prometheus/templates/*.tmpl")
    text = re.sub(r"group_wait: \w+", "group_wait: 3s", text)  # shipped: 30 s, in which a critical catches up
    text = re.sub(r"group_interval: \w+", "group_interval: 1s", text)
    (folder / "alertmanager.yaml").write_text(text)
    return folder / "alertmanager.yaml"


def prometheus_config(folder: Path, exporter: str, alertmanager: str) -> str:
    """Take the shipped configuration and rules; only the addresses and the waiting differ."""
    for name in ("rules.yaml", "watchdog.yaml"):
        rules = (ROOT / "prometheus" / name).read_text()
        rules = re.sub(r"keep_firing_for: \w+", "keep_firing_for: 20s", rules)
        rules = re.sub(r"\binterval: \w+", "interval: 1s", rules)
        (folder / name).write_text(re.sub(r"\bfor: \w+", "for: 2s", rules))
    config = yaml.safe_load((ROOT / "prometheus/prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [exporter.removeprefix("http://")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
    return yaml.safe_dump(config)


def backfill(folder: Path) -> None:
    """Give Prometheus the campaigns' last day as its own rules would have recorded it."""
    (folder / "history").write_text("\n".join([*history(int(time.time())), "# EOF\n"]))
    ended = run("promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "history", folder / "data")
    assert ended.returncode == 0, ended.stderr


def history(now: int) -> Iterator[str]:
    fields = {"emails_sent": "sent", "emails_delivered": "delivered", "emails_bounced": "bounced"}
    fields |= {"leads_replied": "replied", "emails_queued": "queued"}
    answers = [(at, answers_at(at - now)) for at in range(now - HISTORY, now - 60, 60)]
    for metric, field in fields.items():
        name = f"campaign:leadterra_campaign_{metric}:max"
        yield f"# TYPE {name} gauge"
        for id_, campaign in CAMPAIGNS.items():
            labels = (
                f'campaign="{campaign}",campaign_id="{id_}",job="leadterra-exporter",team="growth",workspace="acme"'
            )
            yield from (f"{name}{{{labels}}} {answer[id_][field]} {at}" for at, answer in answers)


def answers_at(seconds: float) -> dict[str, dict[str, float]]:
    """Return what the sandbox answered this many seconds after now."""
    sandbox = Sandbox(now=lambda: STORY + seconds, origin=0)
    headers = {"Authorization": f"Bearer {KEY}"}
    answers = {id_: sandbox.answer("GET", f"/v1/campaigns/{id_}/stats", headers).body for id_ in CAMPAIGNS}
    return {id_: json.loads(body) for id_, body in answers.items()}
