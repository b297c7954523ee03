"""The alerts of prometheus/rules.yaml as Grafana-managed ones, for those who can't load rule files.

Each becomes the three nodes that Grafana's own import makes of a Prometheus rule: the query, "there is an answer", and
a threshold on that. The recording rules are written into the queries, as subqueries: nothing but the exporter's
metrics is needed.
"""

import re
from typing import Any

import yaml

from prometheus.customize import RULES

PROVISIONED = "provisioning/alerting/leadterra.yaml"
DATASOURCE_UID = "leadterra-prometheus"

_HEAD = """\
# Generated from prometheus/rules.yaml: python -m grafana.build. Only for a Grafana whose Prometheus has no rule files:
# with both, each alert comes twice. docs/dashboards.md says how to use it.
"""
_RECORDED = re.compile(r"(campaign:\w+:\w+)(\{[^}]*\})?(?:\[(\w+)\])?(?: offset (\w+))?")
_LIMIT_CLAUSE = re.compile(r"; its (?:\w+ )?(?:limit|floor) is \{\{ with .*?\{\{ end \}\}")

Rule = dict[str, Any]


def alerting() -> str:
    """Write the provisioning file."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    records = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"] if "record" in rule}
    made = [
        {
            "orgId": 1,
            "name": group["name"],
            "folder": "Leadterra",
            "interval": group.get("interval", "1m"),
            "rules": [_managed(rule, records) for rule in group["rules"] if "alert" in rule],
        }
        for group in groups
    ]
    document = {"apiVersion": 1, "groups": [group for group in made if group["rules"]]}
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def expand(expr: str, records: dict[str, str], *, within: bool = False) -> str:
    """Put what is recorded in the place of the records' names; `within` is for what stands in a window already."""

    def inner(match: re.Match[str]) -> str:
        name, matchers, window, offset = match.groups()
        recorded = expand(records[name], records, within=within or bool(window))
        if matchers:
            recorded = _narrowed(recorded, matchers[1:-1])
        back = f" offset {offset}" if offset else ""
        if window:
            return f"({recorded})[{window}:{_step(window, deep=within or '[' in recorded)}]{back}"
        return f"last_over_time(({recorded})[2m:1m]{back})" if back else f"({recorded})"

    return _RECORDED.sub(inner, expr)


def _step(window: str, *, deep: bool) -> str:
    """Give how finely a window is looked at: short ones as the rules do, windows over windows as memory allows."""
    if window in ("1h", "6h"):
        return "5m" if deep else "1m"
    return "10m" if deep else "5m"


def _narrowed(recorded: str, matchers: str) -> str:
    if recorded.count("}") != 1:
        raise ValueError(f"can't select from what is not one series selector: {recorded}")
    return recorded.replace("}", f",{matchers}}}")


def _managed(rule: Rule, records: dict[str, str]) -> Rule:
    severity = rule["labels"]["severity"]
    return {
        "uid": f"{rule['alert'].removeprefix('Leadterra')}-{severity}",
        "title": f"{rule['alert']} ({severity})",  # a title may stand but once in a folder
        "condition": "threshold",
        "data": _nodes(expand(rule["expr"], records)),
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule["for"],
        **({"keepFiringFor": rule["keep_firing_for"]} if "keep_firing_for" in rule else {}),
        "missing_series_evals_to_resolve": 1,
        "annotations": {name: _text(text) for name, text in rule["annotations"].items()},
        "labels": {**rule["labels"], "alert": rule["alert"]},
        "isPaused": False,
    }


def _text(text: str) -> str:
    """Write a template as Grafana reads it: it can't ask for the limit, and it must have no $, which is a variable."""
    text = _LIMIT_CLAUSE.sub("", text)
    return text.replace("$labels.", ".Labels.").replace("$value", ".Values.query.Value")


def _nodes(expr: str) -> list[Rule]:
    source = {"type": "prometheus", "uid": DATASOURCE_UID}
    asked = {"datasource": source, "expr": expr, "instant": True, "range": False, "refId": "query"}
    answered = "is_number($query) || is_nan($query) || is_inf($query)"
    above = [{"evaluator": {"type": "gt", "params": [0]}}]
    return [
        {
            "refId": "query",
            "relativeTimeRange": {"from": 600, "to": 0},
            "datasourceUid": DATASOURCE_UID,
            "model": asked,
        },
        _expression("prometheus_math", "math", expression=answered),
        _expression("threshold", "threshold", expression="prometheus_math", conditions=above),
    ]


def _expression(ref: str, kind: str, **model: Any) -> Rule:
    source = {"type": "__expr__", "uid": "__expr__"}
    return {
        "refId": ref,
        "queryType": kind,
        "datasourceUid": "__expr__",
        "model": {"datasource": source, "refId": ref, "type": kind, **model},
    }
