"""What the pages on deployment link to exists."""

import re
from pathlib import Path

import pytest

from tests.process import ROOT

PAGES = sorted((ROOT / "docs/deploy").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_it_links_to_exist(page: Path) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text()) if "://" not in link]
    assert links
    assert not [link for link in links if link and not (page.parent / link).exists()]
