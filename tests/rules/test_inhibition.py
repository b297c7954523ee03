"""What the example's inhibition rules hold back, asked of a real Alertmanager."""

import re
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.monitoring import EXAMPLE, alerts_of, example, post, running_alertmanager
from tests.process import ROOT
from tests.tools import wait_until

INHIBITION = {
    "critical over warning, of the same campaign only": """
        CampaignQueueBacklog critical acme/c1, (CampaignQueueBacklog warning acme/c1),
        CampaignQueueBacklog warning acme/c2, CampaignQueueBacklog warning globex/c1,
        CampaignBounceRatioHigh warning acme/c1
    """,
    "labels that are missing on both sides are not equal": """
        CampaignQueueBacklog critical / bare, CampaignQueueBacklog warning / bare, CampaignNotFound warning / bare,
        CampaignStatsStale warning / bare, APIAuthFailing critical / bare, APIRateLimited warning / bare,
        CampaignBounceSpike critical / bare, CampaignBounceRatioHigh warning / bare,
        WorkspaceBounceSpike critical / bare, CampaignQueueStalled warning / bare,
        CampaignQueueDrainSlow warning / bare, CampaignSourceFailing warning / bare, CampaignsDropped warning / bare,
        SenderAccountsLost warning / bare, SenderCapacityShort warning / bare
    """,
    "an alert of one job holds nothing of another back": """
        CampaignQueueBacklog critical acme/c1 here, CampaignBounceSpike critical acme/c1 here,
        CampaignQueueStalled warning acme/c1 here, CampaignNotFound warning acme/c2 here,
        CampaignSourceFailing warning acme/ here, APIAuthFailing critical globex/ here,
        ExporterShardMissing critical / here, SenderAccountsLost warning acme/ here,
        CampaignQueueBacklog warning acme/c1 there, CampaignBounceRatioHigh warning acme/c1 there,
        WorkspaceBounceSpike critical acme/ there, CampaignQueueDrainSlow warning acme/c1 there,
        CampaignStatsStale warning acme/c2 there, CampaignsDropped warning acme/ there,
        APIRateLimited warning globex/ there, SenderCapacityShort warning acme/ there
    """,
    "a spike over the lifetime's ratio, warning and critical": """
        CampaignBounceSpike critical spiking/c3, (CampaignBounceRatioHigh warning spiking/c3),
        (CampaignBounceRatioHigh critical spiking/c3), CampaignBounceRatioHigh critical spiking/c4,
        CampaignBounceRatioHigh critical quiet/c3, CampaignQueueStalled warning spiking/c3,
        (WorkspaceBounceSpike critical spiking/), WorkspaceBounceSpike critical quiet/
    """,
    "a workspace's bounces hold no campaign back": """
        WorkspaceBounceSpike critical pool/, CampaignBounceRatioHigh warning pool/c1,
        CampaignBounceRatioHigh critical pool/c2
    """,
    "a queue that stands still over a slow one": """
        CampaignQueueStalled warning still/c1, (CampaignQueueDrainSlow warning still/c1),
        CampaignQueueDrainSlow warning still/c2
    """,
    "a refused key over its campaigns' figures": """
        APIAuthFailing critical refused/, (CampaignStatsStale warning refused/c5),
        (CampaignNotFound warning refused/c5), (APIRateLimited warning refused/), CampaignStatsStale warning fine/c5,
        CampaignQueueStalled warning refused/c5, CampaignBounceRatioHigh warning refused/c5
    """,
    "an API without answers over the same": """
        APIUnreachable critical cut/, (CampaignStatsStale warning cut/c5), (CampaignNotFound warning cut/c5),
        (APIRateLimited warning cut/), APIAuthFailing critical cut/, CampaignBounceSpike critical cut/c5
    """,
    "not found over its figures": """
        CampaignNotFound warning acme/c6, (CampaignStatsStale warning acme/c6), CampaignStatsStale warning acme/c7
    """,
    "a list that can't be read over the campaigns that are missing": """
        CampaignSourceFailing warning unread/, (CampaignsDropped warning unread/), CampaignsDropped warning read/
    """,
    "a missing shard over the campaigns that are missing": """
        ExporterShardMissing critical / sharded, (CampaignsDropped warning acme/ sharded),
        CampaignStatsStale warning acme/c1 sharded
    """,
    "lost senders over what they can't send": """
        SenderAccountsLost warning few/, (SenderCapacityShort warning few/), SenderCapacityShort warning many/,
        CampaignQueueDrainSlow warning few/c1
    """,
    "a dead exporter over what follows, of its own job only": """
        ExporterDown critical / dead, (ExporterShardMissing critical / dead),
        (ExporterConfigReloadFailed warning / dead), (APIUnreachable critical acme/ dead),
        (APIRateLimited warning acme/ dead), (CampaignStatsStale warning acme/c8 dead),
        (CampaignNotFound warning acme/c9 dead), (CampaignsDropped warning acme/ dead),
        (CampaignSourceFailing warning acme/ dead), (SenderAccountsLost warning acme/ dead),
        (SenderCapacityShort warning acme/ dead), APIAuthFailing critical other/ dead,
        CampaignBounceRatioHigh warning acme/c8 dead, WorkspaceBounceSpike critical acme/ dead,
        ExporterShardMissing critical / alive, APIUnreachable critical acme/ alive
    """,
    "no exporter at all over the same": """
        ExporterAbsent critical / gone, (APIUnreachable critical acme/ gone), (CampaignStatsStale warning acme/c8 gone),
        CampaignBounceSpike critical acme/c8 gone
    """,
}
"""What is sent by case, comma between: alert, severity, workspace/campaign and perhaps job; (what is held back)."""


