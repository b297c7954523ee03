"""The committed dashboards, and their queries with Grafana's variables filled in."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.process import ROOT

FOLDER = ROOT / "grafana" / "dashboards"
UIDS = ("leadterra-fleet", "leadterra-campaign", "leadterra-exporter")
Board: TypeAlias = dict[str, Any]

SAMPLES = {
    "job": ".+",
    "instance": ".+",
    "workspace": ".+",
    "campaign_id": "any",
    "__rate_interval": "2m",
    "__range": "1d",
    "__interval": "10m",
}
"""What variables are filled with where nothing is said: everything, over a day."""


def load(uid: str) -> Board:
    board: Board = json.loads((FOLDER / f"{uid}.json").read_text("utf-8"))
    return board


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

    def filled(self, **values: str) -> str:
        """Fill in variables as Grafana does; a value is one chosen by a person, a sample what stands for all."""
        known = SAMPLES | values

        def value(match: re.Match[str]) -> str:
            name, form = match[1] or match[3], match[2]
            return re.escape(values[name]) if form == "regex" and name in values else known.get(name, match[0])

        return re.sub(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)", value, self.expr)


def panels(board: Board) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _asked(board: Board) -> Iterator[Asked]:
    """Yield every query of panels, variables and annotations."""
    uid = board["uid"]
    for panel in panels(board):
        for target in panel.get("targets", []):
            instant = target.get("instant", False)
            yield Asked(uid, panel["title"], target["refId"], target["expr"], panel["type"], instant)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            match = re.fullmatch(r"(?:label_values\((.+), \w+|query_result\((.+))\)", variable["query"])
            assert match, variable["query"]
            yield Asked(uid, variable["name"], "variable", match[1] or match[2], "variable", instant=True)
    for annotation in board["annotations"]["list"]:
        yield Asked(uid, annotation["name"], "annotation", annotation["expr"], "annotation", instant=True)


EVERY = [query for uid in UIDS for query in _asked(load(uid))]
