"""Fenced blocks that are no commands: configurations pass their own program's check, queries parse."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml

from exporter.config import load
from tests.docs.commands import replaced
from tests.docs.pages import Block, all_blocks
from tests.kubernetes.manifests import build
from tests.process import ROOT
from tests.rules.exported import strangers
from tests.rules.promtool import run

WORKSPACE = {"name", "api_key_file", "api_key_env", "labels", "api", "poll", "thresholds", "campaigns"}
LANGUAGES = {"", "promql", "yaml", "sh", "bash"}
OF_OTHERS = {"node_textfile_mtime_seconds", "file"}
"""Metrics and labels of node_exporter that pages ask for."""
_SMALLEST = {"name": "acme", "api_key_env": "LEADTERRA_API_KEY", "campaigns": ["camp_123"]}


def configuration(block: Block, folder: Path) -> None:
    """Load a configuration, or a part of one in the smallest whole one."""
    text = replaced(block.text).replace("$CERTIFICATES", certifi.where())
    loaded = yaml.safe_load(text)
    path = folder / "config.yaml"
    path.write_text(text if "workspaces" in loaded else text + yaml.safe_dump({"workspaces": [_SMALLEST]}))
    load(path)


def workspace(block: Block, folder: Path) -> None:
    """Load a configuration whose only workspace says what the block says."""
    said = yaml.safe_load(block.text)
    whole = _SMALLEST | said
    if "api_key_file" in said:
        del whole["api_key_env"]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"workspaces": [whole]}))
    load(path)


def prometheus(block: Block, folder: Path) -> None:
    """Let Prometheus check its configuration, the rules beside it."""
    for rules in (ROOT / "prometheus").glob("*.yaml"):
        shutil.copy(rules, folder)
    (folder / "prometheus.yml").write_text(block.text)
    checked = run("promtool", "check", "config", folder / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def kustomization(block: Block, folder: Path) -> None:
    """Build a folder beside a checkout."""
    for name in ("deploy/kubernetes", "grafana", "prometheus"):
        shutil.copytree(ROOT / name, folder / "leadterra-exporter" / name)
    (folder / "mine").mkdir()
    shutil.copy(ROOT / "config.example.yaml", folder / "mine" / "config.yaml")
    (folder / "mine" / "kustomization.yaml").write_text(block.text)
    documents = build(folder / "mine")
    _hold_to_it(yaml.safe_load(block.text), documents, (folder / "mine" / "config.yaml").read_text())


def _hold_to_it(said: dict[str, Any], documents: list[dict[str, Any]], config: str) -> None:
    """See that what a kustomization says is in what it builds."""
    built = yaml.safe_dump_all(documents)
    assert all(document["metadata"]["namespace"] == said["namespace"] for document in documents)
    for image in said.get("images", []):
        assert f"image: {image['newName']}:{image['newTag']}\n" in built
    for each in said.get("replicas", []):
        assert f"replicas: {each['count']}\n" in built
        assert f"value: '{each['count']}'\n" in built
    for each in said.get("labels", []):
        assert all(each["pairs"].items() <= document["metadata"]["labels"].items() for document in documents)
    if "configMapGenerator" in said:
        assert {"config.yaml": config} in [document.get("data") for document in documents]
    if "patches" in said:
        assert "kubernetes.io/metadata.name: observability\n" in built


def volumes(block: Block, _: Path) -> None:
    """See that the folders which a container mounts are in the repository."""
    text = block.text if "volumes:" in block.text else f"volumes:\n{block.text}"
    mounts = [line.strip("- ").split(":")[0] for line in text.partition("volumes:\n")[2].splitlines()]
    assert [mount for mount in mounts if not (ROOT / mount).exists()] == []


def check_of(block: Block) -> Callable[[Block, Path], None] | None:
    """Find out what a YAML block is; None where it is nothing that is known."""
    loaded = yaml.safe_load(block.text)
    found: set[str] = set(loaded) if isinstance(loaded, dict) else set()
    if found and found <= {"api", "poll", "thresholds", "workspaces"}:
        return configuration
    if found and found <= WORKSPACE:
        return workspace
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


@pytest.mark.parametrize("block", all_blocks("promql"), ids=str)
def test_queries_parse_and_use_only_what_is_exported(block: Block) -> None:
    assert strangers(block.text) - OF_OTHERS == set()


def test_blocks_have_a_language_that_a_test_reads() -> None:
    strange = [str(block) for block in all_blocks() if block.language not in LANGUAGES]
    assert strange == [], "write commands as sh, and give another language a check in tests/docs/test_snippets.py"
