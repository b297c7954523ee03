"""A Kubernetes in a machine, by start-kubernetes."""

import os
import shutil
from pathlib import Path

import pytest

from tests.engines.docker import load_base
from tests.engines.machine import BASE, Machine

_KEPT = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "leadterra-exporter-tools"
IMAGE = "registry.example/leadterra-exporter"
VERSIONS = "kubelet --version; echo helm $(helm version --short); containerd --version | cut -d' ' -f1,3; uname -sr"
_PAUSE = f'FROM {BASE}\nUSER 65534\nCMD ["sleep", "infinity"]\n'


def start(machine: Machine) -> None:
    """Start one node, with our image and helm."""
    helm, programs = (
        max(_KEPT.glob(name), default=None) or pytest.skip("`make helm kubernetes` builds what is missing, with Go")
        for name in ("helm-*", "kubernetes-*")
    )
    shutil.copytree(programs, machine.storage / "kubernetes")
    shutil.copy(helm, machine.storage / "kubernetes/helm")
    load_base(machine)
    machine.run(f"docker build -q -t leadterra-exporter -t {IMAGE}:0.1.0 .", timeout=600)
    machine.write("Dockerfile.pause", _PAUSE)
    machine.run("docker build -q -t pause:1 - <Dockerfile.pause")
    machine.run(f"docker save {IMAGE}:0.1.0 pause:1 >/var/lib/docker/images.tar")
    machine.run("tests/engines/start-kubernetes control")
    add_node(machine, "node", 1)


def add_node(machine: Machine, name: str, number: int) -> None:
    machine.run(f"timeout 180 tests/engines/start-kubernetes node {name} {number}")
