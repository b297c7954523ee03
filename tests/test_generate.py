"""That what is generated from the code is what is committed."""

import re
from pathlib import Path

import pytest

from exporter.errors import Reason
from tests.generate import ROOT, generated

GENERATED = generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_committed_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_bytes() == GENERATED[path], "out of date: run `make generate`"


def test_every_reason_has_a_meaning() -> None:
    table = (ROOT / "docs" / "metrics.md").read_text().partition("| reason | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \| .", table, re.MULTILINE) == list(Reason)
