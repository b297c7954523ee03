"""Whatever a file holds: a configuration, or a ConfigError."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import ConfigError, Problem, dump, load
from exporter.config.schema import FILE
from exporter.document.shapes import Each, Section, Shape

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(["60s", "5m", "3%", "camp_1", "..", "KEY", "http://h", "https://u:p@h", "/", "https://[", "<<"]),
)


def _near(shape: Shape) -> st.SearchStrategy[Any]:
    """Give values that mostly have the form that the schema asks for."""
    if isinstance(shape, Each):
        return st.lists(_near(shape.shape), max_size=3) | SCALARS
    if isinstance(shape, Section):
        known: st.SearchStrategy[dict[str, Any]]
        known = st.fixed_dictionaries({}, optional={key: _near(below) for key, below in shape.keys.items()})
        return st.one_of(known, known, known, st.dictionaries(st.text(max_size=4), SCALARS, max_size=2), SCALARS)
    return SCALARS | st.dictionaries(st.sampled_from(["team", "le", "a b"]), SCALARS, max_size=2)


YAML_ISH = st.lists(
    st.sampled_from([*"abc:-[]{}&*<>!|#%@\"'\\?, \n\t0", "\n  ", "- ", ": ", "&a ", "*a", "<<: *a", "---"])
)


def _load(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_bytes(content)
        problems = _problems(file)
    assert len("\n".join(map(str, problems)).splitlines()) == len(problems)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


def _problems(file: Path) -> tuple[Problem, ...]:
    try:
        dump(load(file))
    except ConfigError as error:
        return error.problems
    return ()


@settings(deadline=None)  # a busy machine is no failure
@given(_near(FILE))
def test_documents_near_the_schema(document: Any) -> None:
    _load(yaml.safe_dump(document, allow_unicode=True).encode(errors="surrogatepass"))


@settings(deadline=None)  # a busy machine is no failure
@given(YAML_ISH.map("".join))
def test_text_that_looks_like_yaml(text: str) -> None:
    _load(text.encode())


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=64))
def test_any_bytes(content: bytes) -> None:
    _load(content)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_without_end(opening: str) -> None:
    _load(opening.encode() * 50_000)
