"""The alert rules: what fires, on what they rest, how they are handed out, and the programs that judge them."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from exporter.config.times import parse_duration
from exporter.web.evaluation import surely
from prometheus.customize import PROCESS_LABELS, RUNBOOKS, SELECTOR, customize, for_operator, main
from tests.process import ROOT
from tests.rules.documents import Rule, alerts, rules, selectors, strangers
from tests.rules.mutate import judge, mutants, survives
from tests.rules.promtool import AS_SHIPPED, RULES, Scenario, check
from tests.rules.scenarios import SCENARIOS
from tests.rules.simulate import alerted_after, plain, row, surely_above, table
from tests.tools import succeed

LONG, LARGE = 100, 9_000
"""Evaluations, and samples, above which a scenario is slow."""


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if is_slow else [])
        for each in SCENARIOS
        for is_slow in [each.steps > LONG or each.steps * len(each.series) > LARGE]
    ],
)
def test_exactly_what_should_fires(scenario: Scenario) -> None:
    assert check(scenario) == ""


def test_pint_finds_nothing() -> None:
    config = Path(__file__).with_name("pint.hcl")
    linted = succeed("pint", "--offline", "-c", config, "lint", "--min-severity=info", RULES)
    assert not re.search("(?m)^(Bug|Warning|Information|Fatal)", linted)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_each_alert_has_a_firing_and_a_silent_case_reads_well_and_outlives_an_outage(alert: Rule) -> None:
    name, severity = alert["alert"], alert["labels"]["severity"]
    line = f"{name.removeprefix('Leadterra')} {severity}"
    spans = [
        (each.at.split()[0], spans) for each in SCENARIOS for who, spans in each.firing.items() if who.endswith(line)
    ]
    assert any(not fires.startswith(f"{first}-") for first, fires in spans)
    assert re.fullmatch(r"[A-Z][^{]+\.", alert["annotations"]["summary"])
    assert len(name) <= 40
    # labels are aggregated away by name, never kept by name
    assert not re.search(r"by \([^)]*campaign_id", alert["expr"])
    if re.match("LeadterraCampaign(?!s|Source|StatsStale)", name):
        labels = f'alertname="{name}",severity="{severity}"'
        held = f"or max without (alertname, severity) (alert:leadterra_alerts:held_since{{{labels}}}) > 0"
        assert alert["expr"].endswith(held)


def test_what_takes_turns_fits() -> None:
    """An evaluation finds what the one before left, and each `for` is a whole number of evaluations."""
    for group in AS_SHIPPED["groups"]:
        seconds = parse_duration(group["interval"]) or 0
        assert 8 * 60 > seconds > 8 * 60 / 4
        for rule in group["rules"]:
            assert (parse_duration(rule.get("for", "0s")) or 0) % seconds == 0
            if rule.get("record") == "campaign:leadterra_campaign_queue_stalled_seconds:sum":
                assert f"{seconds:.0f} * max" in rule["expr"]


def test_rules_use_only_what_is_exported_and_select_it_by_its_job() -> None:
    for rule in rules():
        assert strangers(rule["expr"]) == set(), rule
        for selector in selectors(rule["expr"]):
            assert ":" in selector.name or any(each.name == "job" for each in selector.matchers.matchers), rule
    expr = 'max by (colour) (leadterra_campaign_mails{job="x"}) > ignoring (taste) up{workspace="acme"} + up'
    assert strangers(expr) == {"leadterra_campaign_mails", "colour", "taste", "workspace"}


def test_what_texts_query_is_exported_or_recorded() -> None:
    texts = " ".join(alert["annotations"]["description"] for alert in alerts())
    queried = re.findall(r'printf "([^"]+)" \$labels', texts)
    assert len(queried) > 20
    for expr in queried:
        assert strangers(expr.replace("%q", "'x'")) == set()


def test_the_operators_resource_has_the_same_groups() -> None:
    resource = yaml.safe_load(for_operator(RULES.read_text("utf-8"), ["release=kps", "team=mail"]))
    assert (resource["apiVersion"], resource["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert resource["metadata"] == {"name": "leadterra-exporter", "labels": {"release": "kps", "team": "mail"}}
    assert resource["spec"] == AS_SHIPPED


def test_selector_runbooks_and_process_labels_change_everywhere_and_promtool_finds_nothing(tmp_path: Path) -> None:
    mine = customize(
        RULES.read_text("utf-8"), selector='job="mail",env="prod"', runbooks="https://wiki/r", without="instance, host"
    )
    for default in (SELECTOR, RUNBOOKS, PROCESS_LABELS):
        assert default not in mine
    assert "leadterra-exporter" not in re.sub(r"(?m)^\s*#.*|name: .*", "", mine)
    assert "https://wiki/r/LeadterraExporterDown.md" in mine
    path = tmp_path / "mine.yaml"
    path.write_text(mine, "utf-8")
    succeed("promtool", "check", "rules", "--lint=all", "--lint-fatal", path, RULES, RULES.with_name("watchdog.yaml"))


def test_the_script_needs_nothing_but_python_and_refuses_what_it_cannot_do(capsys: pytest.CaptureFixture[str]) -> None:
    line = [sys.executable, "-I", "-S", str(ROOT / "prometheus" / "customize.py"), "--operator"]
    printed = subprocess.run(line, capture_output=True, text=True, check=True, timeout=30)
    assert printed.stdout == RULES.with_name("prometheusrule.yaml").read_text("utf-8")
    with pytest.raises(ValueError, match="do not have the text"):
        customize("groups: []")
    with pytest.raises(SystemExit):
        main(["--label", "release"])
    assert "NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bounced", "sent", "limit", "fires"),
    [(6, 52, 0.05, True), (5, 52, 0.05, False), (3, 52, 0.03, False), (30, 30, 0.05, True), (4, 4, 0.05, False)],
)
def test_surely_above(bounced: int, sent: int, limit: float, *, fires: bool) -> None:
    """Wilson's interval ends, by its definition, where the ratio is 1.645 standard errors below what was seen."""
    end = surely(bounced, sent)
    assert (bounced / sent - end) / (end * (1 - end) / sent) ** 0.5 == pytest.approx(1.645)
    assert surely_above(bounced, sent, limit) == (sent if fires else None)


def test_the_plain_rule_waits_for_fifty_emails() -> None:
    assert [alerted_after(bounces, plain, 0.03) for bounces in ([1, 2], [1], [1, 200])] == [50, None, None]
    assert row(0.5, 20)[1:] == ["50 emails", "50 emails", "9 emails", "9 emails"]


@pytest.mark.slow
def test_the_page_has_the_table() -> None:
    assert table() in (ROOT / "docs" / "alerts.md").read_text("utf-8"), "python -m tests.rules.simulate prints it"


def test_a_noticed_mutant_is_dead_and_one_that_nobody_looks_at_survives() -> None:
    mutant = next(each for each in mutants() if each.name == "LeadterraCampaignQueueBacklog warning: for 0")
    backlog = [scenario for scenario in SCENARIOS if scenario.name == "queue against its limit"]
    assert not survives(mutant, backlog, Counter())
    assert survives(mutant, [], Counter())


def test_survivors_and_entries_that_are_untrue_are_wrong() -> None:
    survived = {"a: 1": False, "a: 2": True, "a: 3": None, "b: 1": False, "b: 2": True, "b: 3": None}
    wrong = ["survived: a: 2", "named equivalent, but killed: b: 1", "matches no mutant: b"]
    assert judge(survived, {"b: .": "a reason", "b": "a reason"}) == wrong
