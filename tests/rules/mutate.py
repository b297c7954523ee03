"""Mutation testing of the alert rules: spoil one thing at a time, and see that a scenario notices.

`python -m tests.rules.mutate` prints each mutant that survives, and what is wrong with EQUIVALENT; its exit status is 0
if nothing is. Mutants of EQUIVALENT are run with `--named` only.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import promql_parser
import yaml

from tests.rules.documents import nodes
from tests.rules.documents import rules as all_rules
from tests.rules.promtool import AS_SHIPPED, Scenario, check
from tests.rules.scenarios import SCENARIOS

LONGEST = 400
"""Evaluations of a scenario that is tried; two weeks of them would take as long as all others."""

_FLIPPED = {">": "<=", ">=": "<", "<": ">=", "==": "!="}
_BOUNDARY = {">": ">=", ">=": ">", "<": "<="}
_MATCHER = r'(?:severity|reason|code|result|status|alertname|alertstate)[=!]~?"[^"]+"'
_RANGES = {"8m": "1m", "10m": "1h", "15m": "1m", "45m": "1m", "1h": "6h", "6h": "1h", "1d": "6h", "3d": "1d"}
_NUMBER = r"(?<![\w.\"[{])\d+(?:\.\d+)?(?![\w.\"])"
_SWAPS = {
    "max_over_time": "min_over_time",
    "min_over_time": "max_over_time",
    "clamp_min": "clamp_max",
    "max without": "min without",
    "min without": "max without",
    "max by": "min by",
    "min by": "max by",
    "without (instance, ": "without (",
    "<= bool": "> bool",
    "ignoring (severity) ": "",
    "ignoring (severity)": "on (workspace, campaign_id)",
    "increase(": "delta(",
}

EQUIVALENT = {
    r"campaign:\w+_(emails_sent:rise6h: right of 1|emails_queued:max: right of 1|emails_sent:draining: right of 2"
    r"|replied_per_delivered:ratio: right of 2). 'and' dropped": "nobody reads the series that it saves",
    r"LeadterraC\w+Bounce.+: 1. > -> >=|LeadterraW.+: 2. > -> >=": "no Wilson bound is a limit",
    r".+(unseen_since|RatioHigh critical): 1. max without -> min without": "each group is one series",
    r".+RatioHigh critical: (3. > -> >=|2. > 0 -> nothing|2. 0 -> 1)": "a time is above 1; pint wants a condition",
    r"LeadterraCampaignStatsStale warning: 2. max without -> min without": "who is up for one has a last success",
    r"LeadterraAPIRateLimited warning: 1. 0 -> 1": "increase() extrapolates: of one request it is more than 1",
    r"LeadterraExporterShardMissing critical: 1. max without -> min without": "where totals differ, the rest fires",
}
"""Mutants that no scenario can notice, by a pattern of their whole names, and why."""

_HELD, _ALSO_HELD = " or max without (alertname, severity)", "LeadterraCampaignBounceRatioHigh critical"
"""How the last line of most alerts begins, which a test holds word for word, and where it is spoilt."""

Rule = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """Rules with one thing spoilt; `touched` are the alerts that can notice."""

    name: str
    rules: dict[str, Any]
    touched: frozenset[str]


def mutants() -> Iterator[Mutant]:
    """Spoil each thing in turn."""
    for rule in all_rules():
        for what, spoilt in _spoil(rule):
            touched = _ALERTS if "alertname" in what else _TOUCHED[_name(rule)]  # without it, any other is read
            rules = _each_rule(AS_SHIPPED, partial(_swap, rule, spoilt))
            yield Mutant(f"{_name(rule)}: {what}", rules, touched)
    yield from _everywhere()


def _swap(rule: Rule, spoilt: Rule, each: Rule) -> Rule:
    return spoilt if each is rule else each


def _each_rule(rules: dict[str, Any], change: Callable[[Rule], Rule | None]) -> dict[str, Any]:
    """Return the rules with each one changed, or left out."""
    groups = ({**group, "rules": [*filter(None, map(change, group["rules"]))]} for group in rules["groups"])
    return {"groups": [group for group in groups if group["rules"]]}


def only(alerts: AbstractSet[str], rules: dict[str, Any], *, texts: bool = True) -> dict[str, Any]:
    """Leave out what these alerts do not need, which makes a run five times as fast."""
    bare: Rule = {} if texts else {"annotations": {}}
    return _each_rule(rules, lambda rule: rule | bare if _TOUCHED[_name(rule)] & alerts else None)


def with_read(alerts: frozenset[str]) -> frozenset[str]:
    """Add the alerts whose ALERTS these read by name."""
    needed = " ".join(rule["expr"] for rule in all_rules() if _TOUCHED[_name(rule)] & alerts)
    names = "|".join(re.findall(r'ALERTS{[^}]*alertname=~?"([^"]+)"', needed))
    return alerts | {alert for alert in _ALERTS if re.fullmatch(names, alert)}


def _name(rule: Rule) -> str:
    return f"{rule['alert']} {rule['labels']['severity']}" if "alert" in rule else str(rule["record"])


def alerts_of(rule: Rule) -> frozenset[str]:
    """Return the alerts that a rule is, or that read what it records."""
    found = [rule]
    for each in found:  # those that are found meanwhile, too
        record = rf"{each.get('record', '(?!)')}\b"
        found += [user for user in all_rules() if re.search(record, user["expr"]) and user not in found]
    return frozenset(each["alert"] for each in found if "alert" in each)


_TOUCHED = {_name(rule): alerts_of(rule) for rule in all_rules()}
_ALERTS = frozenset[str]().union(*_TOUCHED.values())


def _everywhere() -> Iterator[Mutant]:
    text = yaml.safe_dump(AS_SHIPPED, sort_keys=False, width=10_000)
    listed = "instance, pod, container, endpoint, node"
    for label in listed.split(", "):
        fewer = ", ".join(each for each in listed.split(", ") if each != label)
        yield Mutant(f"every rule: {label} kept", yaml.safe_load(text.replace(listed, fewer)), _ALERTS)
    named = text.replace(f"without ({listed})", "by (job, workspace, campaign_id, campaign, severity, reason)")
    yield Mutant("every rule: labels named instead", yaml.safe_load(named), _ALERTS)


def _spoil(rule: Rule) -> Iterator[tuple[str, Rule]]:
    for key in ("for", "keep_firing_for"):
        if key in rule:
            yield f"{key} 0", {**rule, key: "0s"}
    expr, held, clause = str(rule["expr"]).partition(_HELD)
    if _name(rule) == _ALSO_HELD:
        expr, held, clause = str(rule["expr"]), "", ""
    for what, spoilt in _spoil_expr(expr):
        promql_parser.parse(spoilt)  # a mutant that is no PromQL would be killed by anything
        yield what, {**rule, "expr": f"{spoilt}{held}{clause}"}


def _spoil_expr(expr: str) -> Iterator[tuple[str, str]]:
    parsed = promql_parser.parse(expr)
    text = str(parsed)
    yield from _set_operands(parsed, text)
    yield from _each(r"(?<= )(?:>=|==|>|<)(?= )", text, _FLIPPED.__getitem__)
    yield from _each(r"(?<= )(?:>=|>|<)(?= )", text, _BOUNDARY.__getitem__)
    yield from _each(r" (?:>=|==|>|<) [\d.]+", text, lambda _: "")
    for old, new in _SWAPS.items():
        yield from _each(rf"(?<!\w){re.escape(old)}", text, lambda _, new=new: new)  # type: ignore[misc]
    yield from _each(rf"(?<={{){_MATCHER},?|,{_MATCHER}", text, lambda _: "")
    yield from _each(r'(?<=severity=")\w+', text, lambda each: "critical" if each == "warning" else "warning")
    yield from _each(_NUMBER, text, lambda number: f"{float(number) * 2:g}" if float(number) else "1")
    yield from _each(r"(?<=\[)\w+(?=\])", text, lambda window: _RANGES[window])
    yield from _each(r" offset \w+", text, lambda _: "")


def _each(pattern: str, text: str, other: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Replace each thing that matches by another one."""
    for nth, match in enumerate(re.finditer(pattern, text), 1):
        new = other(match[0])
        what = f"{nth}. {match[0].strip()} -> {new.strip() or 'nothing'}"
        yield what, text[: match.start()] + new + text[match.end() :]


