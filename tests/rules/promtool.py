"""Scenarios for the alert rules, written as promtool's unit tests and run by it."""

import re
import subprocess
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.tools import need

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "prometheus" / "rules.yaml"

JOB = "leadterra-exporter"
METRICS = {
    "sent": "leadterra_campaign_emails_sent",
    "delivered": "leadterra_campaign_emails_delivered",
    "bounced": "leadterra_campaign_emails_bounced",
    "replied": "leadterra_campaign_leads_replied",
    "queued": "leadterra_campaign_emails_queued",
    "up": "leadterra_campaign_up",
    "last_success": "leadterra_campaign_last_success_timestamp_seconds",
    "stale_after": "leadterra_campaign_stale_after_seconds",
    "min_sent": "leadterra_campaign_min_emails_sent_threshold",
}
LIMITS = {
    "bounce": "leadterra_campaign_bounce_ratio_threshold",
    "queue": "leadterra_campaign_emails_queued_threshold",
    "drain": "leadterra_campaign_queue_drain_seconds_threshold",
    "reply": "leadterra_campaign_reply_ratio_threshold",
}
DEFAULTS = {"bounce_warning": "0.03", "bounce_critical": "0.05", "drain_warning": "259200", "min_sent": "50"}

Series = dict[str, str]
Who = str
"""What fires, in one line: who, the alert's name without its prefix, its severity.

Who is a campaign of workspace acme (`c1`), of another one (`globex/c1`), a workspace (`acme/`), or nobody.
"""
Spans = str
"""From when till when it fires: `16m-50m`, `26h-`, `1h-2h 5h-`."""


@dataclass(frozen=True)
class Notice:
    """One alert with all that Alertmanager would be sent; its fixed annotations are those of the rules."""

    alert: str
    labels: dict[str, str]
    description: str


@dataclass(frozen=True)
class Scenario:
    """Input series, and what fires when: at each of the times `at`, exactly that and nothing else."""

    name: str
    step: str
    series: Sequence[Series]
    at: str
    firing: Mapping[Who, Spans] = field(default_factory=dict)
    notices: Mapping[str, Sequence[Notice]] = field(default_factory=dict)
    silent: Sequence[str] = ()
    """Alerts that fire nowhere in it, and whose silence is the case."""

    @property
    def alerts(self) -> set[str]:
        """Name the alerts that it is about."""
        sent = {notice.alert for notices in self.notices.values() for notice in notices}
        return sent | {_alert(who) for who in self.firing} | set(self.silent)

    def about(self, alerts: Container[str]) -> "Scenario":
        """Give the same scenario for rules that have only these alerts."""
        firing = {who: spans for who, spans in self.firing.items() if _alert(who) in alerts}
        notices = {at: [each for each in sent if each.alert in alerts] for at, sent in self.notices.items()}
        return replace(self, firing=firing, notices=notices)


def _alert(who: Who) -> str:
    return f"Leadterra{who.split()[-2]}"


def series(metric: str, values: str, **labels: str) -> Series:
    """Write one series; `values` are promtool's notation."""
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{inner}}}", "values": values}


def target(values: str = "1x2000", **labels: str) -> Series:
    """Write the `up` of one scraped exporter."""
    return series("up", values, **{"job": JOB, "instance": "a:10421", **labels})


def campaign(case: str, labels: Mapping[str, str] | None = None, /, **values: str) -> list[Series]:
    """Write the series of the campaign whose id is `case`, with the exporter's default limits; "" leaves one out."""
    return bare(case, labels, **(DEFAULTS | values))


def bare(case: str, labels: Mapping[str, str] | None = None, /, **values: str) -> list[Series]:
    """Write the series of the campaign whose id is `case`, without limits.

    `values` are promtool's notation by short name: those of METRICS, a limit as `bounce_warning`, an error by its
    reason as `error_timeout`. A bare number holds throughout.
    """
    identity = {"job": JOB, "instance": "a:10421", "workspace": "acme", "campaign_id": case, "campaign": case.title()}
    identity |= dict(labels or {})
    return [_figure(short, value, identity) for short, value in values.items() if value]


