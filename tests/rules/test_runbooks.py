"""The runbooks: one page an alert; tests/docs holds their queries, commands and links, as those of all pages."""

import re
from pathlib import Path

import pytest

from exporter.errors import Reason
from prometheus.customize import RUNBOOKS
from tests.docs import pages
from tests.process import ROOT
from tests.rules.documents import alerts

PAGES = ROOT / "docs" / "runbooks"
FIRST = ["What", "First", "Can wait"]
PARTS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Tuning"]
NAMES = sorted(page.stem for page in PAGES.glob("Leadterra*.md"))
API = re.compile(
    r"/v1/(campaigns/camp_123/(stats|pause|start)|sender-accounts|sender-pools|replies\?campaignId=camp_123)"
)


def test_there_is_a_page_for_each_alert_and_no_other() -> None:
    assert RUNBOOKS.endswith("/docs/runbooks/")
    assert sorted({alert["alert"] for alert in alerts()}) == NAMES
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOKS}{alert['alert']}.md"


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


@pytest.mark.parametrize("page", pages.PAGES, ids=str)
def test_commands_ask_only_documented_addresses(page: Path) -> None:
    for address in re.findall(r"https://app\.leadterra\.co(/[^\s\"]*)", pages.read(page)):
        assert API.fullmatch(address), address


def test_the_index_has_every_alert_with_its_severities() -> None:
    rows = re.findall(r"(?m)^\| \[(\w+)\]\(\1\.md\) \| ([\w, ]+) \|", (PAGES / "README.md").read_text("utf-8"))
    severities: dict[str, list[str]] = {}
    for alert in alerts():
        severities.setdefault(alert["alert"], []).append(alert["labels"]["severity"])
    assert len(rows) == len(severities)
    assert dict(rows) == {name: ", ".join(found) for name, found in severities.items()}


def test_every_reason_is_explained() -> None:
    text = (PAGES / "LeadterraCampaignStatsStale.md").read_text("utf-8")
    assert set(re.findall(r"`(\w+)`", text)) >= {reason.value for reason in Reason}
