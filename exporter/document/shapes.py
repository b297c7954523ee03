"""What may stand in a place of a file: shapes, to be put together as a table of the whole file."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias

from exporter.document.item import Item, Problem

Check: TypeAlias = Callable[[Item], Any]
"""Returns what a value means, or raises ValueError with a message."""
Shape: TypeAlias = "Leaf | Each | Section | Table"
"""Its `read` returns what a value means, and checks all below it; raises ValueError where it is nothing of the kind."""


def checked(item: Item, shape: Shape, problems: list[Problem]) -> Item:
    """Return an item whose value has become what it means in its place, or which is invalid now."""
    if not item.is_invalid:
        try:
            item.value = shape.read(item, problems)
        except ValueError as error:
            item.refuse(str(error), problems)
    return item


def _as_it_is(value: Any) -> Any:
    return value


class Leaf(NamedTuple):
    """One value, or null where that is allowed; `write` returns the value of a file that means it."""

    check: Check
    write: Callable[[Any], Any] = _as_it_is
    nullable: bool = False

    def read(self, item: Item, _: list[Problem]) -> Any:
        """Check the value."""
        return None if item.value is None and self.nullable else self.check(item)


class Each(NamedTuple):
    """A list of at least `least` of the same; with `single`, one of them may stand without a list."""

    what: str
    shape: Shape
    single: bool = False
    least: int = 1

    def read(self, item: Item, problems: list[Problem]) -> list[Item]:
        """Check every entry."""
        entries = [item.copy()] if self.single and not isinstance(item.value, list) else item.value
        if not isinstance(entries, list):
            raise ValueError(f'is not a list: write each {self.what} on a line after "- "')  # noqa: TRY004 - a check has one kind of error
        if len(entries) < self.least:
            raise ValueError(f"is an empty list: name at least one {self.what}")
        return [checked(entry, self.shape, problems) for entry in entries]


class Section(NamedTuple):
    """A mapping of known keys, of those in `one_of` exactly one.

    `refused` are keys that people write but that cannot stand here, and what to write instead. `short` is the key that
    a single value stands for and that alone is enough; `nullable` makes null stand for null under every key.
    """

    keys: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}
    short: str | None = None
    nullable: bool = False

    def read(self, item: Item, problems: list[Problem]) -> dict[str, Item]:
        """Check every key and its value."""
        given = item.value
        if given is None and self.nullable:
            given = dict.fromkeys(self.keys, item.copy())
        elif self.short and not isinstance(given, dict | list | None):
            return {self.short: checked(item.copy(), self.keys[self.short], problems)}
        if not isinstance(given, dict):
            short = f"its {self.short}, or " if self.short else ""
            advice = f"write {short}keys below it: {', '.join(self.keys)}"
            raise ValueError(f"is not a mapping: {advice}")  # noqa: TRY004 - as above
        missing = [key for key in self.required if key not in given]
        problems += [item.problem(f"the key {key} is missing: write {key}: and its value") for key in missing]
        chosen = [child for key, child in given.items() if key in self.one_of]
        if len(chosen) > 1:
            problems.append(chosen[-1].problem(f"{' and '.join(self.one_of)} both stand here: keep one"))
        elif self.one_of and not chosen and not any(self.one_of[0] in self.refused.get(key, "") for key in given):
            problems.append(item.problem(f"the key {' or '.join(self.one_of)} is missing: write one of them"))
        problems += [child.key_problem(self._refusal(key)) for key, child in given.items() if key not in self.keys]
        return {key: checked(child, self.keys[key], problems) for key, child in given.items() if key in self.keys}

    def _refusal(self, key: str) -> str:
        if key in self.refused:
            return self.refused[key]
        if key.isdigit():
            return "is no key: if it is the rest of a number with a comma, write a point, like 0.05"
        names = {name: name for name in self.keys}
        for name, shape in self.keys.items():
            below = {inner: f"{name}.{inner}" for inner in shape.keys} if isinstance(shape, Section) else {}
            names = below | names  # of two with one name, the first
        near = get_close_matches(key, names, n=1)
        advice = f'did you mean "{names[near[0]]}"?' if near else f"known here: {', '.join(self.keys)}"
        return f"unknown key: {advice}"


class Table(NamedTuple):
    """A mapping whose keys are names of people's own choice; `check_name` raises ValueError."""

    check_name: Callable[[str], None]
    value: Shape
    example: str

    def read(self, item: Item, problems: list[Problem]) -> dict[str, Item]:
        """Check every name and its value."""
        if not isinstance(item.value, dict):
            raise ValueError(f"is not a mapping: write {self.example}")  # noqa: TRY004 - as above
        for name, child in item.mapping.items():
            try:
                self.check_name(name)
            except ValueError as error:
                problems.append(child.key_problem(str(error)))
        return {name: checked(child, self.value, problems) for name, child in item.mapping.items()}
