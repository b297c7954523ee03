"""Rows, ratios and the page that keeps the last result."""

import re

import pytest

from tests.bench import document, machine
from tests.bench.table import Figure, Row, Target, against, alone, missing, number, parse, render


def test_a_ratio_is_ours_by_the_peers_and_is_held_against_the_target() -> None:
    row = against("polls", Figure(2000, "/s"), Figure(400, "/s", "stock httpx"), Target(5, at_least=True))
    assert row == Row("polls", "2,000 /s", "stock httpx: 400 /s", "5", "at least 5", "yes")
    assert against("polls", Figure(1999), Figure(400), Target(5, at_least=True)).held == "NO"


def test_a_ratio_is_of_values_not_of_what_is_written() -> None:
    row = against("CPU", Figure(300e-6, "s CPU"), Figure(1.5, "s CPU", "peer"), Target(0.2))
    assert row == Row("CPU", "300 us CPU", "peer: 1.5 s CPU", "0.0002", "at most 0.2", "yes")


def test_nothing_to_divide_by_is_told() -> None:
    row = against("memory", Figure(3), Figure(0), Target(1.1))
    assert (row.ratio, row.held) == ("inf", "NO")


def test_a_figure_without_a_peer_is_held_against_the_target_itself() -> None:
    assert alone("stall", Figure(0.0499, "s"), Target(0.05, unit="s")).held == "yes"
    assert alone("stall", Figure(0.0501, "s"), Target(0.05, unit="s")).cells[-2:] == ("at most 50 ms", "NO")
    assert alone("start", Figure(0.5, "s")).cells == ("start", "500 ms", "-", "-", "-", "-")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0246, "0.0246"),
        (0.000123, "0.00012"),
        (5, "5"),
        (99.96, "100"),
        (1234.5, "1,234"),
        (3_200_000, "3,200,000"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_rendered_table_can_be_read_again() -> None:
    rows = [alone("one", Figure(1, "s"), Target(2)), missing("two", "nginx")]
    table = render(rows)
    assert parse(f"text before\n\n{table}\nand after\n") == rows
    assert len({len(line) for line in table.splitlines()}) == 1
    assert "nginx is not on the PATH" in table


def test_a_part_of_the_page_is_replaced_and_the_rest_stays() -> None:
    page = (
        f"a\n{document.begin('bench')}\nold\n{document.END}\nb\n{document.begin('bench-full')}\nolder\n{document.END}\n"
    )
    page = document.replaced(page, "bench", "new\n")
    assert document.parts(page) == {"bench": "\nnew\n", "bench-full": "\nolder\n"}
    assert page.startswith("a\n")
    assert "\nb\n" in page
    with pytest.raises(ValueError, match="no part"):
        document.replaced("a page without parts", "bench", "new\n")


def test_the_machine_is_named_with_date_and_versions() -> None:
    about = machine.describe()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ cores of ", about)
    for name in ("Python 3", "aiohttp 3", "httpx 0", "prometheus-client 0", "nginx ", "wrk ", "json_exporter "):
        assert name in about


def test_the_committed_results_parse_and_name_their_date() -> None:
    parts = document.parts(document.FILE.read_text())
    assert parts.keys() == {"bench", "bench-full"}
    for text in parts.values():
        assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ cores of .*\n.*aiohttp [\d.]+", text, re.MULTILINE)
        rows = parse(text)
        assert len(rows) >= 9
        assert {row.held for row in rows} <= {"yes", "NO", "-"}
        assert all((row.target == "-") == (row.held == "-") for row in rows)
