"""The suite's pieces, and all parts at tiny sizes. Nothing here is held against a time."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from prometheus_client import generate_latest

from tests.bench import runtime, table
from tests.bench.__main__ import GROUPS, main, measure
from tests.bench.peers import page
from tests.bench.plan import SHORT, Plan, interleave
from tests.bench.programs import FailedError
from tests.bench.table import Figure, Row, Target, alone, compare, failed, missing, parse, render
from tests.process import ROOT
from tests.tools import need

COUNT = 5
TINY = replace(
    SHORT,
    rounds=1,
    polls=COUNT,
    polls_seconds=1.2,
    paced=COUNT,
    paced_seconds=2,
    campaigns=2 * COUNT,
    scrapes=5,
    pages=1,
    wrk_seconds=1,
    few=COUNT,
    growth=(1, COUNT),
    growth_seconds=1.5,
    hold=COUNT,
    hold_seconds=1,
    sharded=2 * COUNT,
    sharded_seconds=1,
    interval=1,
    scrape_every=0.5,
)


def test_a_ratio_is_ours_by_the_peers_and_is_held_against_the_target() -> None:
    rates = {"": 2000.0, "stock httpx": 400.0, "other": 2001.0}
    stock, other = compare("polls", "/s", rates, {"stock httpx": Target(5, at_least=True), "other": Target(0.5)})
    assert stock == Row("polls", "2,000 /s", "stock httpx: 400 /s", "5", "at least 5", "yes")
    assert other.cells[3:] == ("1", "at most 0.5", "NO")
    [nothing] = compare("memory", "KiB", {"": 3.0, "peer": 0.0}, {"peer": Target(1.1)})
    assert (nothing.ratio, nothing.held) == ("inf", "NO")


def test_a_figure_without_a_peer_is_held_against_the_target_itself() -> None:
    assert alone("stall", Figure(0.0499, "s"), Target(0.05, unit="s")).held == "yes"
    assert alone("stall", Figure(0.0501, "s"), Target(0.05, unit="s")).cells[-2:] == ("at most 50 ms", "NO")
    assert alone("start", Figure(0.5, "s")).cells == ("start", "500 ms", "-", "-", "-", "-")


def test_a_rendered_table_can_be_read_again() -> None:
    rows = [alone("one", Figure(1, "s"), Target(2)), missing("two", "nginx")]
    table = render(rows)
    assert parse(f"text before\n\n{table}\nand after\n") == rows
    assert len({len(line) for line in table.splitlines()}) == 1


def test_a_part_of_the_page_is_replaced_and_the_rest_stays() -> None:
    both = (f"{table.begin(part)}\nold\n{table.END}\n" for part in table.PARTS)
    text = table.replaced("a\n" + "b\n".join(both) + "c\n", "bench", "new\n")
    assert table.parts(text) == {"bench": "\nnew\n", "bench-full": "\nold\n"}
    assert re.findall("^[abc]$", text, re.MULTILINE) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no part"):
        table.replaced("a page without parts", "bench", "new\n")


def test_the_committed_results_parse_and_name_their_date_and_versions() -> None:
    parts = table.parts(table.FILE.read_text())
    assert parts.keys() == set(table.PARTS)
    for text in (*parts.values(), f"\n{runtime.describe()}\n"):
        assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ cores of .*\n.*aiohttp [\d.]+", text, re.MULTILINE)
    for text in parts.values():
        rows = parse(text)
        assert len(rows) >= 9
        assert {row.held for row in rows} <= {"yes", "NO", "-"}
        assert all((row.target == "-") == (row.held == "-") for row in rows)


def test_each_subject_has_its_turn_in_every_round() -> None:
    turns = iter(range(9))
    assert interleave(2, {name: lambda: next(turns) for name in "ab"}) == {"a": [0, 2], "b": [1, 3]}


@pytest.mark.parametrize("kind", ["collector", "gauges"])
def test_prometheus_client_makes_the_same_page_once_more(kind: str) -> None:
    ours = (ROOT / "tests" / "golden" / "documented.prom").read_text()
    theirs = generate_latest(page.registry_of(kind, StringIO(ours))).decode()
    first, second = (
        {(family.name, tuple(labels), value) for family in page.read(StringIO(text)) for labels, value in family.series}
        for text in (ours, theirs)
    )
    assert len(first) > 10
    assert {(name, value) for name, _, value in first} == {(name, value) for name, _, value in second}


def test_a_result_beside_another_checkout_or_of_some_parts_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--only", "polls", "--write"], ["--against", ".", "--write"]):
        with pytest.raises(SystemExit):
            main(argv)
        assert "--write takes all of a table" in capsys.readouterr().err


def test_a_part_that_fails_is_told_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Plan) -> Iterator[Row]:
        yield alone("one", Figure(1))
        raise FailedError("the | server ended\nat once")

    monkeypatch.setitem(GROUPS["bench-full"], "hold", breaks)
    monkeypatch.setitem(GROUPS["bench-full"], "shards", lambda _: iter([alone("two", Figure(2))]))
    assert main(["--only", "hold", "--only", "shards"]) == 1
    told = parse(capsys.readouterr().out)
    assert told == [failed("hold", "FailedError the / server ended at once"), alone("two", Figure(2))]


@pytest.mark.slow  # a minute: all parts, with real servers
@pytest.mark.parametrize("name", [name for groups in GROUPS.values() for name in groups])
def test_each_part_runs_at_a_tiny_size(name: str) -> None:
    for program in ("nginx", "wrk"):
        need(program)
    rows = measure([name], TINY)[name]
    assert rows
    assert not any(row.failed for row in rows), rows
    assert all("not measured" not in row.ours or "json_exporter" in row.ours for row in rows)
