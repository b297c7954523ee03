"""The committed dashboards, and their queries with Grafana's variables filled in."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import promql_parser
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
UIDS = ("leadterra-fleet", "leadterra-campaign", "leadterra-exporter")
Board: TypeAlias = dict[str, Any]

SAMPLES = {
    "job": ".+",
    "instance": ".+",
    "workspace": ".+",
    "campaign": "any",
    "__rate_interval": "2m",
    "__range": "1d",
    "__interval": "10m",
}
"""What variables are filled with where nothing is said: everything, over a day."""


def load(uid: str) -> Board:
    board: Board = json.loads((FOLDER / f"{uid}.json").read_text("utf-8"))
    return copy.deepcopy(board)


@dataclass(frozen=True)
class Asked:
    """One query of a dashboard, as it stands there."""

    board: str
    panel: str
    """Its title; of a variable or an annotation its name."""
    ref: str
    expr: str
    kind: str
    instant: bool = False

    @property
    def id(self) -> str:
        return f"{self.board.removeprefix('leadterra-')}/{self.panel}/{self.ref}"

    def filled(self, values: Mapping[str, str] = SAMPLES) -> str:
        return fill(self.expr, values)


def fill(expr: str, values: Mapping[str, str] = SAMPLES) -> str:
    known = dict(SAMPLES) | dict(values)
    return re.sub(r"\$(\w+)", lambda match: known[match[1]], expr)


def panels(board: Board) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def variables(board: Board, kind: str = "query") -> list[dict[str, Any]]:
    return [variable for variable in board["templating"]["list"] if variable["type"] == kind]


def selector_of(variable: Mapping[str, Any]) -> str:
    """Give the series selector of a label_values query."""
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
    assert match, variable["query"]
    return match[1]


def asked(board: Board) -> Iterator[Asked]:
    """Give every query of panels, variables and annotations."""
    uid = board["uid"]
    for panel in panels(board):
        for target in panel.get("targets", []):
            instant = target.get("instant", False)
            yield Asked(uid, panel["title"], target["refId"], target["expr"], panel["type"], instant)
    for variable in variables(board):
        yield Asked(uid, variable["name"], "variable", selector_of(variable), "variable", instant=True)
    for annotation in board["annotations"]["list"]:
        yield Asked(uid, annotation["name"], "annotation", annotation["expr"], "annotation", instant=True)


def every_query() -> list[Asked]:
    return [query for uid in UIDS for query in asked(load(uid))]


def alert_rules() -> list[dict[str, Any]]:
    """Give the Grafana-managed alerts."""
    text = (ROOT / "grafana" / "provisioning" / "alerting" / "leadterra.yaml").read_text("utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def nodes(expr: str) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Give every node of an expression, with its parents, the nearest last."""
    yield from _below(promql_parser.parse(expr), ())


def _below(node: Any, parents: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    yield node, parents
    for name in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        child = getattr(node, name, None)
        for each in child if isinstance(child, list) else [child]:
            if each is not None:
                yield from _below(each, (*parents, node))


def selectors(expr: str) -> list[Any]:
    return [node for node, _ in nodes(expr) if isinstance(node, promql_parser.VectorSelector)]


def matched(selector: Any) -> dict[str, str]:
    """Give a selector's matchers, `=~".+"` by label."""
    operators = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
    found = {}
    for matcher in selector.matchers.matchers:
        operator = str(matcher.op).rsplit(".", 1)[-1]
        found[matcher.name] = operators.get(operator, operator) + matcher.value
    return found
