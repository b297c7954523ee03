"""To items: YAML 1.1 without its surprises, bounded in depth and size; JSON is YAML but for surrogate pairs."""

import re
import stat
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.reader import Reader

from exporter.document.item import ConfigError, Item, Problem, step

_DEEPEST = 20
_ALIASED = 100_000
_TAG = "tag:yaml.org,2002:"
_TEXT = {"str", "timestamp", "value", "merge"}
_SCALARS = _TEXT | {"null", "bool", "int", "float"}
_ADVICE = {
    "mapping values are not allowed": "put a text with a colon in quotes, and see that keys stand in one column",
    "cannot start any token": "put a text that begins with it in quotes",
    "undefined alias": "put a text that begins with * in quotes",
    "find expected ':'": "write a colon and a blank after a key",
    "expected <document start>": "remove what follows the end",
    "unexpected end of stream": "close the quotes",
}
"""What to write instead of what a problem of syntax, which begins or ends like this, comes from."""
_NO_BLANK = r"(?m)(?<=^)[ -]*([\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff])"
_JSON_NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"
_PAIR = r"(?i)(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})"


def read(file: Path, problems: list[Problem], *, largest: int | None = None, empty: str = "") -> Item:
    """Read a file into items, as read_bytes and parse do. Raises ConfigError."""
    return parse(file, decode(file, read_bytes(file, largest)), problems, empty=empty)


def read_bytes(file: Path, largest: int | None) -> bytes:
    """Return the bytes of a file; a limit also refuses a pipe, which might never end. Raises ConfigError."""
    try:
        status = file.stat()
        is_file = stat.S_ISREG(status.st_mode)
        is_device = stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)  # which may have no end
        if not is_device if largest is None else is_file and status.st_size <= largest:
            return file.read_bytes()
        message = f"is larger than {(largest or 0) // 1024} KiB" if is_file else "is not a file"
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    raise ConfigError([Problem(file, 1, 1, "", message)])


