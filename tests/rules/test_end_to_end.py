"""From a campaign that bounces to a message: sandbox, exporter, Prometheus with history, Alertmanager, a webhook."""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exporter.sandbox import WORKSPACES, Fault, Sandbox
from tests.bench.campaigns import FIGURES
from tests.grafana.history import backfill, written
from tests.monitoring import alerts_of, example, running_alertmanager, running_prometheus, running_webhook
from tests.process import ROOT, running_exporter, running_sandbox
from tests.tools import wait_until

pytestmark = pytest.mark.slow

KEY = next(iter(WORKSPACES))
STORY = 3 * 3600.0  # the bouncing campaign's ratio is far over its limit this long after the sandbox's origin
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
BOUNCE = ("LeadterraCampaignBounceSpike", "critical", "camp_bouncing")
BACKLOG = ("LeadterraCampaignQueueBacklog", "critical", "camp_backlog")
WARNED = ("LeadterraCampaignQueueBacklog", "warning", "camp_backlog")
HELD_BACK = {
    ("LeadterraCampaignBounceRatioHigh", "critical", "camp_bouncing"),
    ("LeadterraCampaignBounceRatioHigh", "warning", "camp_bouncing"),
    WARNED,
}
UNREACHABLE = ("LeadterraAPIUnreachable", "critical", "")


def test_what_goes_wrong_arrives_and_resolves_and_nothing_else_does(tmp_path: Path) -> None:
    origin = time.monotonic() - STORY
    config = tmp_path / "config.yaml"
    with running_sandbox(origin=origin) as sandbox, running_webhook() as webhook:
        config.write_text(CONFIG.format(url=sandbox.url, limit=5000))
        backfill(history(int(time.time())), tmp_path / "data")
        with (
            running_exporter(f"--config.file={config}", "--web.listen-address=127.0.0.1:0", E2E_KEY=KEY) as exporter,
            running_alertmanager(tmp_path, example(webhook.url)) as alertmanager,
            running_prometheus(tmp_path, prometheus_config(tmp_path, exporter.url, alertmanager)),
        ):
            wait_until(lambda: {BOUNCE, BACKLOG} <= webhook.of("pager").keys(), "both critical alerts", 60)
            bounce = webhook.of("pager")[BOUNCE]
            assert "Trade fair list 2019 (acme/camp_bouncing) has had" in bounce.annotations["description"]
            assert (bounce.labels["team"], bounce.labels["workspace"]) == ("growth", "acme")
            assert "instance" not in bounce.labels
            wait_until(lambda: BOUNCE in webhook.of("team-growth"), "the team's own copy")
            # Alertmanager marks them when each alert's group is due, one group after the other.
            wait_until(lambda: suppressed(alertmanager) >= HELD_BACK, "what follows from them, held back")
            told = {note.name for note in webhook.received}
            assert not HELD_BACK & told
            assert not [name for name in told if "camp_healthy" in name]
            wait_until(lambda: ("Watchdog", "none", "") in webhook.of("heartbeat"), "the dead man's switch")

            sandbox.sandbox.set_fault("*", Fault(status=503))
            wait_until(lambda: UNREACHABLE in webhook.of("pager"), "the unreachable API", 120)
            sandbox.sandbox.set_fault("*", None)
            wait_until(lambda: UNREACHABLE in webhook.of("pager", "resolved"), "the API, answering again", 120)
            assert not {BOUNCE, BACKLOG} & webhook.of("pager", "resolved").keys()
            assert not [note for note in webhook.received if note.labels["alertname"] == "LeadterraCampaignStatsStale"]

            config.write_text(CONFIG.format(url=sandbox.url, limit=50_000))
            exporter.process.send_signal(signal.SIGHUP)
            wait_until(lambda: BACKLOG in webhook.of("pager", "resolved"), "the backlog, resolved", 60)
            wait_until(lambda: WARNED in webhook.of("team-growth"), "the warning, which nothing inhibits any more")

            exporter.process.kill()
            wait_until(
                lambda: ("LeadterraExporterDown", "critical", "") in webhook.of("pager"), "the dead exporter", 60
            )
            assert BOUNCE not in webhook.of("pager", "resolved")


def suppressed(alertmanager: str) -> set[tuple[str, str, str]]:
    found = (alert["labels"] for alert in alerts_of(alertmanager) if alert["status"]["inhibitedBy"])
    return {(each["alertname"], each["severity"], each.get("campaign_id", "")) for each in found}


def prometheus_config(folder: Path, exporter: str, alertmanager: str) -> str:
    """Write the shipped configuration and rules; only the addresses and the waiting differ."""
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


def history(now: int) -> Iterator[str]:
    times = range(now - 27 * 3600, now - 60, 60)
    answers = [answers_at(at - now) for at in times]
    common = {"job": "leadterra-exporter", "team": "growth", "workspace": "acme"}
    lines = (
        (f"campaign:{name}:max", {"campaign": text, "campaign_id": id_}, [answer[id_][field] for answer in answers])
        for name, field in FIGURES.items()
        if "ratio" not in name
        for id_, text in CAMPAIGNS.items()
    )
    return written(lines, times, common)


def answers_at(seconds: float) -> dict[str, dict[str, float]]:
    """Return what the sandbox answered this many seconds after now."""
    sandbox = Sandbox(now=lambda: STORY + seconds, origin=0)
    headers = {"Authorization": f"Bearer {KEY}"}
    return {id_: json.loads(sandbox.answer("GET", f"/v1/campaigns/{id_}/stats", headers).body) for id_ in CAMPAIGNS}
