"""What may stand in a place of a file: shapes, to be put together as a table of the whole file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from exporter.document.item import Item
from exporter.document.problems import Problem

Check: TypeAlias = Callable[[Item], Any]
"""Give what a value means, or raise ValueError with a message."""
Shape: TypeAlias = Callable[[Item, list[Problem]], Item]
"""Give an item with its values checked; what is invalid is recorded and becomes NaN."""


def checked(item: Item, shape: Shape, problems: list[Problem]) -> Item:
    """Check an item against what may stand in its place, unless it has a problem already."""
    return item if item.is_invalid else shape(item, problems)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value."""

    check: Check

    def __call__(self, item: Item, problems: list[Problem]) -> Item:
        """Check the value."""
        try:
            return item.checked(self.check(item))
        except ValueError as error:
            return item.refused(str(error), problems)


@dataclass(frozen=True, slots=True)
class Each:
    """A list of at least one of the same."""

    what: str
    shape: Shape

    def __call__(self, item: Item, problems: list[Problem]) -> Item:
        """Check every entry."""
        if not isinstance(item.value, list):
            return item.refused(f'{item.shown} is not a list: write each {self.what} on a line after "- "', problems)
        if not item.value:
            return item.refused(f"is an empty list: name at least one {self.what}", problems)
        return item.checked([checked(entry, self.shape, problems) for entry in item.entries])


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of known keys."""

    keys: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    short: str | None = None
    """The key that a single value stands for."""
    nullable: bool = False
    """Whether null stands for null under every key."""

    def __call__(self, item: Item, problems: list[Problem]) -> Item:
        """Check every key and its value."""
        given = self._given(item)
        if given is None:
            return item.refused(f"{item.shown} is not a mapping: write its keys below it, like key: value", problems)
        problems += [child.key_problem(self._unknown(key)) for key, child in given.items() if key not in self.keys]
        missing = [key for key in self.required if key not in given]
        problems += [item.problem(f"the key {key} is missing: write {key}: and its value") for key in missing]
        return item.checked(
            {key: checked(child, self.keys[key], problems) for key, child in given.items() if key in self.keys}
        )

    def _given(self, item: Item) -> Mapping[str, Item] | None:
        if isinstance(item.value, dict):
            return item.mapping
        if item.value is None and self.nullable:
            return dict.fromkeys(self.keys, item)
        return {self.short: item} if self.short and not isinstance(item.value, list | None) else None

    def _unknown(self, key: str) -> str:
        known = [name for name, shape in self.keys.items() if not isinstance(shape, Refused)]
        names = {name: name for name in known}
        for name in known:
            shape = self.keys[name]
            names |= {inner: f"{name}.{inner}" for inner in shape.keys} if isinstance(shape, Section) else {}
        near = get_close_matches(key, names, n=1)
        advice = f'did you mean "{names[near[0]]}"?' if near else f"known here: {', '.join(known)}"
        return f"unknown key: {advice}"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping whose keys are names of people's own choice; `check_name` raises ValueError."""

    check_name: Callable[[str], None]
    value: Shape
    example: str

    def __call__(self, item: Item, problems: list[Problem]) -> Item:
        """Check every name and its value."""
        if not isinstance(item.value, dict):
            return item.refused(f"{item.shown} is not a mapping: write {self.example}", problems)
        for name, child in item.mapping.items():
            try:
                self.check_name(name)
            except ValueError as error:
                problems.append(child.key_problem(str(error)))
        return item.checked({name: checked(child, self.value, problems) for name, child in item.mapping.items()})


@dataclass(frozen=True, slots=True)
class Refused:
    """A key that people write but that cannot stand here; `message` says what to write instead."""

    message: str

    def __call__(self, item: Item, problems: list[Problem]) -> Item:
        """Refuse the key, whatever its value."""
        problems.append(item.key_problem(self.message))
        return item


def optional(check: Check) -> Check:
    """Let null be null."""
    return lambda item: None if item.value is None else check(item)
