"""Fenced blocks that are no commands: configurations pass their own program's check, queries parse."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from string import Template

import certifi
import pytest
import yaml

from exporter.config import load
from exporter.config.schema import FILE
from tests.docs.pages import Block, all_blocks, replaced
from tests.docs.test_names import keys
from tests.kubernetes.test_manifests import build
from tests.process import ROOT
from tests.rules.documents import strangers
from tests.tools import succeed

WORKSPACE = {path.split(".")[1] for path in keys(FILE) if path.startswith("workspaces.")}
_SMALLEST = {"name": "acme", "api_key_env": "LEADTERRA_API_KEY", "campaigns": ["camp_123"]}


def configuration(block: Block, folder: Path) -> None:
    """Load a configuration, or a part of one or of a workspace in the smallest whole one."""
    places = {"CERTIFICATES": certifi.where(), "FOLDER": folder, "SANDBOX": "127.0.0.1:10422", "CRM": "https://crm"}
    text = Template(replaced(block.text)).safe_substitute(places)
    said = yaml.safe_load(text)
    if not said.keys() <= FILE.keys.keys():
        ours = {name: value for name, value in _SMALLEST.items() if name != "api_key_env" or "api_key_file" not in said}
        text = yaml.safe_dump({"workspaces": [ours | said]})
    elif "workspaces" not in said:
        text += yaml.safe_dump({"workspaces": [_SMALLEST]})
    (folder / "config.yaml").write_text(text)
    load(folder / "config.yaml")


def prometheus(block: Block, folder: Path) -> None:
    """Have Prometheus check its configuration, the rules beside it."""
    for rules in (ROOT / "prometheus").glob("*.yaml"):
        shutil.copy(rules, folder)
    (folder / "prometheus.yml").write_text(block.text)
    succeed("promtool", "check", "config", folder / "prometheus.yml")


def kustomization(block: Block, folder: Path) -> None:
    """Build a folder beside a checkout."""
    for name in ("deploy/kubernetes", "grafana", "prometheus"):
        shutil.copytree(ROOT / name, folder / "leadterra-exporter" / name)
    (folder / "mine").mkdir()
    shutil.copy(ROOT / "config.example.yaml", folder / "mine" / "config.yaml")
    (folder / "mine" / "clients-north.yaml").write_text("[camp_456]\n")
    (folder / "mine" / "kustomization.yaml").write_text(block.text)
    said, built = yaml.safe_load(block.text), yaml.safe_dump_all(build(folder / "mine"))
    for image in said.get("images", []):  # kustomize passes over what it does not find
        assert f"image: {image['newName']}:{image['newTag']}\n" in built
    for each in said.get("replicas", []):
        assert f"value: '{each['count']}'\n" in built


def volumes(block: Block, _: Path) -> None:
    """See that the folders which a container mounts are in the repository."""
    text = block.text if "volumes:" in block.text else f"volumes:\n{block.text}"
    mounts = [line.strip("- ").split(":")[0] for line in text.partition("volumes:\n")[2].splitlines()]
    assert [mount for mount in mounts if not (ROOT / mount).exists()] == []


def check_of(block: Block) -> Callable[[Block, Path], None] | None:
    """Find out what a YAML block is; None where it is nothing that is known."""
    loaded = yaml.safe_load(block.text)
    found: set[str] = set(loaded) if isinstance(loaded, dict) else set()
    if found and (found <= FILE.keys.keys() or found <= WORKSPACE):
        return configuration
    if found and found <= {"global", "rule_files", "scrape_configs", "alerting"}:
        return prometheus
    if found >= {"kind"} and loaded["kind"] == "Kustomization":
        return kustomization
    return volumes if found == {"services"} or isinstance(loaded, list) else None


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=str)
def test_yaml_passes_the_check_of_what_it_is_for(block: Block, tmp_path: Path) -> None:
    check = check_of(block)
    assert check, f"{block}: nobody knows what this YAML is; add its check to tests/docs/test_snippets.py"
    check(block, tmp_path)


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_json_is_a_list_of_campaigns(block: Block, tmp_path: Path) -> None:
    configuration(Block(block.page, block.line, "yaml", f"campaigns: {block.text}"), tmp_path)


@pytest.mark.parametrize("block", all_blocks("promql"), ids=str)
def test_queries_parse_and_use_only_what_is_exported(block: Block) -> None:
    assert strangers(block.text) - {"node_textfile_mtime_seconds", "file"} == set()  # of node_exporter


@pytest.mark.parametrize("unit", all_blocks("ini"), ids=str)
def test_a_units_credentials_are_those_that_the_configuration_after_it_names(unit: Block) -> None:
    given = re.findall(r"(?m)^LoadCredential=([\w-]+):", unit.text)
    config = next(block for block in all_blocks("yaml") if block.page == unit.page and block.line > unit.line)
    assert given
    assert given == re.findall(r"(?m)/run/credentials/leadterra-exporter\.service/([\w-]+)$", config.text)


def test_blocks_have_a_language_that_a_test_reads() -> None:
    read = {"", "ini", "json", "promql", "yaml", "sh", "bash"}
    assert [str(block) for block in all_blocks() if block.language not in read] == [], (
        "write commands as sh, and give another language a check in tests/docs/test_snippets.py"
    )
