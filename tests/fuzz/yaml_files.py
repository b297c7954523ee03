"""YAML near a schema: files that exist, with lines moved, values exchanged, and anchors where none belong."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Self

from exporter.document.problems import ConfigError
from tests.fuzz.mutation import Words, damaged
from tests.fuzz.target import Finding

KEY = "sk_canary_5ecre7_0123456789abcdef"
HASH = "$2y$10$canary5ecre7abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
PASSWORD = "http://user:canary-5ecre7@proxy:3128"  # noqa: S105 - nobody's
_REPEATED = re.compile(r"(?<![A-Za-z0-9/_.-])sk_(?:canary_5ecre7|short)|\$2y\$10\$canary|//user:canary-5ecre7@")
"""A secret as people paste them: sk_ in the middle of a name or after a slash is none."""
_PLACED = re.compile(r"\d+:\d+: .+")
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
# fmt: off
_VALUES = (
    "", "null", "~", "true", "no", "on", "0", "-1", "1e3", "1:30", "0x10", "0o7", ".inf", ".nan", "9" * 400,
    "2001-01-01", "text", "'quoted'", '"dou\\ble"', '"\\ud800"', '"\\x00"', "[]", "{}", "[a, b]", "{a: b}", "&a text",
    "*a", "<<", "!!binary aa", "!x y", "|\n  block", "- a", "? a", "60s", "5m", "1h30m", "0s", "999999d", "3%", "0.05",
    "..", "/", "http://h", "https://u:p@h", "http://[", KEY, f'"{KEY}"', f"Bearer {KEY}", HASH, f"'{HASH}'", PASSWORD,
    "sk_short", "x" * 100, "\u00e9", "\u2028", "%", "@", "`",
)
_WORDS: Words = tuple(
    word.encode()
    for word in (*_VALUES, ":", ": ", "\n", "\n  ", "- ", "#", "<<: *a", "---\n", "...", "\t", "\ufeff")
)
# fmt: on


class YamlFiles:
    """Fuzz a loader of YAML files: it gives what it is for, or a ConfigError whose every line has its place."""

    batch = 1

    def __init__(self, name: str, seeds: Sequence[str], load: Callable[[Path], Sequence[str]]) -> None:
        """Take a function that loads a file and returns what it warns of, or what it is told beside."""
        self.name = name
        self._load = load
        self._seeds = (*seeds, _BOMB)
        self._keys = sorted({match[1] for seed in seeds for match in re.finditer(r"([\w-]+):", seed)})

    def make(self, dice: Random) -> bytes:
        """Change the lines of a file that exists, then damage its bytes, mostly not."""
        lines = dice.choice(self._seeds).split("\n")
        for _ in range(dice.choice((1, 1, 2, 3, 6))):
            dice.choice(_CHANGES)(lines, dice, self._keys)
        text = "\n".join(lines).encode(errors="surrogatepass")
        return damaged(text, dice, _WORDS) if dice.random() < 0.3 else text

    def outcomes(self, inputs: Sequence[bytes]) -> list[str]:
        """Load each file."""
        return [self._outcome(content) for content in inputs]

    def _outcome(self, content: bytes) -> str:
        self._file.write_bytes(content)
        breaks = len(_BREAKS.findall(content.decode(errors="replace")))
        try:
            told = self._load(self._file)
        except ConfigError as error:
            self._check([*map(str, error.problems)], breaks)
            if str(error).count("\n") + 1 != len(error.problems) or not error.problems:
                raise Finding(f"a problem is not one line: {error}") from error
            return _shape(error.problems[0].message)
        self._check(told, breaks)
        return "loaded" + (", with a warning" if told else "")

    def _check(self, lines: Sequence[str], breaks: int) -> None:
        for line in lines:
            place = line.removeprefix(f"{self._file}:")
            if not _PLACED.fullmatch(place):
                raise Finding(f"has no place: {line!r}")
            number, column, _ = place.split(":", 2)
            if not (1 <= int(number) <= breaks + 2 and int(column) >= 1):  # libyaml ends the last line itself
                raise Finding(f"is placed outside the file: {line!r}")
            if _REPEATED.search(place):
                raise Finding(f"repeats a secret: {line!r}")

    def __enter__(self) -> Self:
        """Make a folder for the file."""
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, "file.yaml")
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder."""
        self._folder.cleanup()


def _shape(message: str) -> str:
    """Give a message without what it repeats of the file."""
    return re.sub(r'"(\\.|[^"])*"|\d+', "_", message)[:80]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _drop(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    if lines:
        del lines[dice.randrange(len(lines))]


def _double(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    if lines:
        lines.insert(dice.randrange(len(lines)), dice.choice(lines))


def _swap(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    if lines:
        one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]


def _shift(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    if lines:
        at = dice.randrange(len(lines))
        lines[at] = lines[at].removeprefix("  ") if dice.random() < 0.5 else f"  {lines[at]}"


def _exchange_value(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    _edit(lines, dice, lambda key, _: f"{key}: {dice.choice(_VALUES)}")


def _exchange_key(lines: list[str], dice: Random, keys: Sequence[str]) -> None:
    new = dice.choice((*keys, *_VALUES))
    _edit(lines, dice, lambda key, value: f"{_indent(key)}{'- ' * ('- ' in key)}{new}:{value}")


def _anchor(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    _edit(lines, dice, lambda key, value: f"{key}: {dice.choice(('&a', '*a', '!!map', '!'))}{value}")


def _merge(lines: list[str], dice: Random, _: Sequence[str]) -> None:
    at = dice.randrange(len(lines) + 1)
    lines.insert(
        at, f"{_indent(lines[at - 1]) if lines else ''}<<: {dice.choice(('*a', '{interval: 60s}', '[*a, *a]', '5'))}"
    )


def _add(lines: list[str], dice: Random, keys: Sequence[str]) -> None:
    at = dice.randrange(len(lines) + 1)
    lines.insert(at, f"{_indent(lines[at - 1]) if lines else ''}{dice.choice(keys)}: {dice.choice(_VALUES)}")


def _edit(lines: list[str], dice: Random, change: Callable[[str, str], str]) -> None:
    """Change a line that has a key."""
    with_key = [at for at, line in enumerate(lines) if ":" in line]
    if with_key:
        at = dice.choice(with_key)
        key, _, value = lines[at].partition(":")
        lines[at] = change(key, value)


_CHANGES = (_drop, _double, _swap, _shift, _exchange_value, _exchange_value, _exchange_key, _anchor, _merge, _add)
