"""What can be said of the Dockerfile without building it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import ROOT
from tests.tools import need

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.slow  # hadolint is not among what `make test` sets up
def test_hadolint_finds_nothing() -> None:
    hadolint = need(str(Path(sys.executable).parent / "hadolint"))
    ended = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_no_line_needs_a_shell_and_nothing_is_excused() -> None:
    instructions = re.findall(r"^(RUN|CMD|ENTRYPOINT|HEALTHCHECK)\b(.*)", DOCKERFILE, re.MULTILINE)
    assert len(instructions) > 4
    assert not [line for _, line in instructions if '["' not in line]
    assert "hadolint ignore" not in DOCKERFILE


def test_only_what_is_locked_is_installed() -> None:
    (installing,) = [line for line in DOCKERFILE.replace("\\\n", "").splitlines() if '"install"' in line]
    assert {"--no-deps", "--require-hashes"} <= set(re.findall(r'"([^"]+)"', installing))


def test_the_context_is_what_is_copied() -> None:
    copied = set(re.findall(r"^COPY ([^-\s]\S*)", DOCKERFILE, re.MULTILINE))
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
