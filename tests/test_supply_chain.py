"""What is installed is what is locked, by hash and from nowhere in particular; it can be told, and the wheel runs."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.monitoring import is_ready
from tests.process import ROOT
from tests.tools import free_port, need, running, succeed, wait_until

PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z,]+\])?==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev",), "requirements-tools.lock": ("dev", "tools")}


class Pin(NamedTuple):
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
def test_each_package_has_its_hashes_and_no_place_and_is_what_the_project_asks_for(lock: str) -> None:
    locked, groups = list(pins(lock)), PROJECT["dependency-groups"]
    assert all(pin.hashes for pin in locked)
    assert len({(pin.name, pin.marker) for pin in locked}) == len(locked)
    assert not re.search(r"://|@|^-|\.(com|org|net|io)\b", (ROOT / lock).read_text(), re.MULTILINE)
    wanted = [*PROJECT["project"]["dependencies"], *(text for group in LOCKS[lock] for text in groups[group])]
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
    need("cyclonedx-py")
    succeed("make", "-s", "-C", ROOT, "-o", ".venv/tools", "sbom")
    text = (ROOT / "dist" / "sbom.cdx.json").read_text()
    listed = {(each["name"], each["version"]) for each in json.loads(text)["components"]}
    assert listed == {(pin.name, pin.version) for pin in pins("requirements.lock")}
    assert str(ROOT) not in text


@pytest.mark.slow
def test_an_installed_wheel_runs_the_demo(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "-q", "--no-input", wheel], check=True, capture_output=True)
    command = tmp_path / "venv/bin/leadterra-exporter"
    address = f"127.0.0.1:{free_port()}"
    with running([command, "demo", f"--web.listen-address={address}"], cwd=tmp_path) as process:
        wait_until(lambda: is_ready(f"http://{address}"), "the demo")
        assert "Trade fair list 2019" in httpx.get(f"http://{address}/").text
        assert "leadterra_exporter_build_info{" in httpx.get(f"http://{address}/metrics").text
    assert process.returncode == 0
    version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert version.startswith("leadterra-exporter ")
