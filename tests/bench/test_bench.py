"""The suite's pieces, and all parts at tiny sizes. Nothing here is held against a time."""

import re
from collections.abc import Iterator
from io import StringIO

import pytest
from prometheus_client import generate_latest

from tests.bench.__main__ import GROUPS, PARTS, main, measure
from tests.bench.peers import page
from tests.bench.programs import Plan
from tests.bench.table import FILE, Figure, Row, Target, alone, compare, replaced
from tests.process import ROOT
from tests.tools import need

COUNT = 5
TINY = Plan(
    rounds=1, polls=COUNT, polls_seconds=1.2, paced=COUNT, paced_seconds=2, campaigns=2 * COUNT, scrapes=5, pages=1,
    wrk_seconds=1, starts=1, few=COUNT, hold=COUNT, hold_seconds=1, interval=1, scrape_every=0.5,
)  # fmt: skip


def test_ratios_and_figures_are_held_against_their_targets() -> None:
    rates = {"": 2000.0, "stock httpx": 400.0, "other": 2001.0}
    stock, other = compare("polls", "/s", rates, {"stock httpx": Target(5, at_least=True), "other": Target(0.5)})
    assert stock == Row("polls", "2,000 /s", "stock httpx: 400 /s", "5", "at least 5", "yes")
    assert other[3:] == ("1", "at most 0.5", "NO")
    assert alone("stall", Figure(0.0499, "s"), Target(0.05, unit="s")).held == "yes"
    assert alone("stall", Figure(0.0501, "s"), Target(0.05, unit="s"))[-2:] == ("at most 50 ms", "NO")
    assert alone("start", Figure(0.5, "s")) == ("start", "500 ms", "-", "-", "-", "-")


@pytest.mark.parametrize("part", PARTS)
def test_the_committed_results_name_their_date_and_versions_and_can_be_replaced(part: str) -> None:
    text = FILE.read_text()
    changed = replaced(text, part, "new\n")
    assert changed.count("<!-- end -->") == len(PARTS)
    (old,) = {*re.split(r"<!-- .* -->\n", text)} - {*re.split(r"<!-- .* -->\n", changed)}
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ cores of .*\n.*aiohttp [\d.]+", old)


@pytest.mark.parametrize("kind", ["collector", "gauges"])
def test_prometheus_client_makes_the_same_page_once_more(kind: str) -> None:
    ours = (ROOT / "tests" / "golden" / "documented.prom").read_text()
    theirs = generate_latest(page.registry_of(kind, StringIO(ours))).decode()
    first, second = (
        {(name, value) for name, *_, series in page.read(StringIO(text)) for _, value in series}
        for text in (ours, theirs)
    )
    assert len(first) > 10
    assert first == second


def test_a_part_that_fails_is_told_and_a_table_is_written_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Plan) -> Iterator[Row]:
        yield alone("one", Figure(1))
        raise OSError("the | server ended\nat once")

    monkeypatch.setitem(GROUPS, "hold", breaks)
    monkeypatch.setitem(GROUPS, "start", lambda _: iter([alone("two", Figure(2))]))
    assert main(["--only", "hold", "--only", "start"]) == 1
    told = capsys.readouterr().out
    assert re.search(r"^\| hold +\| failed: OSError the / server ended at once +\|", told, re.MULTILINE)
    assert re.search(r"^\| two +\| 2 ", told, re.MULTILINE)
    for argv in (["--only", "polls", "--write"], ["--against", ".", "--write"]):
        with pytest.raises(SystemExit):
            main(argv)
        assert "--write takes all of a table" in capsys.readouterr().err


@pytest.mark.slow  # a minute: all parts, with real servers
@pytest.mark.parametrize("name", GROUPS)
def test_each_part_runs_at_a_tiny_size(name: str) -> None:
    for program in ("nginx", "wrk"):
        need(program)
    rows = measure(name, TINY)
    assert rows
    assert not any(row.ours.startswith("failed") for row in rows), rows
    assert all("not measured" not in row.ours or "json_exporter" in row.ours for row in rows)
