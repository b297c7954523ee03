"""What can be said of the Dockerfile without building it, and of the systemd units; `make engines` runs both."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import PATIENCE, ROOT, running_exporter
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


SERVICES = sorted((ROOT / "deploy/systemd").glob("*.service"))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_key_is_where_the_configuration_is_told_to_look(unit: Path) -> None:
    text = unit.read_text()
    (credential,) = re.findall(r"^LoadCredential=([^:]+):/etc/leadterra-exporter/\1$", text, re.MULTILINE)
    assert f"api_key_file: /run/credentials/{unit.name}/{credential}" in text


@pytest.mark.slow
@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_tells_systemd_when_it_serves(is_abstract: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of pytest
    (tmp_path / "config.yaml").write_text("workspaces: [{name: acme, api_key_env: KEY, campaigns: [camp_1]}]\n")
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE)
        systemd.bind(f"\0{address}" if is_abstract else address)
        environment = {"NOTIFY_SOCKET": f"@{address}" if is_abstract else address, "KEY": "sk_test"}
        arguments = (f"--config.file={tmp_path / 'config.yaml'}", "--web.listen-address=127.0.0.1:0")
        with running_exporter(*arguments, **environment) as exporter:
            assert systemd.recv(100) == b"READY=1"
            assert exporter.get("/-/healthy").is_success
            assert exporter.stop(signal.SIGTERM) == 0
