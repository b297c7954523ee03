"""What the example's inhibition rules hold back, asked of a real Alertmanager."""

from collections.abc import Iterator

import httpx
import pytest

from tests.monitoring import running_alertmanager, wait_until
from tests.rules.promtool import ROOT

ALERTMANAGER = ROOT / "prometheus" / "alertmanager.yaml"

INHIBITION = {
    "critical over warning, of the same campaign only": (
        [
            "LeadterraCampaignQueueBacklog critical acme/c1",
            "LeadterraCampaignQueueBacklog warning acme/c1",
            "LeadterraCampaignQueueBacklog warning acme/c2",
            "LeadterraCampaignQueueBacklog warning globex/c1",
        ],
        {"LeadterraCampaignQueueBacklog warning acme/c1"},
    ),
    "a spike over the lifetime's warning": (
        [
            "LeadterraCampaignBounceSpike critical acme/c3",
            "LeadterraCampaignBounceRatioHigh warning acme/c3",
            "LeadterraCampaignBounceRatioHigh warning acme/c4",
        ],
        {"LeadterraCampaignBounceRatioHigh warning acme/c3"},
    ),
    "a key over its campaigns' figures": (
        [
            "LeadterraAPIAuthFailing critical lost/",
            "LeadterraCampaignStatsStale warning lost/c5",
            "LeadterraCampaignStatsStale warning fine/c5",
            "LeadterraCampaignQueueStalled warning lost/c5",
        ],
        {"LeadterraCampaignStatsStale warning lost/c5"},
    ),
    "not found over its figures": (
        [
            "LeadterraCampaignNotFound warning acme/c6",
            "LeadterraCampaignStatsStale warning acme/c6",
            "LeadterraCampaignStatsStale warning acme/c7",
        ],
        {"LeadterraCampaignStatsStale warning acme/c6"},
    ),
    "a dead exporter over what follows, of its own job only": (
        [
            "LeadterraExporterDown critical / dead",
            "LeadterraCampaignStatsStale warning acme/c8 dead",
            "LeadterraAPIRateLimited warning acme/ dead",
            "LeadterraExporterConfigReloadFailed warning / dead",
            "LeadterraExporterShardMissing critical / dead",
            "LeadterraExporterShardMissing critical / alive",
            "LeadterraCampaignBounceRatioHigh warning acme/c8 dead",
            "LeadterraAPIRateLimited warning other/ alive",
        ],
        {
            "LeadterraCampaignStatsStale warning acme/c8 dead",
            "LeadterraAPIRateLimited warning acme/ dead",
            "LeadterraExporterConfigReloadFailed warning / dead",
            "LeadterraExporterShardMissing critical / dead",
        },
    ),
}


def _labels(line: str) -> dict[str, str]:
    alert, severity, who, *job = line.split()
    workspace, case = who.split("/")
    given = {"workspace": workspace, "campaign_id": case}
    return {"alertname": alert, "severity": severity, "job": " ".join(job) or "leadterra-exporter", "line": line} | {
        name: value for name, value in given.items() if value
    }


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_alertmanager(tmp_path_factory.mktemp("alertmanager"), ALERTMANAGER) as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("case", INHIBITION)
def test_inhibition(alertmanager: str, case: str) -> None:
    lines, muted = INHIBITION[case]
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[{"labels": _labels(line)} for line in lines]).raise_for_status()
    # Alertmanager takes alerts in before it holds them back
    wait_until(lambda: _inhibited(alertmanager, lines) == muted, f"only {muted}, held back")


def _inhibited(url: str, lines: list[str]) -> set[str]:
    alerts = httpx.get(f"{url}/api/v2/alerts").json()
    return {
        alert["labels"]["line"]
        for alert in alerts
        if alert["labels"]["line"] in lines and alert["status"]["inhibitedBy"]
    }
