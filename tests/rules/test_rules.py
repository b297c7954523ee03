"""The alert rules: what fires and what stays silent, on what they rest, and how they are handed out."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from prometheus.customize import PROCESS_LABELS, RUNBOOKS, SELECTOR, customize, for_operator, main
from tests.rules import documents
from tests.rules.documents import alerts, rules
from tests.rules.exported import selectors, strangers
from tests.rules.promtool import ROOT, RULES, Scenario, check, run
from tests.rules.scenarios import SCENARIOS

PROMISED = {
    ("LeadterraCampaignBounceRatioHigh", "warning"),
    ("LeadterraCampaignBounceRatioHigh", "critical"),
    ("LeadterraCampaignBounceSpike", "critical"),
    ("LeadterraCampaignQueueBacklog", "warning"),
    ("LeadterraCampaignQueueBacklog", "critical"),
    ("LeadterraCampaignQueueDrainSlow", "warning"),
    ("LeadterraCampaignQueueStalled", "warning"),
    ("LeadterraCampaignDeliveryUnconfirmed", "warning"),
    ("LeadterraCampaignReplyRatioLow", "info"),
    ("LeadterraExporterDown", "critical"),
    ("LeadterraExporterAbsent", "critical"),
    ("LeadterraExporterShardMissing", "critical"),
    ("LeadterraAPIAuthFailing", "critical"),
    ("LeadterraCampaignNotFound", "warning"),
    ("LeadterraCampaignStatsStale", "warning"),
    ("LeadterraAPIRateLimited", "warning"),
    ("LeadterraExporterConfigReloadFailed", "warning"),
}


def _marked(scenario: Scenario) -> object:
    marks = [] if scenario.step == "1m" else [pytest.mark.slow]  # days of evaluations take seconds
    return pytest.param(scenario, id=scenario.name, marks=marks)


@pytest.mark.parametrize("scenario", [_marked(scenario) for scenario in SCENARIOS])
def test_exactly_what_should_fires(scenario: Scenario, tmp_path: Path) -> None:
    assert check([scenario], RULES, tmp_path) == ""


def test_the_rules_pass_every_lint() -> None:
    linted = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES, RULES.with_name("watchdog.yaml"))
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_pint_finds_nothing() -> None:
    if shutil.which("pint") is None:
        pytest.skip("pint is not on the PATH; it is optional, in CI too")
    linted = run("pint", "--offline", "-c", Path(__file__).with_name("pint.hcl"), "lint", "--min-severity=info", RULES)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert not re.search("(?m)^(Bug|Warning|Information|Fatal)", linted.stdout + linted.stderr)


MIXIN = """
local rules = std.parseYaml(importstr 'rules.yaml').groups;
{
  prometheusAlerts+:: { groups: [group for group in rules if group.name != 'leadterra-records'] },
  prometheusRules+:: { groups: [group for group in rules if group.name == 'leadterra-records'] },
}
"""


def test_mixtool_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("mixtool") is None:
        pytest.skip("mixtool is not on the PATH; it is optional, in CI too")
    (tmp_path / "rules.yaml").write_bytes(RULES.read_bytes())
    (tmp_path / "mixin.jsonnet").write_text(MIXIN, "utf-8")
    linted = run("mixtool", "lint", "mixin.jsonnet", cwd=tmp_path)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_alerts_are_those_that_are_promised() -> None:
    named = [(alert["alert"], alert["labels"]["severity"]) for alert in alerts()]
    assert len(named) == len(set(named))
    assert set(named) == PROMISED


@pytest.mark.parametrize(("alert", "severity"), sorted(PROMISED))
def test_each_alert_has_a_firing_and_a_silent_case(alert: str, severity: str) -> None:
    line = f"{alert.removeprefix('Leadterra')} {severity}"
    about = [scenario for scenario in SCENARIOS if any(who.endswith(line) for who in scenario.firing)]
    assert about
    assert any(_is_silent_first(scenario, line) for scenario in about)


def _is_silent_first(scenario: Scenario, line: str) -> bool:
    first = scenario.at.split()[0]
    return all(not spans.startswith(f"{first}-") for who, spans in scenario.firing.items() if who.endswith(line))


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_each_alert_reads_well(alert: dict[str, dict[str, str]]) -> None:
    texts = alert["annotations"]
    assert re.fullmatch(r"[A-Z][^{]+\.", texts["summary"])
    assert "{{" in texts["description"]
    assert "campaign_id" not in alert["expr"]  # labels are aggregated away by name, never kept by name
    assert len(alert["alert"]) <= 40


def test_campaign_alerts_name_the_campaign_and_outlive_a_gap() -> None:
    for alert in alerts():
        if alert["alert"].startswith("LeadterraCampaign"):
            assert "{{ $labels.campaign }}" in alert["annotations"]["description"]
            assert alert["keep_firing_for"] == "15m"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("record") or rule["alert"])
def test_rules_use_only_what_is_exported(rule: dict[str, str]) -> None:
    assert strangers(rule["expr"]) == set()


def test_a_metric_or_label_that_nobody_exports_is_found() -> None:
    expr = 'max by (colour) (leadterra_campaign_mails{job="x"}) > ignoring (taste) up{workspace="acme"} + up'
    assert strangers(expr) == {"leadterra_campaign_mails", "colour", "taste", "workspace"}


def test_what_comes_from_the_exporter_is_selected_by_its_job() -> None:
    read = [selector for rule in rules() for selector in selectors(rule["expr"]) if ":" not in selector.name]
    assert read
    for selector in read:
        assert any(matcher.name == "job" for matcher in selector.matchers.matchers), selector.name


def test_limits_queried_in_texts_are_recorded() -> None:
    records = {rule["record"] for rule in rules() if "record" in rule}
    queried = set(re.findall(r"campaign:\w+:\w+", " ".join(alert["annotations"]["description"] for alert in alerts())))
    assert queried
    assert queried <= records


def test_generated_files_are_up_to_date() -> None:
    for path, text in documents.documents().items():
        assert path.read_text("utf-8") == text, "python -m tests.rules.documents writes it"


def test_the_operators_resource_has_the_same_groups() -> None:
    resource = yaml.safe_load(for_operator(RULES.read_text("utf-8"), ["release=kps", "team=mail"]))
    assert resource["apiVersion"] == "monitoring.coreos.com/v1"
    assert resource["kind"] == "PrometheusRule"
    assert resource["metadata"] == {"name": "leadterra-exporter", "labels": {"release": "kps", "team": "mail"}}
    assert resource["spec"] == yaml.safe_load(RULES.read_text("utf-8"))


def test_selector_runbooks_and_process_labels_change_everywhere(tmp_path: Path) -> None:
    mine = customize(
        RULES.read_text("utf-8"), selector='job="mail",env="prod"', runbooks="https://wiki/r", without="instance, host"
    )
    for default in (SELECTOR, RUNBOOKS, PROCESS_LABELS):
        assert default not in mine
    assert "leadterra-exporter" not in re.sub(r"(?m)^\s*#.*|name: .*", "", mine)
    assert "https://wiki/r/LeadterraExporterDown.md" in mine
    path = tmp_path / "mine.yaml"
    path.write_text(mine, "utf-8")
    assert run("promtool", "check", "rules", "--lint=all", "--lint-fatal", path).returncode == 0


def test_a_text_that_is_not_in_the_rules_is_not_replaced_silently() -> None:
    with pytest.raises(ValueError, match="do not have the text"):
        customize("groups: []")


def test_the_script_needs_nothing_but_python() -> None:
    script = ROOT / "prometheus" / "customize.py"
    line = [sys.executable, "-I", "-S", str(script), "--operator"]
    printed = subprocess.run(line, capture_output=True, text=True, check=True, timeout=30)
    assert printed.stdout == documents.OPERATOR.read_text("utf-8")


def test_a_label_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--label", "release"])
    assert "NAME=VALUE" in capsys.readouterr().err
