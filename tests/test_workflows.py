"""The workflows for a public host, which have not been run: linters find nothing, and they give away nothing."""

import re
import tomllib

import pytest
import yaml

from tests.process import ROOT
from tests.tools import succeed

FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yml"))}
JOBS = {name: job for text in TEXTS.values() for name, job in yaml.safe_load(text)["jobs"].items()}
STEPS = [step for job in JOBS.values() for step in job.get("steps", [])]


@pytest.mark.slow
def test_zizmor_finds_nothing_and_they_fit_the_schema() -> None:
    """Actions are pinned, permissions are few and explained, among much else."""
    succeed("zizmor", "--offline", "--pedantic", "--no-config", FOLDER)
    succeed("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *TEXTS)


def test_they_say_that_they_have_not_run_and_need_no_secret_and_no_token_stays() -> None:
    assert all(text.startswith("# Not run yet") and "secrets." not in text for text in TEXTS.values())
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 5
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)
    assert all("uses" in job or job["timeout-minutes"] <= 45 for job in JOBS.values())


def test_every_python_that_is_supported_is_tried_by_the_repositorys_own_commands() -> None:
    versions = JOBS["test"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={versions[0]}"
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    commands = "\n".join(step["run"] for step in STEPS if "run" in step)
    assert {*re.findall(r"make ([a-z-]+)", commands)} == {"lint", "test", "build"}
    assert ".ci/run" in commands


def test_a_release_waits_for_the_gate_and_asks_somebody() -> None:
    for name in ("index", "image"):
        assert {"ci", "distributions"} <= set(JOBS[name]["needs"])
        assert JOBS[name]["environment"] == "release"
    build = next(step["with"] for step in JOBS["image"]["steps"] if "docker/build-push" in step["uses"])
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["provenance"], build["sbom"]) == ("mode=max", True)
