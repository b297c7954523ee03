"""Every link in the documentation leads somewhere; those into the internet are not followed here."""

import re
from pathlib import Path

import pytest

from prometheus.customize import RUNBOOKS
from tests.docs.pages import PAGES, prose
from tests.process import ROOT

_OWN = RUNBOOKS.removesuffix("docs/runbooks/")
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


def links(page: Path) -> list[str]:
    """Return the links of a page to the repository's own files."""
    found = (link or image for link, image in _LINK.findall(prose(page)))
    return [link for link in found if "://" not in link or link.startswith(_OWN)]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = ROOT / target.removeprefix(_OWN) if target.startswith(_OWN) else (ROOT / page).parent / target
        path = path if target else ROOT / page
        assert path.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(path.read_text("utf-8")), f"{page}: {link}"


def test_every_page_can_be_reached_from_the_index() -> None:
    """So that nobody writes a page that nobody finds."""
    seen, todo = set(), [Path("docs/README.md")]
    while todo:
        page = todo.pop()
        seen.add(page)
        below = {((ROOT / page).parent / link.partition("#")[0]).resolve() for link in links(page)}
        todo += [found for found in PAGES if (ROOT / found).resolve() in below and found not in seen]
    assert [str(page) for page in PAGES if page.parts[0] == "docs" and page not in seen] == []
