"""From a file to items: YAML 1.1 without its surprises, bounded in depth and size."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.reader import Reader

from exporter.document.item import Item, step
from exporter.document.problems import ConfigError, Problem

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML was built without libyaml: the same, but ten times slower
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]  # has what we use of the other

_DEEPEST = 20
_ALIASED = 100_000
_TAG = "tag:yaml.org,2002:"
_TEXT = {"str", "timestamp", "value", "merge"}
_QUOTED = re.compile(r"(alias|anchor|handle) (['\"]).*?\2")  # the slow loader quotes what may be a secret


class _Loader(_BaseLoader):
    """Count levels where PyYAML would look for tags by path, of which there are none."""

    depth = 0

    def descend_resolver(self, parent: yaml.Node, _: Any) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:  # the loader calls itself for each level and would run out of stack
            problem = f"it is nested more than {_DEEPEST} levels deep"
            raise yaml.composer.ComposerError(None, None, problem, parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


def read(
    file: Path,
    problems: list[Problem],
    kind: type[Item] = Item,
    *,
    largest: int | None = None,
    needed: str | None = None,
) -> Item:
    """Read a file into items and record what keeps it from being read whole. Raises ConfigError where nothing is.

    `largest` is its most bytes; a limit also refuses what is no file, such as a pipe, which might never end. `needed`
    is the key to ask for in an empty file; without one, an empty file is null.
    """
    text = _text(file, largest)
    node = _compose(file, text)
    if node is None and needed:
        _refuse(file, f"is empty: it needs at least the key {needed}")
    return (
        _Reading(file, problems, kind, _ALIASED + 4 * len(text)).item(node, "", node) if node else kind(file, 1, 1, "")
    )


def _text(file: Path, largest: int | None) -> str:
    try:
        if largest is not None:
            _limit(file, largest)
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = len(before) - before.rfind(b"\n")
        _refuse(file, "is not UTF-8 text", before.count(b"\n") + 1, column)
    if bad := Reader.NON_PRINTABLE.search(text):
        before_bad = text[: bad.start()]
        column = len(before_bad) - before_bad.rfind("\n")
        _refuse(file, "has a character that YAML does not allow", before_bad.count("\n") + 1, column)
    return text


def _limit(file: Path, largest: int) -> None:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        _refuse(file, "is not a file")
    if status.st_size > largest:
        _refuse(file, f"is larger than {largest // 1024} KiB")


def _compose(file: Path, text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            _refuse(file, "holds more than one document: write one, without a line --- in its middle")
    except yaml.MarkedYAMLError as error:
        mark, begin = error.problem_mark, error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        begun = f" ({error.context}, begun in line {begin.line + 1})" if begin and begin.line + 1 != place[0] else ""
        problem = _QUOTED.sub(r"\1", f"{error.problem}{begun}")
        _refuse(file, f"cannot be read as YAML: {problem}", *place)
    except (yaml.YAMLError, ValueError, OverflowError):  # the slow loader, at an escape that is no character
        _refuse(file, "cannot be read as YAML")
    return node


def _refuse(file: Path, message: str, line: int = 1, column: int = 1) -> NoReturn:
    raise ConfigError([Problem(file, line, column, "", message)]) from None


class _Reading:
    """Turn nodes into items, aliases and merge keys into copies of what they stand for."""

    def __init__(self, file: Path, problems: list[Problem], kind: type[Item], most: int) -> None:
        self._file = file
        self._problems = problems
        self._kind = kind
        self._left = most

    def item(self, node: yaml.Node, path: str, key: yaml.Node, depth: int = 0) -> Item:
        """Return a node and all below it as an item."""
        self._spend(node, depth)
        line, column = _place(node)
        item = self._kind(self._file, line, column, path, None, "", _place(key))
        tag = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and tag == "map":
            return item.checked(self._mapping(node, path, depth))
        if isinstance(node, yaml.SequenceNode) and tag == "seq":
            entries = (self.item(entry, f"{path}[{n}]", entry, depth + 1) for n, entry in enumerate(node.value))
            return item.checked(list(entries))
        if isinstance(node, yaml.ScalarNode) and tag in _TEXT | {"null", "bool", "int", "float"}:
            return self._kind(self._file, line, column, path, _scalar(tag, node.value), node.value, _place(key))
        return item.refused(
            "has a YAML tag, which has no meaning here: quote a text that begins with !", self._problems
        )

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Item]:
        items: dict[str, Item] = {}
        for key, value, merged in self._pairs(node, path, depth):
            name, (line, column) = key.value, _place(key)
            if not isinstance(name, str):
                self._problems.append(Problem(self._file, line, column, path, "a key must be text"))
            elif name not in items:
                items[name] = self.item(value, step(path, name), key, depth + 1)
            elif not merged:
                first, _ = items[name].key_place
                message = f"the key stands twice, first in line {first}: remove one"
                self._problems.append(Problem(self._file, line, column, step(path, name), message))
        return items

    def _pairs(
        self, node: yaml.MappingNode, path: str, depth: int, *, merged: bool = False
    ) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """Give a mapping's own pairs, then those of its merge keys: the first of a name counts."""
        self._spend(node, depth)
        sources: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag != f"{_TAG}merge":
                yield key, value, merged
            else:
                sources += value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            if isinstance(source, yaml.MappingNode):
                yield from self._pairs(source, path, depth + 1, merged=True)
            else:
                problem = Problem(self._file, *_place(source), step(path, "<<"), "only a mapping can be merged")
                self._problems.append(problem)

    def _spend(self, node: yaml.Node, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            _refuse(self._file, "aliases repeat this too often, or without end", *_place(node))


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(tag: str, text: str) -> bool | float | str | None:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() in {"yes", "true", "on"}
    try:
        return text if tag in _TEXT else (int(text) if tag == "int" else float(text))
    except ValueError:  # YAML 1.1 takes 1:30 for the number 90: here it stays text
        return text
