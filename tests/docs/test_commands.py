"""Every command in the documentation runs, or somebody has said why it can't, and what pages show is so."""

import re
from pathlib import Path

import pytest
import yaml

from exporter.config import Campaign, ConfigError
from exporter.exposition import METRICS_OF
from exporter.telemetry import Telemetry
from tests.config.conftest import loaded
from tests.docs.pages import PAGES, PLACEHOLDERS, all_commands, blocks, read, reason_not_to_run, replaced
from tests.docs.session import play
from tests.generate import configure, generated
from tests.process import ROOT, running_exporter
from tests.rules.cost import scraped_series
from tests.rules.documents import rules
from tests.rules.promtool import RULES, series
from tests.tools import succeed

RUN = [command for command in all_commands() if reason_not_to_run(command) is None]


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({command.page for command in RUN}), ids=str)
def test_a_pages_commands_run(page: Path, tmp_path: Path) -> None:
    ended = play(page, tmp_path)
    failed = [line for line in ended.stderr.splitlines() if line.startswith("@@ ")]
    assert ended.returncode == 0, (
        f"{failed[-1] if failed else page}\nfailed with {ended.returncode}. Mend the page, or say in "
        f"tests/docs/pages.py what stands for what (PLACEHOLDERS) or why it can't run here (ELSEWHERE).\n"
        f"{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}"
    )


def test_what_runs_talks_to_this_machine_only_and_every_placeholder_is_needed() -> None:
    for command in RUN:
        addresses = re.findall(r"https?://([^/\s\"']+)", replaced(command.text))
        assert [each for each in addresses if not each.startswith("$") and not each.endswith("example.com")] == []
    pages = "".join(map(read, PAGES))
    assert [placeholder for placeholder in PLACEHOLDERS if placeholder not in pages] == [], "remove them"


GENERATED = generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_bytes() == GENERATED[path], "out of date: run `make generate`"


SHOWN = [block.text for block in blocks(Path("README.md"))]


@pytest.mark.slow
def test_the_samples_that_it_shows_are_the_demos() -> None:
    (sample,) = [text for text in SHOWN if text.startswith("# HELP")]
    with running_exporter("demo", "--web.listen-address=127.0.0.1:0") as demo:
        page = demo.wait_for("/metrics", 'leadterra_campaign_emails_bounced{workspace="acme",campaign_id="camp_123"')
    assert not [line for line in sample.splitlines() if line not in page.splitlines()]


def test_the_fault_that_it_shows_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        loaded(
            "workspaces:\n  - name: acme\n    api_key_env: LEADTERRA_API_KEY\n    campaigns:\n      - camp_123\n"
            "    poll:\n      interval: 5 minutes\n"
        )
    assert f"{caught.value}\n" in SHOWN


def test_a_campaign_costs_as_many_series_as_the_page_says(tmp_path: Path) -> None:
    """A campaign that sends, with bounces of long ago and no alert; of a limit one series a severity is recorded."""
    page = read(Path("docs/metrics.md"))
    cells = re.findall(
        r"(?m)^\| (?:campaign|workspace|exporter) \| (.*)", page.partition("## What a campaign costs")[2]
    )
    scraped, recorded, most, workspace, exporter = (int(each) for row in cells for each in re.findall(r"\d+", row))
    telemetry, metrics = Telemetry(), METRICS_OF[Campaign.kind]
    assert series_count(telemetry) == exporter
    configure(telemetry)
    assert series_count(telemetry) == exporter + workspace
    assert len(scraped_series()) == scraped
    of_campaigns = [name for rule in rules() if (name := rule.get("record", "")).startswith("campaign:")]
    severities = ([each.label_values for each in metrics if f":{each.name}:" in name] for name in of_campaigns)
    assert sum(max((len(each) for each in of_rule), default=0) or 1 for of_rule in severities) == most
    thousand = 1000 * scraped + 10 * workspace + exporter
    assert f"{thousand:,} series that are scraped and some {1000 * recorded:,} that are recorded" in page

    identity = {"job": "leadterra-exporter", "instance": "a:10421", "workspace": "acme", "campaign_id": "camp_123"}
    rising = {"leadterra_campaign_emails_sent": "480+5", "leadterra_campaign_emails_delivered": "471+5"}
    inputs = [
        series(name, f"{rising.get(name, f'{value:g}+0')}x300", **identity, campaign="VP", **own)
        for name, own, value in scraped_series()
    ]
    count = [{"labels": "{}", "value": recorded}]
    told = {"expr": 'count({__name__=~"campaign:.+"})', "eval_time": "25h", "exp_samples": count}
    tests = [{"interval": "5m", "input_series": inputs, "promql_expr_test": [told]}]
    path = tmp_path / "cost.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": tests}))
    succeed("promtool", "test", "rules", path)


def series_count(telemetry: Telemetry) -> int:
    return sum(len(family.samples) for family in telemetry.registry.collect())
