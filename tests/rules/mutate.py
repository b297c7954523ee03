"""Mutation testing of the alert rules: spoil one thing at a time, and see that a scenario notices.

`python -m tests.rules.mutate` prints killed/total and each survivor; its exit status is 1 if one is not explained in
EQUIVALENT, or is explained and killed.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from tests.rules.promtool import RULES, Scenario, check
from tests.rules.scenarios import SCENARIOS

_EXTRAPOLATED = "delta() extrapolates, so that its result meets a round number only by chance."
EQUIVALENT: dict[str, str] = {
    "LeadterraCampaignBounceSpike critical: comparison 1 >= -> >": _EXTRAPOLATED,
    "LeadterraCampaignBounceSpike critical: comparison 5 >= -> >": _EXTRAPOLATED,
    "LeadterraCampaignQueueDrainSlow warning: comparison 1 > -> >=": _EXTRAPOLATED,
}
"""Mutants that no scenario can tell from the rules, by name, each with the reason."""

_FLIPPED = {">": "<=", ">=": "<", "<": ">=", "==": "!="}
_BOUNDARY = {">": ">=", ">=": ">", "<": "<="}
_COMPARISON = re.compile(r" (>=|==|>|<) ")
_TO_A_NUMBER = re.compile(r" (?:>=|==|>|<) [\d.]+")
_THRESHOLD = re.compile(r'campaign:\w+_threshold:(?:max|min)\{severity="(\w+)"\}')
_DEFAULTS = {"bounce_ratio": {"warning": "0.03", "critical": "0.05"}, "queue_drain_seconds": {"warning": "259200"}}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """Rules with one thing spoilt; `touched` are the alerts that can notice, and all that the rules have."""

    name: str
    rules: dict[str, Any]
    touched: frozenset[str]


def mutants(rules: dict[str, Any]) -> Iterator[Mutant]:
    """Spoil each thing in turn."""
    for rule in _all_rules(rules):
        touched = _dependents(rules, rule)
        for what, spoilt in _spoil(rule):
            yield Mutant(f"{_name(rule)}: {what}", _only(touched, rules, {id(rule): spoilt}), touched)
    yield from _everywhere(rules)


def _all_rules(rules: dict[str, Any]) -> list[Rule]:
    return [rule for group in rules["groups"] for rule in group["rules"]]


def _only(alerts: frozenset[str], rules: dict[str, Any], spoilt: Mapping[int, Rule]) -> dict[str, Any]:
    """Leave out what these alerts do not need, which makes a run five times as fast."""
    groups = [
        {**group, "rules": [spoilt.get(id(rule), rule) for rule in group["rules"] if _dependents(rules, rule) & alerts]}
        for group in rules["groups"]
    ]
    return {"groups": [group for group in groups if group["rules"]]}


def _name(rule: Rule) -> str:
    return f"{rule['alert']} {rule['labels']['severity']}" if "alert" in rule else str(rule["record"])


def _dependents(rules: dict[str, Any], rule: Rule) -> frozenset[str]:
    if "alert" in rule:
        return frozenset({rule["alert"]})
    users = [each for each in _all_rules(rules) if re.search(rf"{rule['record']}\b", each["expr"])]
    return frozenset().union(*(_dependents(rules, user) for user in users))


def _everywhere(rules: dict[str, Any]) -> Iterator[Mutant]:
    text = yaml.safe_dump(rules, sort_keys=False, width=10_000)
    alerts = frozenset(rule["alert"] for rule in _all_rules(rules) if "alert" in rule)
    listed = "instance, pod, container, endpoint, node"
    for label in listed.split(", "):
        fewer = ", ".join(each for each in listed.split(", ") if each != label)
        yield Mutant(f"every rule: {label} kept", yaml.safe_load(text.replace(listed, fewer)), alerts)
    named = text.replace(f"without ({listed})", "by (job, workspace, campaign_id, campaign, severity, reason)")
    yield Mutant("every rule: labels named instead", yaml.safe_load(named), alerts)


def _spoil(rule: Rule) -> Iterator[tuple[str, Rule]]:
    for key in ("for", "keep_firing_for"):
        if key in rule:
            yield f"{key} 0", {**rule, key: "0s"}
    expr = str(rule["expr"])
    for what, spoilt in _spoil_expr(expr):
        promql_parser.parse(spoilt)  # a mutant that is no PromQL would be killed by anything
        yield what, {**rule, "expr": spoilt}


def _spoil_expr(expr: str) -> Iterator[tuple[str, str]]:
    yield from _comparisons(expr)
    yield from _operands(expr)
    yield from _swaps(expr)
    yield from _limits(expr)
    if re.search("_threshold{|last_success_|stale_after_", expr) and (
        aggregated := re.match("(max|min) without", expr)
    ):
        other = {"max": "min", "min": "max"}[aggregated[1]]
        yield f"{aggregated[1]} -> {other}", other + expr[3:]


def _comparisons(expr: str) -> Iterator[tuple[str, str]]:
    for nth, match in enumerate(_COMPARISON.finditer(expr), 1):
        for other in filter(None, (_FLIPPED[match[1]], _BOUNDARY.get(match[1]))):
            yield f"comparison {nth} {match[1]} -> {other}", f"{expr[: match.start(1)]}{other}{expr[match.end(1) :]}"
    for match in _TO_A_NUMBER.finditer(expr):
        nth = len(_COMPARISON.findall(expr[: match.end()]))
        yield f"comparison {nth}{match[0]} dropped", expr[: match.start()] + expr[match.end() :]


def _operands(expr: str) -> Iterator[tuple[str, str]]:
    """Leave out each operand of the set operators that stand outside parentheses."""
    parts = _split(expr)
    for index in range(2, len(parts), 2):
        yield f"operand {index // 2} of '{parts[index - 1]}' dropped", " ".join(parts[: index - 1] + parts[index + 1 :])
    if len(parts) > 1 and parts[1] == "or":
        yield "first operand of 'or' dropped", " ".join(parts[2:])


def _split(expr: str) -> list[str]:
    parts, depth = [""], 0
    for word in expr.split():
        depth += word.count("(") - word.count(")")
        if depth == 0 and word in ("and", "or", "unless"):
            parts += [word, ""]
        else:
            parts[-1] = f"{parts[-1]} {word}".strip()
    return parts


def _swaps(expr: str) -> Iterator[tuple[str, str]]:
    for old, new in (
        ("delta(", "increase("),
        ("without (instance, ", "without ("),
        ("ignoring (severity) ", ""),
        ("ignoring (severity)", "on (workspace, campaign_id)"),
        ("group_left", ""),
        (" offset 1d", ""),
        ("- campaign:leadterra_campaign_emails_bounced:max", ""),
    ):
        for match in re.finditer(rf"(?<!\w){re.escape(old)}", expr):
            nth = expr[: match.start()].count(old) + 1
            yield (
                f"{nth}. {old.strip()} -> {new.strip() or 'nothing'}",
                expr[: match.start()] + new + expr[match.end() :],
            )
    for matcher in re.findall(r'(?:reason|code)=~?"[^"]+"', expr):
        yield f"{matcher} dropped", re.sub(rf",?{re.escape(matcher)}", "", expr)


def _limits(expr: str) -> Iterator[tuple[str, str]]:
    for nth, match in enumerate(_THRESHOLD.finditer(expr), 1):
        before, after = expr[: match.start()], expr[match.end() :]
        severity = match[1]
        other = "critical" if severity == "warning" else "warning"
        yield f"limit {nth} of another severity", before + match[0].replace(severity, other) + after
        yield f"limit {nth} of any severity", before + match[0].replace(f'{{severity="{severity}"}}', "") + after
        default = next((by[severity] for figure, by in _DEFAULTS.items() if figure in match[0]), "1000")
        yield f"limit {nth} written into the rule", before.replace("ignoring (severity) ", "") + default + after


def survives(mutant: Mutant, scenarios: Sequence[Scenario]) -> bool:
    """Tell whether all scenarios in which a touched alert fires hold for the mutant as for the rules."""
    with tempfile.TemporaryDirectory() as name:
        rules = Path(name) / "rules.yaml"
        rules.write_text(yaml.safe_dump(mutant.rules, sort_keys=False, width=10_000), "utf-8")
        relevant = (each.about(mutant.touched) for each in scenarios if each.alerts & mutant.touched)
        return not any(check([each], rules, Path(name)) for each in relevant)


def quickest_first(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Order scenarios by the time they take, so that most mutants die young; the rules as they are pass them all."""

    def seconds(scenario: Scenario) -> float:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            complaint = check([scenario], RULES, Path(name))
        if complaint:
            raise SystemExit(f"the rules fail before anything is spoilt:\n{complaint}")
        return time.monotonic() - began

    return sorted(scenarios, key=seconds)