def decode(file: Path | str, content: bytes) -> str:
    """Return bytes as the text that they are. Raises ConfigError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        advice = "save it as UTF-8"
        if str(file).lower().endswith(".csv"):
            advice = 'in Excel save it as "CSV UTF-8", in LibreOffice choose the character set UTF-8'
        message = f"is not UTF-8 text: {advice}"
        raise ConfigError([Problem(file, *_end(error.object[: error.start].decode()), "", message)]) from None


def parse(file: Path | str, text: str, problems: list[Problem], *, empty: str = "") -> Item:
    """Return text that was read from a file, or from a URL, as items. Raises ConfigError where it has no such form.

    `empty` is what to say of text that holds nothing; without it, that is null. Where it comes from a URL or is named
    .json, problems of syntax are called those of JSON.
    """
    root = _Document(file, text, problems).root()
    if root is None and empty:
        raise ConfigError([Problem(file, 1, 1, "", f"is empty: {empty}")])
    return root or Item(file, 1, 1, "")


class _Loader(yaml.CSafeLoader):
    """Count levels where PyYAML looks for tags by path, of which there are none: it has no other place to do so."""

    depth = 0

    def descend_resolver(self, parent: yaml.Node, _: Any) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:  # the loader calls itself for each level and would run out of stack
            problem = f"it is nested more than {_DEEPEST} levels deep"
            raise yaml.composer.ComposerError(None, None, problem, parent.start_mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _Document:
    """Turn nodes into items, aliases and merge keys into copies of what they stand for."""

    def __init__(self, file: Path | str, text: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._is_json = not isinstance(file, Path) or file.suffix.lower() == ".json"
        self._left = _ALIASED + 4 * len(text)
        self._text = re.sub(_PAIR, _joined, text) if "\\u" in text else text

    def root(self) -> Item | None:
        """Return the whole document, None where there is none."""
        if bad := Reader.NON_PRINTABLE.search(self._text):
            message = f"has a character that YAML does not allow, U+{ord(bad[0]):04X}: remove it"
            self._refuse(message, _end(self._text[: bad.start()]))
        loader = _Loader(self._text)
        try:
            node = loader.get_node() if loader.check_node() else None
            if loader.check_node():
                self._refuse("holds more than one document: write one, without a line --- in its middle", (1, 1))
        except yaml.MarkedYAMLError as error:
            self._refuse_syntax(error)
        return None if node is None else self._item(node, "", node)

    def _refuse_syntax(self, error: yaml.MarkedYAMLError) -> NoReturn:
        mark, begin, problem = error.problem_mark, error.context_mark, error.problem
        place = _place(mark) if mark else (1, 1)
        if mark and self._text[mark.index : mark.index + 1] == "\t":
            self._refuse("has a tab here: indent with blanks", place)
        if no_blank := re.search(_NO_BLANK, self._text):
            message = f"has U+{ord(no_blank[1]):04X} here, which only looks like a blank: indent with blanks"
            self._refuse(message, _end(self._text[: no_blank.start(1)]))
        if "Unicode character escape" in str(problem):
            self._refuse("has an escape that is no character, such as half of a surrogate pair: remove it", place)
        if begin and begin.line + 1 != place[0]:
            problem = f"{problem} ({error.context}, begun in line {begin.line + 1})"
        advice = next((f": {advice}" for part, advice in _ADVICE.items() if part in str(error.problem)), "")
        self._refuse(f"cannot be read as {'JSON' if self._is_json else 'YAML'}: {problem}{advice}", place)

    def _refuse(self, message: str, place: tuple[int, int]) -> NoReturn:
        raise ConfigError([Problem(self._file, *place, "", message)]) from None

    def _item(self, node: yaml.Node, path: str, key: yaml.Node, depth: int = 0) -> Item:
        self._spend(node, depth)
        place = _place(node.start_mark)
        item = Item(self._file, *place, path, None, "", place if key is node else _place(key.start_mark))
        tag = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and tag == "map":
            item.value = self._mapping(node, path, depth)
        elif isinstance(node, yaml.SequenceNode) and tag == "seq":
            item.value = [self._item(entry, f"{path}[{n}]", entry, depth + 1) for n, entry in enumerate(node.value)]
        elif isinstance(node, yaml.ScalarNode) and tag in _SCALARS:
            item.value, item.text, item.is_quoted = _scalar(tag, node.value), node.value, bool(node.style)
            is_bare = isinstance(item.value, str) and not item.is_quoted
            if self._is_json and is_bare and not re.fullmatch(_JSON_NUMBER, item.text):
                item.refuse(f"{item.shown} is no JSON: put a text in double quotes", self._problems)
        else:
            message = "has a YAML tag, which has no meaning here: quote a text that begins with !"
            item.refuse(message, self._problems)
        return item

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Item]:
        """Return a mapping's own keys, and those of its merge keys: the first of a name counts."""
        items: dict[str, Item] = {}
        sources: list[yaml.Node] = []
        for key, value in node.value:
            name = key.value
            if key.tag == f"{_TAG}merge":
                sources += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(name, str):
                self._record(key, path, "a key must be text")
            elif name in items:
                message = f"the key stands twice, first in line {items[name].key_place[0]}: remove one"
                self._record(key, step(path, name), message)
            else:
                items[name] = self._item(value, step(path, name), key, depth + 1)
        for source in sources:
            self._spend(source, depth)
            if isinstance(source, yaml.MappingNode):
                items = self._mapping(source, path, depth + 1) | items
            else:
                self._record(source, step(path, "<<"), "only a mapping can be merged")
        return items

    def _record(self, node: yaml.Node, path: str, message: str) -> None:
        self._problems.append(Problem(self._file, *_place(node.start_mark), path, message))

    def _spend(self, node: yaml.Node, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            self._refuse("aliases repeat this too often, or without end", _place(node.start_mark))


def _end(text: str) -> tuple[int, int]:
    """Return the line and column that follow a text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _joined(pair: re.Match[str]) -> str:
    r"""Write a surrogate pair, such as \ud83d\ude80, as YAML can read it: what follows moves by two columns."""
    return f"{pair[1]}\\U{ord(bytes.fromhex(pair[2] + pair[3]).decode('utf-16-be')):08x}"


def _place(mark: yaml.Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _scalar(tag: str, text: str) -> bool | float | str | None:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() in {"yes", "true", "on"}
    try:
        return text if tag in _TEXT else (int(text) if tag == "int" else float(text))
    except ValueError:  # YAML 1.1 takes 1:30 for the number 90: here it stays text
        return text
