"""The manifests of deploy/kubernetes: as they are written, and as kustomize builds them."""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.process import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
LAYOUTS = ("base", "sharded", "sidecar", "monitoring")
WITH_PODS = ("base", "sharded", "sidecar")
EXPORTER = "leadterra-exporter"
CONFIG = "config.yaml"
PATCH = "statefulset.yaml"
"""What is no object of its own: it says how the shards differ from the Deployment."""

Document = dict[str, Any]


def written(path: Path) -> list[Document]:
    """Read the documents of one file."""
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def objects() -> dict[Path, Document]:
    """Return what is written for Kubernetes, patches among it: one document a file, without kustomize's own files."""
    paths = (path for path in sorted(KUBERNETES.rglob("*.yaml")) if path.name not in ("kustomization.yaml", CONFIG))
    return {path.relative_to(KUBERNETES): document for path in paths for document in written(path)}


def kustomization(folder: Path) -> Document:
    """Read a folder's kustomization."""
    (document,) = written(folder / "kustomization.yaml")
    return document


def build(folder: Path) -> list[Document]:
    """Build a folder as `kubectl apply -k` does; skip the test where neither kubectl nor kustomize is there."""
    return list(yaml.safe_load_all(build_text(folder)))


@cache
def build_text(folder: Path) -> str:
    """Build a folder and give kustomize's output."""
    commands = (["kubectl", "kustomize"], ["kustomize", "build"])
    command = next((each for each in commands if shutil.which(each[0])), None)
    if command is None:
        pytest.skip("neither kubectl nor kustomize is on the PATH; they are optional, in CI too")
    built = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False, timeout=60)
    assert (built.returncode, built.stderr) == (0, ""), built.stderr
    return built.stdout


def one(documents: Iterable[Document], *kinds: str) -> Document:
    """Return the only document of these kinds."""
    (found,) = [document for document in documents if document["kind"] in kinds]
    return found


def pods(documents: Iterable[Document]) -> Iterator[tuple[str, Document]]:
    """Return each workload's name and pod specification."""
    for document in documents:
        if "template" in document.get("spec", {}):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def exporter_of(pod: Document) -> Document:
    """Return the exporter's container of a pod."""
    (found,) = [each for each in pod["containers"] if each.get("image", EXPORTER).partition(":")[0] == EXPORTER]
    return dict(found)


CHART = ROOT / "deploy/helm/leadterra-exporter"
