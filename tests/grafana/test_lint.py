"""Every rule of grafana/dashboard-linter holds for every dashboard, and each rule notices what it is for."""

import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.grafana.boards import FOLDER, UIDS, Board, load, panels, variables
from tests.grafana.lint import RULES


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize("rule", RULES)
def test_the_rule_holds(uid: str, rule: str) -> None:
    assert list(RULES[rule](load(uid))) == []


def _first(board: Board, kind: str = "timeseries") -> Board:
    panel: Board = next(panel for panel in panels(board) if panel["type"] == kind)
    return panel


def _variable(board: Board, name: str) -> Board:
    variable: Board = next(variable for variable in variables(board) if variable["name"] == name)
    return variable


def _ask(expr: str) -> Callable[[Board], object]:
    return lambda board: _first(board)["targets"][0].update(expr=expr)


_CHOSEN = 'job=~"$job", instance=~"$instance"'
SPOILED: dict[str, Callable[[Board], object]] = {
    "template-datasource-rule": lambda board: variables(board, "datasource")[0].update(label="Data Source"),
    "template-job-rule": lambda board: _variable(board, "job").update(allValue=".*"),
    "template-instance-rule": lambda board: _variable(board, "instance").update(name="node"),
    "template-label-promql-rule": lambda board: _variable(board, "job").update(query="label_values(up{, job)"),
    "template-on-time-change-reload-rule": lambda board: _variable(board, "job").update(refresh=1),
    "panel-datasource-rule": lambda board: _first(board).update(datasource={"uid": "prometheus"}),
    "panel-title-description-rule": lambda board: _first(board, "stat").update(description=""),
    "panel-units-rule": lambda board: _first(board)["fieldConfig"]["defaults"].pop("unit"),
    "panel-no-targets-rule": lambda board: _first(board).update(targets=[]),
    "target-logql-rule": lambda board: _first(board).update(datasource={"type": "loki", "uid": "$datasource"}),
    "target-logql-auto-rule": _ask(f"rate(x{{{_CHOSEN}}}[$__auto])"),
    "target-promql-rule": _ask(f"sum(up{{{_CHOSEN}}}"),
    "target-rate-interval-rule": _ask(f"rate(x_total{{{_CHOSEN}}}[5m])"),
    "target-job-rule": _ask('up{instance=~"$instance"}'),
    "target-instance-rule": _ask('up{job=~"$job", instance="$instance"}'),
    "target-counter-agg-rule": _ask(f"sum(x_total{{{_CHOSEN}}})"),
    "uneditable-dashboard": lambda board: board.update(editable=True),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_notices_what_it_is_for(rule: str) -> None:
    board = load("leadterra-fleet")
    if rule == "target-logql-auto-rule":
        board["templating"]["list"].append({"type": "interval", "name": "__auto"})
    SPOILED[rule](board)
    assert list(RULES[rule](board))


@pytest.mark.parametrize("uid", UIDS)
def test_the_linter_itself_finds_nothing(uid: str) -> None:
    if shutil.which("dashboard-linter") is None:
        pytest.skip("dashboard-linter is not on the PATH; it is optional, in CI too")
    command = ["dashboard-linter", "lint", "--strict", "--verbose", str(FOLDER / f"{uid}.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_linter_reads_the_dashboards_without_exclusions() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{uid}.json" for uid in UIDS)
    assert all(json.loads(path.read_text("utf-8")) for path in FOLDER.iterdir())
