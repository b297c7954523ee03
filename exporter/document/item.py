"""A value of a file that knows where it stands."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from exporter.document.problems import Problem

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PERHAPS_SECRET = re.compile(r".*(?<![A-Za-z0-9])sk_|.*\$2|.*://.*@|.{61}", re.DOTALL)
"""An API key, a password's hash or a proxy's password that stands in the wrong place, or text too long for a key."""
_NOT_SHOWN = "(not shown)"


def quote(text: str) -> str:
    """Write text in quotes and on one line."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(text)


def quote_unless_secret(text: str) -> str:
    """Write text in quotes, but not what may be a secret."""
    return _NOT_SHOWN if _PERHAPS_SECRET.match(text) else quote(text)


def step(path: str, key: str) -> str:
    """Return the path of what stands under a key."""
    if _PERHAPS_SECRET.match(key):
        key = _NOT_SHOWN
    elif not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{quote(key)}]"
    return f"{path}.{key}" if path else key


@dataclass(slots=True, eq=False)
class Item:
    """One value with its place, never changed (but not frozen, which makes building a million of them slow).

    NaN stands for a value invalid, as it compares false with everything.
    """

    longest_shown: ClassVar[int] = 16
    """Longer text is not repeated in a message: it may be a key that stands in the wrong place."""

    file: Path
    line: int
    column: int
    path: str
    value: Any = None
    text: str = ""
    key_place: tuple[int, int] = (1, 1)

    @property
    def mapping(self) -> Mapping[str, "Item"]:
        """Give the items of a mapping by key, none where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def entries(self) -> Sequence["Item"]:
        """Give the items of a list, none where this is no list."""
        return self.value if isinstance(self.value, list) else []

    def child(self, key: str) -> "Item":
        """Return the item under a key, one invalid where there is none."""
        return self.mapping.get(key) or self.checked(float("nan"))

    @property
    def is_invalid(self) -> bool:
        """Tell whether a problem of the value is already recorded."""
        return isinstance(self.value, float) and math.isnan(self.value)

    @property
    def shown(self) -> str:
        """Show the value as a message may."""
        if isinstance(self.value, dict | list):
            return "a mapping" if isinstance(self.value, dict) else "a list"
        if self.value is None:
            return "null"
        if len(self.text) > self.longest_shown or _PERHAPS_SECRET.match(self.text):
            return "this text" if isinstance(self.value, str) else "this value"
        return quote(self.text) if isinstance(self.value, str) else self.text

    def problem(self, message: str) -> Problem:
        """Place a problem at the value."""
        return Problem(self.file, self.line, self.column, self.path, message)

    def key_problem(self, message: str) -> Problem:
        """Place a problem at the value's key."""
        return Problem(self.file, *self.key_place, self.path, message)

    def checked(self, value: Any) -> "Item":
        """Return the item with what its value means."""
        return type(self)(self.file, self.line, self.column, self.path, value, self.text, self.key_place)

    def refused(self, message: str, problems: list[Problem]) -> "Item":
        """Record a problem of the value and return the item as one invalid."""
        problems.append(self.problem(message))
        return replace(self, value=float("nan"))  # each its own: two of them are never a duplicate


class SecretItem(Item):
    """A value of a file whose values are never shown."""

    __slots__ = ()
    longest_shown = -1