def report(outcomes: Mapping[str, bool], equivalent: Mapping[str, str]) -> tuple[list[str], bool]:
    """Say what was killed and what was not (`outcomes` has True for a survivor), and whether all is as it should be."""
    alive = [name for name, survived in outcomes.items() if survived]
    lines = [f"equivalent: {name}: {equivalent[name]}" for name in alive if name in equivalent]
    wrong = [f"survived: {name}" for name in alive if name not in equivalent]
    wrong += [f"listed as equivalent, but killed or gone: {name}" for name in equivalent if not outcomes.get(name)]
    killed = len(outcomes) - len(alive)
    return [*lines, *wrong, f"{killed}/{len(outcomes)} mutants killed, {len(lines)} equivalent"], not wrong


def main() -> int:
    """Run all mutants, or those whose name contains the first argument."""
    began, wanted = time.monotonic(), "".join(sys.argv[1:2])
    chosen = [mutant for mutant in mutants(yaml.safe_load(RULES.read_text("utf-8"))) if wanted in mutant.name]
    scenarios = quickest_first(SCENARIOS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        survived = pool.map(lambda mutant: survives(mutant, scenarios), chosen)
        outcomes = dict(zip((mutant.name for mutant in chosen), survived, strict=True))
    equivalent = {name: reason for name, reason in EQUIVALENT.items() if wanted in name}
    lines, right = report(outcomes, equivalent)
    print(*lines, f"{time.monotonic() - began:.0f} s", sep="\n")  # noqa: T201  # a program's output
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
