"""The image, built by buildah and run by runc as an engine would: own process tree, read-only root, no rights."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.process import PATIENCE, ROOT
from tests.tools import need

REVISION = "0123abc"
_NAME = "leadterra-exporter-test"
_SHELLS = ("usr/bin/dash", "usr/bin/bash")
_SWITCHES = ("--pull-never", "--format=docker")  # the OCI format has no health check


@dataclass(frozen=True)
class Image:
    """What an engine knows of an image: its configuration, and its files, which are the container's root."""

    config: dict[str, Any]
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.config["Env"])


@contextmanager
def built_image() -> Iterator[Image]:
    """Build the image on the base that BASE_IMAGE names, which must be on this machine, and mount it."""
    base = os.environ.get("BASE_IMAGE", "python:3.13-slim")
    for program in ("buildah", "runc"):
        need(program)
    if _buildah("inspect", "--type=image", base, check=False) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{base} is not among buildah's images")
    arguments = [f"BASE_IMAGE={base}", f"LEADTERRA_EXPORTER_REVISION={REVISION}"]
    _buildah("bud", *_SWITCHES, *(f"--build-arg={argument}" for argument in arguments), f"--tag={_NAME}", str(ROOT))
    container = str(_buildah("from", "--pull-never", _NAME)).strip()
    try:
        config = json.loads(str(_buildah("inspect", "--type=image", _NAME)))["Docker"]["config"]
        yield Image(config, Path(str(_buildah("mount", container)).strip()))
    finally:
        _buildah("rm", container)
        _buildah("rmi", _NAME)


def _buildah(*arguments: str, check: bool = True) -> str | None:
    ended = subprocess.run(["buildah", *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0 or not check, ended.stderr
    return ended.stdout if ended.returncode == 0 else None


class Container:
    """A process in a container of its own, started by runc."""

    def __init__(self, folder: Path, specification: dict[str, Any]) -> None:
        self._runc = ["runc", f"--root={folder / 'state'}"]
        (folder / "config.json").write_text(json.dumps(specification))
        self.log = folder / "log"
        with self.log.open("w") as log:
            command = [*self._runc, "run", f"--bundle={folder}", "test"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a further program in the container, as its user."""
        command = [*self._runc, "exec", "test", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def signal(self, name: str) -> None:
        """Send a signal to the container's first process."""
        subprocess.run([*self._runc, "kill", "test", name], check=True, capture_output=True)

    def seconds_to_stop(self, name: str, *, status: int = 0) -> float:
        """Send a signal and tell how long the end takes, which must have this exit status."""
        began = time.monotonic()
        self.signal(name)
        assert self.process.wait(PATIENCE) == status, self.log.read_text()
        return time.monotonic() - began

    def end(self) -> None:
        """Leave nothing running."""
        if self.process.poll() is None:
            subprocess.run([*self._runc, "kill", "test", "KILL"], check=False, capture_output=True)
            self.process.wait(PATIENCE)


@contextmanager
def running_container(
    image: Image, arguments: Sequence[str], folder: Path, *, mounted: Path | None = None, **environment: str
) -> Iterator[Container]:
    """Run the image; `mounted` is a folder for the configuration."""
    specification = _specification(image, arguments, folder, environment)
    if mounted:
        specification["mounts"].append(_bind(mounted, "/etc/leadterra-exporter"))
    container = Container(folder, specification)
    try:
        yield container
    finally:
        container.end()


def _specification(image: Image, arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Take runc's own defaults, with what the image says, a read-only root, no capability and no shell."""
    subprocess.run(["runc", "spec", f"--bundle={folder}"], check=True, capture_output=True)
    specification: dict[str, Any] = json.loads((folder / "config.json").read_text())
    uid, gid = (int(number) for number in image.config["User"].split(":"))
    specification["root"] = {"path": str(image.root), "readonly": True}
    specification["process"] |= {
        "terminal": False,
        "user": {"uid": uid, "gid": gid},
        "args": [*image.config["Entrypoint"], *arguments],
        "env": [f"{name}={value}" for name, value in (image.environment | environment).items()],
        "capabilities": {},
        "noNewPrivileges": True,
    }
    # This machine's network, so that a test reaches it on loopback; all else is the container's own.
    kept = [each for each in specification["linux"]["namespaces"] if each["type"] != "network"]
    specification["linux"]["namespaces"] = kept
    specification["mounts"] += [
        _bind(Path("/dev/null"), f"/{shell}") for shell in _SHELLS if (image.root / shell).exists()
    ]
    return specification


def _bind(source: Path, destination: str) -> dict[str, Any]:
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["bind", "ro"]}