def _set_operands(parsed: Any, text: str) -> Iterator[tuple[str, str]]:
    """Leave out each operand of the set operators."""
    sets = [node for node in nodes(parsed) if str(getattr(node, "op", "")) in ("and", "or", "unless")]
    for nth, node in enumerate(sets, 1):
        yield f"right of {nth}. '{node.op}' dropped", text.replace(str(node), str(node.lhs), 1)
        if str(node.op) == "or":
            yield f"left of {nth}. 'or' dropped", text.replace(str(node), str(node.rhs), 1)


def survives(mutant: Mutant, scenarios: Sequence[Scenario], kills: Counter[tuple[str, str]]) -> bool:
    """Return whether all scenarios in which a touched alert fires hold for the mutant as for the rules.

    `kills` counts what each scenario has noticed by rule and by kind; those that noticed most are tried first.
    """
    rule, _, kind = re.sub(r"\b\d+\b", "", mutant.name).rpartition(": ")
    relevant = [each for each in scenarios if each.alerts & mutant.touched]
    relevant.sort(key=lambda each: -kills[rule, each.name] - kills[kind, each.name])
    for scenario in relevant:
        alerts = with_read(frozenset(scenario.alerts & mutant.touched))
        if check(scenario.about(alerts), only(alerts, mutant.rules, texts=bool(scenario.notices))):
            kills.update([(rule, scenario.name), (kind, scenario.name)])
            return False
    return True


