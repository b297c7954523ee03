"""What the lock files and pyproject.toml say."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.process import ROOT

_PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z,]+\])?==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pin:
    """One locked package and its archives' hashes; `marker` says for which systems."""

    name: str
    version: str
    marker: str | None
    hashes: tuple[str, ...]


def pins(lock: str) -> Iterator[Pin]:
    """Read a lock file; a line that is neither a pin nor a hash raises ValueError."""
    for line in (ROOT / lock).read_text().replace("\\\n", "").splitlines():
        pin, *hashes = re.split(r"\s+(?=--)", line.strip())
        match = _PIN.fullmatch(pin)
        if not match or not all(map(_HASH.fullmatch, hashes)):
            raise ValueError(f"{lock}: {line}")
        yield Pin(match["name"], match["version"], match["marker"], tuple(hashes))


def project() -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
