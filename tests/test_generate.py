"""That what is generated from the code is what is committed."""

from pathlib import Path

import pytest

from exporter.errors import MEANINGS, Reason
from tests.generate import ROOT, generated

GENERATED = generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_committed_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_bytes() == GENERATED[path], "out of date: run `make generate`"


def test_every_reason_has_a_meaning() -> None:
    assert list(MEANINGS) == list(Reason)
