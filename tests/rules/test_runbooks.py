"""The runbooks: one page an alert; tests/docs holds their queries, commands and links, as those of all pages."""

import re
from pathlib import Path

import pytest

from exporter.errors import Reason
from prometheus.customize import RUNBOOKS
from tests.docs import pages
from tests.rules.documents import alerts
from tests.rules.promtool import ROOT

PAGES = ROOT / "docs" / "runbooks"
PARTS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False alarms"]
NAMES = sorted({alert["alert"] for alert in alerts()})
API = re.compile(
    r"/v1/(campaigns/camp_123/(stats|pause|start)|sender-accounts|sender-pools|replies\?campaignId=camp_123)"
)


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```$", page.read_text("utf-8"))


def test_there_is_a_page_for_each_alert_and_no_other() -> None:
    assert sorted(page.stem for page in PAGES.glob("Leadterra*.md")) == NAMES


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_the_alerts_address_is_its_page(alert: dict[str, dict[str, str]]) -> None:
    url = alert["annotations"]["runbook_url"]
    assert url.startswith(RUNBOOKS)
    assert RUNBOOKS.endswith("/docs/runbooks/")
    assert url.removeprefix(RUNBOOKS) == f"{alert['alert']}.md"
    assert (PAGES / url.removeprefix(RUNBOOKS)).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_its_five_parts(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"(?m)^## (.*)$", text) == PARTS
    assert all(part.strip() for part in re.split(r"(?m)^## .*$", text)[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_query_and_a_command(name: str) -> None:
    assert _blocks(PAGES / f"{name}.md", "promql")
    assert _blocks(PAGES / f"{name}.md", "bash")


@pytest.mark.parametrize("page", pages.PAGES, ids=str)
def test_commands_ask_only_documented_addresses(page: Path) -> None:
    for address in re.findall(r"https://app\.leadterra\.co(/[^\s\"]*)", pages.read(page)):
        assert API.fullmatch(address), address


def test_the_index_has_every_alert_with_its_severities() -> None:
    rows = re.findall(r"(?m)^\| \[(\w+)\]\(\1\.md\) \| ([\w, ]+) \|", (PAGES / "README.md").read_text("utf-8"))
    severities: dict[str, list[str]] = {}
    for alert in alerts():
        severities.setdefault(alert["alert"], []).append(alert["labels"]["severity"])
    assert rows == [(name, ", ".join(found)) for name, found in severities.items()]


def test_every_reason_is_explained() -> None:
    text = (PAGES / "LeadterraCampaignStatsStale.md").read_text("utf-8")
    assert set(re.findall(r"`(\w+)`", text)) >= {reason.value for reason in Reason}
