"""Metrics, alerts, reasons, flags, variables, configuration keys, files and targets that pages name are there."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config.schema import FILE
from exporter.demo import demo_parser, sandbox_parser
from exporter.document.shapes import Each, Section, Shape
from exporter.errors import Reason
from exporter.flags import environment_variable
from exporter.options import serve_parser
from grafana.metrics import EXPORTED
from prometheus.customize import RUNBOOKS
from tests.docs.pages import PAGES, prose, read
from tests.process import ROOT
from tests.rules.documents import alerts, rules

PARSERS = (serve_parser(), demo_parser(), sandbox_parser())
FLAGS = {flag for parser in PARSERS for action in parser._actions for flag in action.option_strings}  # noqa: SLF001 - argparse has no other list
OF_OTHERS = {"--alertmanager.url", "--cluster.listen-address", "--storage.tsdb.path", "--storage.path"}
"""Flags with a dot that Prometheus and Alertmanager have and the exporter has not."""
NO_METRICS = {"leadterra_api_key", "leadterra_api_keys", "leadterra_exporter"}
"""Files, folders and modules whose names look like a metric's."""
TROUBLESHOOTING = prose(Path("docs/guide/troubleshooting.md"))


def keys(shape: Shape, path: str = "") -> Iterator[str]:
    """Return the path of every key of the configuration."""
    if isinstance(shape, Each):
        yield from keys(shape.shape, path)
    elif isinstance(shape, Section):
        for key, below in shape.keys.items():
            yield f"{path}{key}"
            yield from keys(below, f"{path}{key}.")


NAMES = {
    "metrics": (
        r"(?<![:\w])leadterra_(?:campaign|api|workspace|exporter)_\w*[a-z0-9]\b",
        {name[: end.start()] for name in EXPORTED for end in re.finditer("(?=_)|$", name)} | NO_METRICS,
    ),
    "recorded series": (r"\bcampaign:leadterra_\w+:\w+\b", {rule["record"] for rule in rules() if "record" in rule}),
    "alerts": (r"\bLeadterra(?:Campaign|Exporter|API)[A-Z]\w+\b", {alert["alert"] for alert in alerts()}),
    "flags": (r"(?<![\w-])--[a-z]+\.[a-z.-]*[a-z]", FLAGS | OF_OTHERS),
    "variables": (
        r"\bLEADTERRA_EXPORTER_[A-Z_]*[A-Z]\b",
        {environment_variable(flag) for flag in FLAGS} | {"LEADTERRA_EXPORTER_REVISION"},
    ),
    "configuration keys": (r"`((?:api|poll|sending|thresholds|senders|links|workspaces)\.[\w.]+?)`", set(keys(FILE))),
    "make targets": (
        r"(?m)(?:`|^)make ([a-z-]+)",
        set(re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"))),
    ),
}
"""How each kind of name is found, and all that there are."""


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("kind", NAMES)
def test_what_a_page_names_exists(kind: str, page: Path) -> None:
    pattern, known = NAMES[kind]
    assert set(re.findall(pattern, read(page))) - known == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_exist(page: Path) -> None:
    """Paths in backticks that begin with a folder of the repository, from its root or from beside it."""
    folders = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".venv")
    for path in re.findall(rf"`(?:\./)?((?:{folders})/[\w./*-]*)`", read(page)):
        assert list(ROOT.glob(path.rstrip("/"))), f"{page}: {path}"


def test_messages_that_are_quoted_are_said_and_each_reason_is() -> None:
    """What troubleshooting quotes with `...` in it, and what it says of the log, part by part."""
    quoted = [text for text in re.findall(r"`([^`]+)`", TROUBLESHOOTING) if "..." in text]
    _, _, log = TROUBLESHOOTING.partition("## The log")
    rows = re.findall(r"(?m)^\| (`.+?) \|", log.partition("\n## ")[0])
    quoted += [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    parts = {part.strip() for text in quoted for part in re.split(r"\.\.\.|:", text) if " " in part.strip()}
    parts.remove("was collected before with the same name and label values")  # by node_exporter
    said = "".join(path.read_text("utf-8") for path in (ROOT / "exporter").rglob("*.py")).lower()
    said += "".join(map(os.strerror, (errno.EACCES, errno.ENOENT, errno.EADDRINUSE))).lower()
    assert len(parts) >= 25
    assert {f"`{reason}`" for reason in Reason} <= set(re.findall(r"(?m)^\| (.*?) \|", TROUBLESHOOTING))
    table = read(Path("docs/metrics.md")).partition("| reason | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \| .", table) == list(Reason)
    assert [part for part in parts if part.lower().removesuffix(" file") not in said] == []


_OWN = RUNBOOKS.removesuffix("docs/runbooks/")
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


def links(page: Path) -> list[str]:
    """Return the links of a page to the repository's own files."""
    found = (link or image for link, image in _LINK.findall(prose(page)))
    return [link for link in found if "://" not in link or link.startswith(_OWN)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = ROOT / target.removeprefix(_OWN) if target.startswith(_OWN) else (ROOT / page).parent / target
        path = path if target else ROOT / page
        assert path.exists(), f"{page}: {link}"
        headings = re.findall(r"(?m)^#+ (.*)$", path.read_text("utf-8")) if anchor else []
        anchors = {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}  # GitHub's
        assert not anchor or anchor in anchors, f"{page}: {link}"


def test_every_page_can_be_reached_from_the_index() -> None:
    """So that nobody writes a page that nobody finds."""
    seen, todo = set(), [Path("docs/README.md")]
    while todo:
        page = todo.pop()
        seen.add(page)
        below = {((ROOT / page).parent / link.partition("#")[0]).resolve() for link in links(page)}
        todo += [found for found in PAGES if (ROOT / found).resolve() in below and found not in seen]
    assert [str(page) for page in PAGES if page.parts[0] == "docs" and page not in seen] == []
