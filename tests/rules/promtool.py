"""Scenarios for the alert rules, written as promtool's unit tests and run by it."""

import json
import os
import re
import subprocess
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml

from tests.process import ROOT
from tests.tools import need

Rules = dict[str, Any]
RULES = ROOT / "prometheus" / "rules.yaml"
AS_SHIPPED: Rules = yaml.safe_load(RULES.read_text("utf-8"))

JOB = "leadterra-exporter"
METRICS = {
    "enrolled": "leadterra_campaign_leads_enrolled",
    "sent": "leadterra_campaign_emails_sent",
    "delivered": "leadterra_campaign_emails_delivered",
    "bounced": "leadterra_campaign_emails_bounced",
    "replied": "leadterra_campaign_leads_replied",
    "queued": "leadterra_campaign_emails_queued",
    "open_ratio": "leadterra_campaign_open_ratio",
    "reply_ratio": "leadterra_campaign_reply_ratio",
    "up": "leadterra_campaign_up",
    "last_success": "leadterra_campaign_last_success_timestamp_seconds",
    "stale_after": "leadterra_campaign_stale_after_seconds",
    "min_bounced": "leadterra_campaign_min_emails_bounced_threshold",
    "expected": "leadterra_campaign_sending_expected",
    "configured": "leadterra_workspace_campaigns",
    "target": "up",
    "reloaded": "leadterra_exporter_config_last_reload_successful",
}
QUALIFIED = {
    "bounce": ("leadterra_campaign_bounce_ratio_threshold", "severity"),
    "queue": ("leadterra_campaign_emails_queued_threshold", "severity"),
    "drain": ("leadterra_campaign_queue_drain_seconds_threshold", "severity"),
    "stalled": ("leadterra_campaign_queue_stalled_seconds_threshold", "severity"),
    "reply": ("leadterra_campaign_reply_ratio_threshold", "severity"),
    "error": ("leadterra_campaign_error", "reason"),
    "polls": ("leadterra_polls_total", "result"),
    "requests": ("leadterra_api_requests_total", "code"),
    "accounts": ("leadterra_sender_accounts", "status"),
    "capacity": ("leadterra_sender_pool_daily_capacity_emails", "pool_id"),
    "source": ("leadterra_campaign_source_up", "source"),
}
"""Short names of metrics; those that are qualified have a label's value after `_`, as in `bounce_warning`."""
DEFAULTS = {"bounce_warning": "0.03", "bounce_critical": "0.05", "stalled_warning": "172800", "min_bounced": "5"}
DEFAULTS |= {"up": "1", "expected": "1", "stale_after": "300"}

Series = dict[str, str]
Who = str
"""What fires, in one line: who, the alert's name without its prefix, its severity.

Who is a campaign of workspace acme (`c1`), of another one (`globex/c1`), a workspace (`acme/`), or nobody.
"""
Spans = str
"""From when till when it fires: `16m-50m`, `26h-`, `1h-2h 5h-`."""


class Notice(NamedTuple):
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
    at: str = ""
    firing: Mapping[Who, Spans] = field(default_factory=dict)
    notices: Mapping[str, Sequence[Notice]] = field(default_factory=dict)
    silent: Sequence[str] = ()
    """Alerts that fire nowhere in it, and whose silence is the case."""
    once: Sequence[Who] = ()
    """Those of `firing` that are never interrupted, not even between two of the times `at`."""

    @property
    def steps(self) -> int:
        """Return how many evaluations it takes."""
        return max(map(_minutes, (*self.at.split(), *self.notices))) // _minutes(self.step)

    @property
    def alerts(self) -> set[str]:
        """Name the alerts that it is about."""
        sent = {notice.alert for notices in self.notices.values() for notice in notices}
        return sent | {_alert(who) for who in self.firing} | set(self.silent)

    def about(self, alerts: Container[str]) -> "Scenario":
        """Return the same scenario for rules that have only these alerts."""
        firing = {who: spans for who, spans in self.firing.items() if _alert(who) in alerts}
        notices = {at: [each for each in sent if each.alert in alerts] for at, sent in self.notices.items()}
        once = [who for who in self.once if _alert(who) in alerts]
        return replace(self, firing=firing, notices=notices, once=once)


def _alert(who: Who) -> str:
    return f"Leadterra{who.split()[-2]}"


def series(metric: str, values: str, **labels: str) -> Series:
    """Write one series; `values` are promtool's notation, and `5x*` is 5 for as long as the scenario takes."""
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"{metric}{{{inner}}}", "values": values}


def target(values: str = "1x*", **labels: str) -> Series:
    """Write the `up` of one scraped exporter."""
    return series("up", values, **{"job": JOB, "instance": "a:10421", **labels})


def bare(who: str, labels: Mapping[str, str] | None = None, /, **values: str) -> list[Series]:
    """Write the series of a campaign or, of `acme/`, of a workspace, without limits.

    `values` are promtool's notation by short name; a bare number holds throughout, and "" leaves one out.
    """
    workspace, _, case = who.rpartition("/")
    identity = {"job": JOB, "instance": "a:10421", "workspace": workspace or "acme"}
    identity |= {"campaign_id": case, "campaign": case.title()} if case else {}
    found = ((*named(short), value if re.search(r"[x\s]", value) else f"{value}x*") for short, value in values.items())
    return [
        series(metric, value, **identity | dict(labels or {}) | own) for metric, own, value in found if value != "x*"
    ]