def judge(survived: Mapping[str, bool | None], equivalent: Mapping[str, str] = EQUIVALENT) -> list[str]:
    """Return what is wrong, from which mutants survived by name: None are those that were not run."""
    named = {pattern: [name for name in survived if re.fullmatch(pattern, name)] for pattern in equivalent}
    known = {name for names in named.values() for name in names}
    return [
        *(f"survived: {name}" for name, alive in survived.items() if alive and name not in known),
        *(f"named equivalent, but killed: {name}" for name in known if survived[name] is False),
        *(f"matches no mutant: {pattern}" for pattern, names in named.items() if not names),
    ]


def main(*, named: bool) -> int:
    """Run the mutants, those of EQUIVALENT too where `named`, and return the exit status."""
    every = list(mutants())
    known = {each.name for each in every if any(re.fullmatch(pattern, each.name) for pattern in EQUIVALENT)}
    survived = _survived([each for each in every if named or each.name not in known])
    wrong = judge(dict.fromkeys((each.name for each in every), None) | survived)
    killed = list(survived.values()).count(False)
    print(*wrong, f"{killed} killed, {len(known)} named equivalent, {len(every)} in all", sep="\n")  # noqa: T201 - a program's output
    return bool(wrong)


def _survived(chosen: Sequence[Mutant]) -> dict[str, bool]:
    """Run mutants, and small scenarios first, as they are quick."""
    scenarios = sorted(
        (scenario for scenario in SCENARIOS if scenario.steps <= LONGEST),
        key=lambda scenario: scenario.steps * len(scenario.series),
    )
    kills = Counter[tuple[str, str]]()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alive = pool.map(lambda each: survives(each, scenarios, kills), chosen)
        return dict(zip((each.name for each in chosen), alive, strict=True))


if __name__ == "__main__":
    sys.exit(main(named="--named" in sys.argv))
