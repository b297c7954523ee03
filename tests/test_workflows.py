"""The workflows for a public host, which have not been run: linters find nothing, and they give away nothing."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.process import ROOT
from tests.tools import succeed

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path: yaml.safe_load(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.yml"))}
JOBS = [job for workflow in WORKFLOWS.values() for job in workflow["jobs"].values()]
STEPS = [step for job in JOBS for step in job.get("steps", [])]


@pytest.mark.slow
def test_zizmor_finds_nothing_and_they_fit_the_schema() -> None:
    succeed("zizmor", "--offline", "--pedantic", "--no-config", FOLDER)
    succeed("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_actionlint_finds_nothing() -> None:
    if shutil.which("actionlint") is None:
        pytest.skip("actionlint is not on the PATH; it is optional, in CI too")
    succeed("actionlint", "-no-color", *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_gives_nothing_and_stores_no_secret(path: Path) -> None:
    text = path.read_text("utf-8")
    pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    uses = re.findall(r"uses: (.*)", text)
    assert [each for each in uses if not re.fullmatch(pinned, each) and not each.startswith("./")] == []
    assert WORKFLOWS[path]["permissions"] == {}
    assert "secrets." not in text
    assert "concurrency" in WORKFLOWS[path]
    assert text.startswith("# Not run yet")


def test_a_job_says_what_it_may_and_how_long_and_a_checkout_keeps_no_token() -> None:
    allowed = {"contents": "read", "id-token": "write", "packages": "write"}
    for job in JOBS:
        assert job["permissions"].items() <= allowed.items(), job
        assert "uses" in job or job["timeout-minutes"] <= 45, job
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 5
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_python_that_is_supported_is_tried() -> None:
    versions = WORKFLOWS[FOLDER / "ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={versions[0]}"
    assert versions == ["3.11", "3.12", "3.13", "3.14"]


def test_commands_are_the_repositorys() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {target for command in commands for target in re.findall(r"make ([a-z-]+)", command)}
    assert targets == {"lint", "test", "build"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    assert any(".ci/run" in command for command in commands)


def test_a_release_waits_for_the_gate_and_asks_somebody() -> None:
    jobs = WORKFLOWS[FOLDER / "release.yml"]["jobs"]
    for name in ("index", "image"):
        assert {"ci", "distributions"} <= set(jobs[name]["needs"])
        assert jobs[name]["environment"] == "release"
    build = next(step["with"] for step in jobs["image"]["steps"] if "docker/build-push" in step["uses"])
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["provenance"], build["sbom"]) == ("mode=max", True)
