"""What is installed is what is locked, by hash and from nowhere in particular; and what that is can be told."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exporter import __version__
from tests.process import ROOT
from tests.sbom import bill

PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z,]+\])?==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": (),
    "requirements-dev.lock": ("dev",),
    "requirements-tools.lock": ("dev", "tools"),
}


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
        match = PIN.fullmatch(pin)
        if not match or not all(map(HASH.fullmatch, hashes)):
            raise ValueError(f"{lock}: {line}")
        yield Pin(match["name"], match["version"], match["marker"], tuple(hashes))


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_its_hashes_and_no_place(lock: str) -> None:
    locked = list(pins(lock))

    assert locked
    assert all(pin.hashes for pin in locked)
    assert len({(pin.name, pin.marker) for pin in locked}) == len(locked)
    assert not re.search(r"://|@|^-|\.(com|org|net|io)\b", (ROOT / lock).read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_and_the_project_agree(lock: str) -> None:
    groups = PROJECT["dependency-groups"]
    wanted = [*PROJECT["project"]["dependencies"], *(text for group in LOCKS[lock] for text in groups[group])]
    locked = list(pins(lock))

    for requirement in map(Requirement, wanted):
        versions = [pin.version for pin in locked if pin.name == canonicalize_name(requirement.name)]
        assert versions, requirement
        assert list(requirement.specifier.filter(versions, prereleases=True)) == versions, requirement


def test_the_locks_agree_with_each_other() -> None:
    smallest, *larger = ({(pin.name, pin.version, pin.hashes) for pin in pins(lock)} for lock in LOCKS)

    for lock in larger:
        assert smallest <= lock, "tests run with what users get"
        smallest = lock


@pytest.mark.slow
def test_the_bill_of_materials_is_what_is_locked() -> None:
    text = bill()

    document = json.loads(text)
    listed = {(each["name"], each["version"]) for each in document["components"]}
    assert listed == {(pin.name, pin.version) for pin in pins("requirements.lock")}
    assert document["metadata"]["component"]["version"] == __version__
    assert document["dependencies"][-1]["dependsOn"]
    assert text == bill()
    assert "://" not in text.replace("http://cyclonedx.org/schema/", "")
    assert str(ROOT) not in text
