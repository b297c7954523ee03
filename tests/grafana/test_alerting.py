"""Grafana's own alerts say what Prometheus' rules say, without their recording rules."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.alerting import expand
from tests.grafana.boards import ROOT, alert_rules
from tests.rules.promtool import RULES, Scenario, check
from tests.rules.scenarios import SCENARIOS

MANAGED = alert_rules()
_PROMETHEUS = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
_ALERTS = [rule for group in _PROMETHEUS for rule in group["rules"] if "alert" in rule]


def test_there_is_one_for_each_of_prometheus() -> None:
    expected = [(rule["alert"], rule["labels"]["severity"]) for rule in _ALERTS]
    assert [(rule["labels"]["alert"], rule["labels"]["severity"]) for rule in MANAGED] == expected
    for managed, rule in zip(MANAGED, _ALERTS, strict=True):
        assert (managed["for"], managed.get("keepFiringFor")) == (rule["for"], rule.get("keep_firing_for"))
        assert managed["annotations"]["runbook_url"] == rule["annotations"]["runbook_url"]


def test_names_are_short_and_stand_once() -> None:
    for key in ("uid", "title"):
        names = [rule[key] for rule in MANAGED]
        assert len(set(names)) == len(names)
    assert max(len(rule["uid"]) for rule in MANAGED) <= 40


@pytest.mark.parametrize("rule", MANAGED, ids=lambda rule: rule["uid"])
def test_an_answer_is_an_alert(rule: dict[str, Any]) -> None:
    query, math, threshold = rule["data"]
    assert [node["refId"] for node in rule["data"]] == ["query", "prometheus_math", "threshold"]
    assert query["model"]["instant"]
    assert math["model"]["expression"] == "is_number($query) || is_nan($query) || is_inf($query)"
    assert threshold["model"]["expression"] == "prometheus_math"
    assert threshold["model"]["conditions"] == [{"evaluator": {"type": "gt", "params": [0]}}]
    assert (rule["condition"], rule["noDataState"], rule["execErrState"]) == ("threshold", "OK", "Error")
    assert rule["missing_series_evals_to_resolve"] == 1


@pytest.mark.parametrize("rule", MANAGED, ids=lambda rule: rule["uid"])
def test_it_needs_no_recording_rule_and_has_no_text_that_grafana_cannot_fill_in(rule: dict[str, Any]) -> None:
    assert "campaign:" not in rule["data"][0]["model"]["expr"]
    texts = " ".join((*rule["annotations"].values(), *rule["labels"].values()))
    assert "$" not in texts  # provisioning takes it for an environment variable
    assert "query }}" not in texts
    assert "printf" not in texts


def test_the_data_source_is_the_provisioned_one() -> None:
    folder = ROOT / "grafana" / "provisioning" / "datasources"
    (file,) = folder.iterdir()
    sources = {source["uid"]: source for source in yaml.safe_load(file.read_text("utf-8"))["datasources"]}
    asked = {node["datasourceUid"] for rule in MANAGED for node in rule["data"]} - {"__expr__"}
    assert {sources[uid]["type"] for uid in asked} == {"prometheus"}
    (source,) = (sources[uid] for uid in asked)
    assert source["jsonData"]["alertmanagerUid"] in sources
    scraped = yaml.safe_load((ROOT / "prometheus" / "prometheus.yaml").read_text("utf-8"))["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def test_a_record_is_put_in_with_its_window_its_offset_and_its_matchers() -> None:
    records = {"campaign:x:max": 'max(x{job="j"})', "campaign:x:delta1h": "delta(campaign:x:max[1h])"}
    assert expand('campaign:x:max{a="b"} > 0', records) == '(max(x{job="j",a="b"})) > 0'
    assert expand("campaign:x:delta1h offset 1d", records) == (
        'last_over_time((delta((max(x{job="j"}))[1h:1m]))[2m:1m] offset 1d)'
    )
    with pytest.raises(ValueError, match="can't select"):
        expand('campaign:s:ratio{a="b"}', {"campaign:s:ratio": "a / b"})


@pytest.fixture(scope="module")
def as_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write Grafana's expressions as Prometheus rules, with what else promtool's scenarios look at."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    expressions = iter(rule["data"][0]["model"]["expr"] for rule in MANAGED)
    for group in groups:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["expr"] = next(expressions)
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_scenarios_of_the_rules_hold_for_the_expressions(
    scenario: Scenario, as_rules: Path, tmp_path: Path
) -> None:
    assert check([scenario], as_rules, tmp_path) == ""