def campaign(who: str, labels: Mapping[str, str] | None = None, /, **values: str) -> list[Series]:
    """Write the series of a campaign with the exporter's default limits."""
    return bare(who, labels, **(DEFAULTS | values))


def named(short: str) -> tuple[str, dict[str, str]]:
    """Return the metric that a short name stands for, and its own label."""
    if short in METRICS:
        return METRICS[short], {}
    kind, _, qualifier = short.partition("_")
    metric, label = QUALIFIED[kind]
    return metric, {label: qualifier}


def scenario(  # noqa: PLR0913 - a table needs all its columns
    name: str,
    step: str,
    at: str = "",
    cases: str = "",
    *,
    shown: Sequence[Series] = (),
    defaults: Mapping[str, str] = DEFAULTS,
    **more: Any,
) -> Scenario:
    """Return a scenario from a table of cases, each with what is shown of it and what fires about it.

    A case is `who: short=values, short=values -> Alert severity spans`, where `Campaign` is left out of a campaign's
    alerts. `c1@b` is what instance b shows, `c{0..2}` are three of a kind. Whose series are in `shown` is a case
    without figures. Where there is no `up` in `shown`, one exporter is always there.
    """
    series, firing = list(shown), dict[Who, Spans]()
    if not any(each["series"].startswith("up{") for each in shown):
        series.append(target())
    for line in filter(None, map(str.strip, cases.splitlines())):
        left, _, alerts = line.partition("->")
        head, _, values = left.partition(": ")
        who, _, instance = head.strip().partition("@")
        figures = dict(each.strip().split("=") for each in values.split(",") if each.strip())
        for one in _each(who):
            labels = {"instance": f"{instance}:10421"} if instance else {}
            own = {} if one.endswith("/") else dict(defaults)
            series += bare(one, labels, **(own | figures)) if figures else []
            firing |= {f"{one} {alert}".strip(): spans for alert, spans in _firing(alerts, one).items()}
    return Scenario(name, step, series, at, firing, **more)


def _each(who: str) -> Iterator[str]:
    """Write out a range like `c{0..2}`."""
    before, several, rest = who.partition("{0..")
    last, _, after = rest.partition("}")
    yield from (f"{before}{number}{after}" for number in range(int(last) + 1)) if several else [who]


def _firing(text: str, who: Who) -> dict[str, Spans]:
    """Read `BounceSpike critical 10m-1h` and the like: the spans by alert and severity."""
    alert = severity = ""
    found: dict[str, Spans] = {}
    for word in text.split():
        if word in ("info", "warning", "critical"):
            severity = word
        elif word[0].isupper():
            alert = f"Campaign{word}" if who and not who.endswith("/") else word
        else:
            found[f"{alert} {severity}"] = f"{found.get(f'{alert} {severity}', '')} {word}".strip()
    return found


def _test(scenario: Scenario, rules: Rules) -> dict[str, Any]:
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    fixed = {(alert["alert"], alert["labels"]["severity"]): alert["annotations"] for alert in alerts}
    all_finite = 'count({__name__=~".+:.+"}) != count({__name__=~".+:.+"} < Inf)'
    return {
        "name": scenario.name,
        "interval": scenario.step,
        "input_series": [
            {**each, "values": each["values"].replace("x*", f"x{scenario.steps}")} for each in scenario.series
        ],
        "promql_expr_test": [
            *(_query(time, scenario.firing) for time in scenario.at.split()),
            *({"expr": all_finite, "eval_time": time, "exp_samples": []} for time in scenario.at.split()),
            *(_uninterrupted(who, scenario.at.split()[-1]) for who in scenario.once),
        ],
        "alert_rule_test": [
            {
                "eval_time": time,
                "alertname": alert,
                "exp_alerts": [
                    {
                        "exp_labels": each.labels,
                        "exp_annotations": fixed[alert, each.labels["severity"]] | {"description": each.description},
                    }
                    for each in notices
                    if each.alert == alert
                ],
            }
            for time, notices in scenario.notices.items()
            for alert in dict.fromkeys(notice.alert for notice in notices)
        ],
    }


def _query(time: str, firing: Mapping[Who, Spans]) -> dict[str, Any]:
    expr = 'count by (workspace, campaign_id, alertname, severity) (ALERTS{alertstate="firing"})'
    samples = [_sample(who) for who, spans in firing.items() if _within(time, spans)]
    return {"expr": expr, "eval_time": time, "exp_samples": samples}


def _uninterrupted(who: Who, end: str) -> dict[str, Any]:
    """Ask that what fires at the end has never begun anew: Prometheus records since when an alert is active."""
    expr = f"count(changes(ALERTS_FOR_STATE{_sample(who)['labels']}[30d]) == 0)"
    return {"expr": expr, "eval_time": end, "exp_samples": [{"labels": "{}", "value": 1}]}


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


def check(scenario: Scenario, rules: Rules = AS_SHIPPED) -> str:
    """Run a scenario against rules; return promtool's complaint, "" if it holds."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        document = {
            "rule_files": ["rules.json"],
            "evaluation_interval": scenario.step,
            "group_eval_order": [group["name"] for group in rules["groups"]],
            "tests": [_test(scenario, rules)],
        }
        for file, content in (("rules.json", rules), ("scenario.json", document)):  # JSON is YAML, and soon written
            (folder / file).write_text(json.dumps(content), "utf-8")
        environment = {**os.environ, "GOMAXPROCS": "1", "GOGC": "400"}  # it needs a fifth less time
        command = [need("promtool"), "test", "rules", str(folder / "scenario.json")]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr
