"""A value of a file with its place, and what is wrong with it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PERHAPS_SECRET = re.compile(r".*(?<![A-Za-z0-9])sk_|.*\$2|.*://.*@|.{61}", re.DOTALL)
"""An API key, a password's hash or a proxy's password that stands in the wrong place, or text too long for a key."""
_NOT_SHOWN = "(not shown)"
_LONGEST_SHOWN = 16


class Problem(NamedTuple):
    """One problem: its place (line and column count from 1), the key's path, and what to write instead.

    What comes from a URL has a text for its file.
    """

    file: Path | str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(Exception):
    """Report every problem of a file; as text, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(map(str, self.problems)))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the file's order; an anchor's problem is one, wherever its aliases stand."""
    once: dict[tuple[int, int, str], Problem] = {}
    for problem in sorted(problems, key=lambda problem: (problem.line, problem.column)):
        once.setdefault((problem.line, problem.column, problem.message), problem)
    return tuple(once.values())


def quote_unless_secret(text: str) -> str:
    """Write text in quotes and on one line, but not what may be a secret."""
    if _PERHAPS_SECRET.match(text):
        return _NOT_SHOWN
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(text)


def step(path: str, key: str) -> str:
    """Return the path of what stands under a key."""
    if _PERHAPS_SECRET.match(key):
        key = _NOT_SHOWN
    elif not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{quote_unless_secret(key)}]"
    return f"{path}.{key}" if path else key


@dataclass(slots=True, eq=False)
class Item:
    """A value with its place; once it is checked, what the value means.

    `text` is a scalar as it is written. An invalid item is one whose problem is already recorded; its value is None.
    """

    file: Path | str
    line: int
    column: int
    path: str
    value: Any = None
    text: str = ""
    key_place: tuple[int, int] = (1, 1)
    is_quoted: bool = False
    is_invalid: bool = False

    @property
    def mapping(self) -> Mapping[str, "Item"]:
        """Return the items of a mapping by key, none where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def entries(self) -> Sequence["Item"]:
        """Return the items of a list, none where this is no list."""
        return self.value if isinstance(self.value, list) else []

    def child(self, key: str) -> "Item":
        """Return the item under a key, an invalid one where there is none."""
        return self.mapping.get(key) or Item(self.file, self.line, self.column, self.path, is_invalid=True)

    def copy(self) -> "Item":
        """Return the same once more; dataclasses.replace takes four times as long."""
        place = self.file, self.line, self.column, self.path
        return Item(*place, self.value, self.text, self.key_place, self.is_quoted, self.is_invalid)

    @property
    def shown(self) -> str:
        """Return the value as a message may show it; not longer text, which may be a key in the wrong place."""
        if isinstance(self.value, dict | list):
            return "a mapping" if isinstance(self.value, dict) else "a list"
        if self.value is None:
            return "null"
        if len(self.text) > _LONGEST_SHOWN or _PERHAPS_SECRET.match(self.text):
            return "this text" if isinstance(self.value, str) else "this value"
        return quote_unless_secret(self.text) if isinstance(self.value, str) else self.text

    def problem(self, message: str) -> Problem:
        """Return a problem placed at the value."""
        return Problem(self.file, self.line, self.column, self.path, message)

    def key_problem(self, message: str) -> Problem:
        """Return a problem placed at the value's key."""
        return Problem(self.file, *self.key_place, self.path, message)

    def refuse(self, message: str, problems: list[Problem]) -> None:
        """Record a problem of the value, which makes the item an invalid one."""
        problems.append(self.problem(message))
        self.value, self.is_invalid = None, True
