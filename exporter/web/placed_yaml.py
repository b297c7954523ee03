"""YAML whose keys know their place, so that every fault of a web configuration file can name it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import yaml

Place: TypeAlias = tuple[int, int]
"""A line and a column, both counted from 1."""
START: Place = (1, 1)
T = TypeVar("T")

_LARGEST_FILE = 64 * 1024
_LONGEST_KEY = 64
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_QUOTED = re.compile(r"'.*'|\".*\"")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Say what is wrong where; the message never repeats a value."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        line, column = self.place
        return f"{line}:{column}: {self.key}: {self.message}" if self.key else f"{line}:{column}: {self.message}"


class WebConfigError(Exception):
    """List everything that is wrong with a web configuration file, one line a fault."""

    def __init__(self, file: Path, faults: Collection[Fault]) -> None:
        self.faults = tuple(f"{file}:{fault}" for fault in sorted(faults))
        super().__init__("\n".join(self.faults))


def compose(file: Path) -> yaml.Node | None:
    """Read a file as YAML; None where it is empty. Raises WebConfigError."""
    try:
        return yaml.compose(_text(file), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else START
        problem = _QUOTED.sub("...", error.problem or "")  # what it quotes may be part of a secret
        raise WebConfigError(file, {Fault(place, "", f"not YAML: {problem}")}) from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # the last two: an escape beyond Unicode
        raise WebConfigError(
            file, {Fault(START, "", "not YAML: a bad character or number, or nested too deeply")}
        ) from None


def _text(file: Path) -> str:
    try:
        if not file.is_file():  # opening a pipe would wait for its writer
            reason = "is not a file" if file.exists() else "does not exist"
        elif file.stat().st_size > _LARGEST_FILE:
            reason = f"is larger than {_LARGEST_FILE // 1024} KiB"
        else:
            return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    raise WebConfigError(file, {Fault(START, "", reason)})


class Section:
    """One mapping of the file; places and faults are shared by all of them."""

    def __init__(self, path: str, node: yaml.Node | None, places: dict[str, Place], faults: set[Fault]) -> None:
        self.nodes: dict[str, yaml.Node] = {}
        self.places = places
        self.faults = faults
        self._path = path
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._enter(key, value)
        elif node is not None and not _is_null(node):
            faults.add(Fault(_place(node), path, "is no mapping: write `key: value`, one a line"))

    def _enter(self, key: yaml.Node, value: yaml.Node) -> None:
        if not isinstance(key, yaml.ScalarNode):
            self.faults.add(Fault(_place(key), self._path, "has a key that is not plain text"))
        elif key.value in self.nodes:
            self.faults.add(Fault(_place(key), self._full(key.value), "stands here twice"))
        else:
            self.nodes[key.value] = value
            self.places[self._full(key.value)] = _place(key)

    def _full(self, key: str) -> str:
        # A key may be somebody's hash in the wrong column, or break the log's line.
        shown = key if key.isprintable() and len(key) <= _LONGEST_KEY and "$2" not in key else "(not shown)"
        return f"{self._path}.{shown}" if self._path else shown

    def fault(self, key: str, message: str) -> None:
        """Record a fault of a key, at its section where the key is missing."""
        full = self._full(key)
        self.faults.add(Fault(self.places.get(full) or self.places.get(self._path, START), full, message))

    def allow(self, *known: str, refused: Mapping[str, str] = _NOTHING) -> None:
        """Record each key that is not known."""
        for key in self.nodes.keys() - set(known):
            self.fault(key, refused.get(self._full(key), f"is not known; known here: {', '.join(known)}"))

    def section(self, key: str) -> "Section":
        """Return the mapping under a key, empty where there is none."""
        return Section(self._full(key), self.nodes.get(key), self.places, self.faults)

    def text(self, key: str) -> str:
        """Return a key's text, "" where there is none."""
        node = self.nodes.get(key)
        if node is None or _is_null(node):
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.fault(key, "is not plain text")
            return ""
        return str(node.value)

    def required(self, key: str) -> str:
        """Return a key's text, which must be there."""
        text = self.text(key)
        if not text and isinstance(self.nodes.get(key), yaml.ScalarNode | None):
            self.fault(key, "is missing")
        return text

    def flag(self, key: str) -> bool | None:
        """Return a key's true or false, None where it says nothing."""
        word = self.text(key)
        if not word:
            return None
        if self.nodes[key].tag != _BOOL:
            self.fault(key, "write true or false")
        return word.lower() in ("true", "yes", "on")

    def choice(self, key: str, choices: Mapping[str, T], refused: Mapping[str, str]) -> T | None:
        """Return what a key's word stands for, None where it says nothing."""
        word = self.text(key)
        if word in refused:
            self.fault(key, f"{word} {refused[word]}")
        elif word and word not in choices:
            self.fault(key, f"write one of {', '.join(choices)}")
        return choices.get(word)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