def _figure(short: str, value: str, identity: Mapping[str, str]) -> Series:
    value = value if re.search(r"[x\s]", value) else f"{value}x2000"
    if short in METRICS:
        return series(METRICS[short], value, **identity)
    kind, _, qualifier = short.partition("_")
    if kind == "error":
        return series("leadterra_campaign_error", value, **identity, reason=qualifier)
    return series(LIMITS[kind], value, **identity, severity=qualifier)


def document(scenarios: Iterable[Scenario], rules: Path) -> dict[str, Any]:
    """Give promtool's test file for scenarios of one step."""
    loaded = yaml.safe_load(rules.read_text("utf-8"))
    scenarios = list(scenarios)
    (step,) = {scenario.step for scenario in scenarios}
    return {
        "rule_files": [str(rules)],
        "evaluation_interval": step,
        "group_eval_order": [group["name"] for group in loaded["groups"]],
        "tests": [_test(scenario, _annotations(loaded)) for scenario in scenarios],
    }


def _annotations(loaded: Any) -> dict[tuple[str, str], dict[str, str]]:
    rules = [rule for group in loaded["groups"] for rule in group["rules"] if "alert" in rule]
    return {(rule["alert"], rule["labels"]["severity"]): rule["annotations"] for rule in rules}


def _test(scenario: Scenario, annotations: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "interval": scenario.step,
        "input_series": list(scenario.series),
        "promql_expr_test": [
            query for time in scenario.at.split() for query in (_query(time, scenario.firing), _all_finite(time))
        ],
        "alert_rule_test": [
            {
                "eval_time": time,
                "alertname": alert,
                "exp_alerts": [_expected(notice, annotations) for notice in notices if notice.alert == alert],
            }
            for time, notices in scenario.notices.items()
            for alert in dict.fromkeys(notice.alert for notice in notices)
        ],
    }


def _query(time: str, firing: Mapping[Who, Spans]) -> dict[str, Any]:
    expr = 'count by (workspace, campaign_id, alertname, severity) (ALERTS{alertstate="firing"})'
    samples = [_sample(who) for who, spans in firing.items() if _within(time, spans)]
    return {"expr": expr, "eval_time": time, "exp_samples": samples}


def _all_finite(time: str) -> dict[str, Any]:
    recorded = '{__name__=~"campaign:.+"}'
    return {"expr": f"count({recorded}) != count({recorded} < Inf)", "eval_time": time, "exp_samples": []}


def _within(time: str, spans: Spans) -> bool:
    since_until = (span.split("-") for span in spans.split())
    return any(_minutes(since) <= _minutes(time) < _minutes(until or "9999h") for since, until in since_until)


def _minutes(time: str) -> int:
    return sum(int(number) * {"h": 60, "m": 1}[unit] for number, unit in re.findall(r"(\d+)([hm])", time))


def _sample(line: Who) -> dict[str, Any]:
    *who, _, severity = line.split()
    labels = {"alertname": _alert(line), "severity": severity}
    if who:
        workspace, _, case = who[0].rpartition("/")
        labels |= {"workspace": workspace or "acme", "campaign_id": case}
    inner = ", ".join(f'{name}="{value}"' for name, value in labels.items() if value)
    return {"labels": f"{{{inner}}}", "value": 1}


def _expected(notice: Notice, annotations: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, Any]:
    fixed = annotations[notice.alert, notice.labels["severity"]]
    return {"exp_labels": notice.labels, "exp_annotations": fixed | {"description": notice.description}}


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program by name and give what it printed."""
    line = [need(str(arguments[0])), *map(str, arguments[1:])]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)


def check(scenarios: Iterable[Scenario], rules: Path, directory: Path) -> str:
    """Run scenarios against a rules file; give promtool's complaint, "" if all hold."""
    path = directory / "scenarios.json"
    path.write_text(yaml.safe_dump(document(scenarios, rules), sort_keys=False, allow_unicode=True), "utf-8")
    ended = run("promtool", "test", "rules", path)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr
