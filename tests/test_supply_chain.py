"""What is installed is what is locked, by hash and from nowhere in particular; it can be told, and the wheel runs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.monitoring import is_ready
from tests.process import ROOT
from tests.tools import free_port, need, running, succeed, wait_until

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev",), "requirements-tools.lock": ("dev", "tools")}


def pins(lock: str) -> list[tuple[Requirement, str, frozenset[str]]]:
    """Return each locked package, its version and its archives' hashes."""
    parts = (line.split("--hash=") for line in (ROOT / lock).read_text().replace("\\\n", "").splitlines())
    found = ((Requirement(pin), frozenset(map(str.strip, hashes))) for pin, *hashes in parts)
    return [(pin, str(pin.specifier).removeprefix("=="), hashes) for pin, hashes in found]


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_its_hashes_and_no_place_and_is_what_the_project_asks_for(lock: str) -> None:
    locked, groups = pins(lock), PROJECT["dependency-groups"]
    assert all(hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes) for *_, hashes in locked)
    assert len({(pin.name, str(pin.marker)) for pin, *_ in locked}) == len(locked)
    assert not re.search(r"://|@|^-|\.(com|org|net|io)\b", (ROOT / lock).read_text(), re.MULTILINE)
    wanted = [*PROJECT["project"]["dependencies"], *(text for group in LOCKS[lock] for text in groups[group])]
    for requirement in map(Requirement, wanted):
        versions = [version for pin, version, _ in locked if pin.name == canonicalize_name(requirement.name)]
        assert versions, requirement
        assert list(requirement.specifier.filter(versions, prereleases=True)) == versions, requirement


def test_the_locks_agree_with_each_other() -> None:
    users, dev, tools = ({(pin.name, version, hashes) for pin, version, hashes in pins(lock)} for lock in LOCKS)
    assert users <= dev <= tools, "tests run with what users get"


@pytest.mark.slow
def test_the_bill_of_materials_is_what_is_locked() -> None:
    need("cyclonedx-py")
    succeed("make", "-s", "-C", ROOT, "-o", ".venv/tools", "sbom")
    text = (ROOT / "dist" / "sbom.cdx.json").read_text()
    listed = {(each["name"], each["version"]) for each in json.loads(text)["components"]}
    assert listed == {(pin.name, version) for pin, version, _ in pins("requirements.lock")}
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
