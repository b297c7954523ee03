"""Lists of campaigns that are kept elsewhere: YAML, JSON, and tables as spreadsheets write them.

Excel writes semicolons where a comma is the decimal sign, LibreOffice writes tabs too; a place in a table is a line and
the number of a column.
"""

import csv
import io
import re
from itertools import zip_longest
from pathlib import Path

from exporter.config.load import campaigns_of
from exporter.config.model import Campaign, Workspace
from exporter.config.schema import LIST, SETTINGS
from exporter.config.warnings import of_campaigns
from exporter.document.item import ConfigError, Item, Problem, in_order, quote_unless_secret, step
from exporter.document.reading import decode, parse
from exporter.document.shapes import checked

_DELIMITERS = ";\t,"
_NAMED = 5


def read_list(name: Path | str, content: bytes, workspace: Workspace) -> tuple[tuple[Campaign, ...], tuple[str, ...]]:
    """Return the campaigns of a file or a URL, with the workspace's settings where they say no more, and warnings.

    Raises ConfigError with all problems of the list.
    """
    problems: list[Problem] = []
    entries = checked(_document(name, decode(name, content), problems), LIST, problems).entries
    outer = {key: getattr(workspace, key) for key in SETTINGS}
    campaigns = campaigns_of(workspace.name, entries, outer, problems)
    if problems:
        raise ConfigError(problems)
    return campaigns, tuple(map(str, in_order(of_campaigns(campaigns, entries))))


def _document(name: Path | str, text: str, problems: list[Problem]) -> Item:
    if isinstance(name, Path) and name.suffix.lower() == ".csv":
        return read_table(name, text, problems)
    if isinstance(name, str) and not text.lstrip().startswith(("[", "{")):
        raise ConfigError([Problem(name, 1, 1, "", 'is not JSON: answer with a list like ["camp_123"]')])
    root = parse(name, text, problems, empty="a list without campaigns is []")
    for item in root.mapping.values():
        if isinstance(item.value, list):
            raise ConfigError([item.key_problem("stands above the list: leave out this key")])
    is_yaml = isinstance(name, Path) and name.suffix.lower() in (".yaml", ".yml")
    if not (is_yaml or root.is_invalid or isinstance(root.value, list)):
        raise ConfigError([root.problem('is not a list: write one like ["camp_123"]')])
    return root


def read_table(file: Path, text: str, problems: list[Problem]) -> Item:
    """Return a table in the form of campaigns, in which a column is the id, the name or a label. Raises ConfigError."""
    (line, first), *records = _records(file, text) or [(1, [])]
    heads = [head.lower() if head.lower() in ("id", "name") else head for head in map(str.strip, first)]
    if "id" not in heads:
        named = f"names the columns {', '.join(map(quote_unless_secret, heads[:_NAMED]))}, none of them id"
        advice = "write id above the ids, with commas, semicolons or tabs between columns"
        message = f"{named}: {advice}" if heads else "is empty: its first line names the columns, like id,name"
        raise ConfigError([Problem(file, 1, 1, "", message)])
    for column, head in enumerate(heads, 1):
        if head and head in heads[: column - 1]:
            message = f"the column {quote_unless_secret(head)} stands twice: remove or rename one"
            problems.append(Problem(file, line, column, "", message))
    rows = [_row(Item(file, at, 1, ""), heads, line, cells, problems) for at, cells in records]
    return Item(file, line, 1, "", rows)


def _records(file: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return the records that are not blank, each with the line that it begins in."""
    told = re.match(r"sep=([,;|\t])[\r\n]", text, re.IGNORECASE)  # a first line by which Excel is told the delimiter
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    widest = max(_DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), ())))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=told[1] if told else widest, strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)) and not (told and line == 1):
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError([Problem(file, line, 1, "", f"cannot be read as CSV: {error}")]) from None
    return records


def _row(row: Item, heads: list[str], line: int, cells: list[str], problems: list[Problem]) -> Item:
    """Return a row with what its cells say; `line` is that of the heads."""
    fields, labels = {}, {}
    for column, (head, cell) in enumerate(zip_longest(heads, cells, fillvalue=""), 1):
        item = Item(row.file, row.line, column, step("", head), cell, cell, (line, column), is_quoted=True)
        if not head and cell.strip():
            message = f"stands in a column without a head: name the column in line {line}, or remove what is in it"
            problems.append(Problem(row.file, row.line, column, "", message))
        elif head == "id" or (head == "name" and cell.strip()):
            fields[head] = item
        elif head not in ("", "name"):
            labels[head] = item
    row.value = fields | ({"labels": Item(row.file, row.line, 1, "", labels)} if labels else {})
    return row
