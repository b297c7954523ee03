"""What is installed is what is locked, by hash and from nowhere in particular; and what that is can be told."""

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exporter import __version__
from tests.locks import pins, project
from tests.process import ROOT
from tests.sbom import bill

LOCKS = {
    "requirements.lock": (),
    "requirements-dev.lock": ("dev",),
    "requirements-tools.lock": ("dev", "tools"),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_has_its_hashes_and_no_place(lock: str) -> None:
    locked = list(pins(lock))

    assert locked
    assert all(pin.hashes for pin in locked)
    assert len({(pin.name, pin.marker) for pin in locked}) == len(locked)
    assert not re.search(r"://|@|^-|\.(com|org|net|io)\b", (ROOT / lock).read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_and_the_project_agree(lock: str) -> None:
    groups = project()["dependency-groups"]
    wanted = [*project()["project"]["dependencies"], *(text for group in LOCKS[lock] for text in groups[group])]
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


def test_what_is_no_pin_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.locks.ROOT", tmp_path)
    for line in ("aiohttp>=3", "--index-url https://example.invalid", "aiohttp==1 --hash=md5:00", "x @ file:///x"):
        (tmp_path / "requirements.lock").write_text(f"{line}\n")
        with pytest.raises(ValueError, match=r"requirements\.lock"):
            list(pins("requirements.lock"))


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
