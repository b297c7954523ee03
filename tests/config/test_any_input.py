"""Whatever a file holds: a configuration that survives being written, or a ConfigError that says where it is wrong."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import ConfigError, Problem, dump, load
from exporter.config.schema import FILE
from exporter.document.item import Item
from exporter.document.reading import read
from exporter.document.shapes import Each, Section, Shape
from exporter.sandbox import demo_config
from tests.config.problems import FAULTS
from tests.config.test_dump import ODD
from tests.process import ROOT

KEY = "sk_canary_5ecre7_0123456789abcdef"
HASH = "$2y$10$canary5ecre7abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
PROXY = "http://user:canary-5ecre7@proxy:3128"
REPEATED = re.compile(r"(?<![A-Za-z0-9/_.-])sk_(?:canary_5ecre7|short)|\$2y\$10\$canary|//user:canary-5ecre7@")
"""A secret as people paste them: sk_ in the middle of a name or after a slash is none."""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
SEEDS = [ODD, (ROOT / "config.example.yaml").read_text(), demo_config("http://127.0.0.1:1"), BOMB]
SEEDS += [beginning + rest for beginning, rest, *_ in FAULTS]
# fmt: off
PIECES = st.text(max_size=3) | st.sampled_from([
    "null", "~", "true", "no", "on", "-1", "1e3", "3e-2", "1:30", "0x10", "0o7", ".inf", ".nan", "9" * 400,
    "2001-01-01", "text", "'quoted'", r'"dou\\ble"', r'"\ud800"', r'"\ud83d\ude80"', r'"\x00"', "[]", "{}", "[a, b]",
    "{a: b}", "&a t", "*a", "<<", "<<: *a", "!!binary aa", "!x y", "|\n  block", "- a", "? a", "60s", "1h30m", "0s",
    "999999d", "3%", "0.5", "..", "/", "http://h", "https://[", KEY, f'"{KEY}"', f"Bearer {KEY}", HASH, f"'{HASH}'",
    PROXY, "sk_short", "x" * 100, "\xe9", "\xa0", "\u200b", "\u2028", "\ufeff", "%", "@", "`", ":", ": ", "\n", "\n  ",
    "- ", "#", "---\n", "...", "\t",
])
# fmt: on
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), PIECES)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Draw a file that has a test, with some of its words replaced, moved, doubled or gone."""
    words = re.findall(r"\n *|\w+|.", draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        begin, end, at = (draw(st.integers(0, len(words))) for _ in range(3))
        end = min(end, begin + draw(st.sampled_from([0, 1, 1, 5, 50])))
        words[begin:end] = draw(st.sampled_from([[], [draw(PIECES)], [draw(PIECES)], words[at : at + 5]]))
    return "".join(words)


def near(shape: Shape) -> st.SearchStrategy[Any]:
    """Return values that mostly have the form that the schema asks for."""
    if isinstance(shape, Each):
        return st.lists(near(shape.shape), max_size=3) | SCALARS
    if isinstance(shape, Section):
        known: st.SearchStrategy[dict[str, Any]]
        known = st.fixed_dictionaries({}, optional={key: near(below) for key, below in shape.keys.items()})
        return st.one_of(known, known, known, st.dictionaries(st.text(max_size=4), SCALARS, max_size=2), SCALARS)
    return SCALARS | st.dictionaries(st.sampled_from(["team", "le", "a b"]), SCALARS, max_size=2)


def plain(item: Item) -> Any:
    """Return what an item and all below it mean, without their places."""
    if isinstance(item.value, dict):
        return {key: plain(each) for key, each in item.value.items()}
    return [plain(each) for each in item.value] if isinstance(item.value, list) else item.value


def holds(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_bytes(content)
        try:
            config = load(file)
        except ConfigError as error:
            lines = [*map(str, error.problems)]
        else:
            lines = [*config.warnings]
            file.write_text(dump(config), "utf-8")
            has_password = any("@" in (workspace.api.proxy_url or "") for workspace in config.workspaces)
            if not has_password:  # it would be masked
                assert load(file)._replace(warnings=config.warnings) == config
        breaks = len(re.findall("\r\n|[\n\r\x85\u2028\u2029]", content.decode(errors="replace")))
        for line in lines:
            number, column, message = line.removeprefix(f"{file}:").split(":", 2)
            assert len(line.splitlines()) == 1
            assert 1 <= int(number) <= breaks + 2  # libyaml ends the last line itself
            assert int(column) >= 1
            assert not REPEATED.search(message)


LIKE_YAML = [*"abc:-[]{}&*<>!|#%@\"'\\?, \n\t0", "\n  ", "- ", ": ", "&a ", "*a", "<<: *a", "---"]
CONTENTS: dict[str, st.SearchStrategy[str | bytes]] = {
    "damaged files": damaged(),
    "documents near the schema": near(FILE).map(lambda document: yaml.safe_dump(document, allow_unicode=True)),
    "text that looks like YAML": st.lists(st.sampled_from(LIKE_YAML)).map("".join),
    "bytes": st.binary(max_size=64),
}


@pytest.mark.parametrize("kind", CONTENTS)
@given(st.data())
def test_any_content(kind: str, data: st.DataObject) -> None:
    content = data.draw(CONTENTS[kind])
    holds(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8)  # \x7f: YAML has none
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([None, 2, "\t"]))
def test_what_json_writes_is_read_again(document: Any, indent: str | int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, problems = Path(folder, "file.json"), list[Problem]()
        file.write_text(json.dumps(document, indent=indent))
        assert (plain(read(file, problems)), problems) == (document, [])


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_without_end(opening: str) -> None:
    holds(opening.encode() * 50_000)