def _labels(sent: str) -> dict[str, str]:
    alert, severity, who, *job = sent.strip("()").split()
    workspace, case = who.split("/")
    labels = {"alertname": f"Leadterra{alert}", "severity": severity, "sent": sent}
    labels |= {"job": " ".join(job) or "leadterra-exporter", "workspace": workspace, "campaign_id": case}
    return {name: value for name, value in labels.items() if value}


@pytest.mark.slow
def test_inhibition(tmp_path: Path) -> None:
    cases = {case: [" ".join(each.split()) for each in sent.split(",")] for case, sent in INHIBITION.items()}

    def wrong(alertmanager: str) -> set[tuple[str, str]]:
        held = {
            (at["case"], at["sent"])
            for at in (each["labels"] for each in alerts_of(alertmanager) if each["status"]["inhibitedBy"])
        }
        return held ^ {(case, each) for case, sent in cases.items() for each in sent if each.startswith("(")}

    with running_alertmanager(tmp_path, example()) as alertmanager:
        post(
            alertmanager, [{"labels": _labels(each) | {"case": case}} for case, sent in cases.items() for each in sent]
        )
        # Alertmanager takes alerts in before it holds them back
        wait_until(lambda: not wrong(alertmanager), "nothing else held back than what should be")


def test_the_page_names_what_is_held_back() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| (Leadterra[^|]+) \| (Leadterra[^|]+) \| \w+ \|$", page)
    on_the_page = {pair for row in rows for pair in product(*(cell.split(", ") for cell in row))}
    alerts = sorted(path.stem for path in (ROOT / "docs" / "runbooks").glob("Leadterra*.md"))
    held_back = set()
    for rule in yaml.safe_load(EXAMPLE.read_text("utf-8"))["inhibit_rules"]:
        sides = (
            re.findall(r'alertname=~?"(.*)"', "\n".join(rule[f"{side}_matchers"])) for side in ("source", "target")
        )
        sources, targets = ([each for each in alerts if names and re.fullmatch(names[0], each)] for names in sides)
        held_back |= {*product(sources, targets)}
    assert {pair for pair in held_back if not re.match("LeadterraExporter(Down|Absent)", pair[0])} == on_the_page
