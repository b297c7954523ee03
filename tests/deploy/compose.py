"""The compose file as data, and where on this machine the files are that its containers see."""

from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tests.process import ROOT

FILE = ROOT / "deploy/compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts(service: str) -> dict[PurePosixPath, str]:
    """Return what a service mounts, by the place in the container: a path beside the compose file, or a volume."""
    mounted = {}
    for volume in SERVICES[service].get("volumes", []):
        source, target = volume.split(":")[:2] if isinstance(volume, str) else (volume["source"], str(volume["target"]))
        default = source.removeprefix("${LEADTERRA_CONFIG:-").removesuffix("}")
        mounted[PurePosixPath(target)] = default
    return mounted


def on_this_machine(service: str, path: str) -> Path:
    """Return the file that a service has at `path`."""
    wanted = PurePosixPath(path)
    ((target, source),) = [pair for pair in mounts(service).items() if wanted.is_relative_to(pair[0])]
    return FILE.parent / source / wanted.relative_to(target)


def option(service: str, name: str) -> str:
    """Return the value of a flag in a service's command."""
    (value,) = [word.partition("=")[2] for word in SERVICES[service]["command"] if word.startswith(f"--{name}=")]
    return str(value)
