"""Metrics, alerts, reasons, flags, variables, configuration keys, files and targets that pages name are there."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config.schema import FILE
from exporter.document.shapes import Each, Section, Shape
from exporter.errors import Reason
from exporter.flags import demo_parser, environment_variable, sandbox_parser, serve_parser
from grafana.metrics import EXPORTED
from tests.docs.pages import PAGES, prose, read
from tests.process import ROOT
from tests.rules.documents import alerts, rules

PARSERS = (serve_parser(), demo_parser(), sandbox_parser())
FLAGS = {flag for parser in PARSERS for action in parser._actions for flag in action.option_strings}  # noqa: SLF001 - argparse has no other list
OF_OTHERS = {
    "--alertmanager.url",
    "--cluster.listen-address",
    "--storage.tsdb.path",
    "--storage.path",
    "--web.external-url",
}
"""Flags with a dot that Prometheus and Alertmanager have and the exporter has not."""
NO_METRICS = {"leadterra_api_key", "leadterra_api_keys", "leadterra_exporter"}
"""Files, folders and modules whose names look like a metric's."""
VARIABLES = {environment_variable(flag) for flag in FLAGS} | {"LEADTERRA_EXPORTER_REVISION"}
ALERTS = {alert["alert"] for alert in alerts()}
RECORDS = {rule["record"] for rule in rules() if "record" in rule}
TROUBLESHOOTING = prose(Path("docs/guide/troubleshooting.md"))


def keys(shape: Shape, path: str = "") -> Iterator[str]:
    """Give the path of every key of the configuration."""
    if isinstance(shape, Each):
        yield from keys(shape.shape, path)
    elif isinstance(shape, Section):
        for key, below in shape.keys.items():
            yield f"{path}{key}"
            yield from keys(below, f"{path}{key}.")


KEYS = set(keys(FILE))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_metrics_are_exported(page: Path) -> None:
    named = (
        set(re.findall(r"(?<![:\w])leadterra_(?:campaign|api|workspace|exporter)_\w*[a-z0-9]\b", read(page)))
        - NO_METRICS
    )
    assert {name for name in named if not any(f"{each}_".startswith(f"{name}_") for each in EXPORTED)} == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_recorded_series_are_recorded(page: Path) -> None:
    named = set(re.findall(r"\bcampaign:leadterra_\w+:\w+\b", read(page)))
    assert named - RECORDS == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_alerts_are_in_the_rules(page: Path) -> None:
    named = set(re.findall(r"\bLeadterra(?:Campaign|Exporter|API)[A-Z]\w+\b", read(page)))
    assert named - ALERTS == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_flags_and_their_variables_exist(page: Path) -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z]+\.[a-z.-]*[a-z]", read(page))) - FLAGS - OF_OTHERS == set()
    assert set(re.findall(r"\bLEADTERRA_EXPORTER_[A-Z_]*[A-Z]\b", read(page))) - VARIABLES == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_configuration_keys_exist(page: Path) -> None:
    named = set(re.findall(r"`((?:api|poll|thresholds|workspaces)\.[\w.]+?)`", read(page)))
    assert named - KEYS == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_exist(page: Path) -> None:
    """Paths in backticks that begin with a folder of the repository, from its root or from beside it."""
    folders = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".venv")
    for path in re.findall(rf"`(?:\./)?((?:{folders})/[\w./*-]*)`", read(page)):
        assert list(ROOT.glob(path.rstrip("/"))), f"{page}: {path}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", read(page), re.MULTILINE))
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_messages_that_are_quoted_are_said() -> None:
    """What troubleshooting quotes with `...` in it, part by part."""
    quoted = [text for text in re.findall(r"`([^`]+)`", TROUBLESHOOTING) if "..." in text]
    parts = {part.strip() for text in quoted for part in re.split(r"\.\.\.|:", text) if " " in part.strip()}
    said = "".join(path.read_text("utf-8") for path in (ROOT / "exporter").rglob("*.py")).lower()
    said += "".join(map(os.strerror, (errno.EACCES, errno.ENOENT, errno.EADDRINUSE))).lower()
    assert len(parts) >= 10
    assert [part for part in parts if part.lower().removesuffix(" file") not in said] == []


def test_troubleshooting_has_every_reason_and_every_alert() -> None:
    rows = re.findall(r"(?m)^\| (.*?) \|", TROUBLESHOOTING)
    assert {f"`{reason}`" for reason in Reason} <= set(rows)
    assert {alert for row in rows for alert in re.findall(r"^\[(\w+)\]", row)} == ALERTS
