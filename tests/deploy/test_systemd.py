"""The systemd units: what systemd says of them, and the textfile unit's commands in the order in which it runs them."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process import PATIENCE, ROOT, RunningSandbox
from tests.rules.promtool import run
from tests.tools import need

pytestmark = pytest.mark.slow  # about half a minute, nearly all of it the installation

UNITS = ROOT / "deploy/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
PROGRAM = "/opt/leadterra-exporter/bin/leadterra-exporter"
PAGES = "/var/lib/prometheus/node-exporter"
DOCUMENTATION = (ROOT / "docs/deploy/systemd.md").read_text()
MOST_EXPOSED = 11  # tenths of systemd's 10


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """Unknown keys are warnings that do not change its status, so nothing may be said."""
    need("systemd-analyze")
    for unit in UNITS.iterdir():  # the program need not be installed here
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, sys.executable))
    ended = run("systemd-analyze", "verify", "--man=no", *tmp_path.iterdir())
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_little_is_exposed(unit: Path) -> None:
    need("systemd-analyze")
    ended = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit)
    assert ended.returncode == 0, ended.stdout
    assert f"{MOST_EXPOSED / 10} of 10" in DOCUMENTATION


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_key_is_where_the_configuration_is_told_to_look(unit: Path) -> None:
    text = unit.read_text()
    (credential,) = re.findall(r"^LoadCredential=([^:]+):/etc/leadterra-exporter/\1$", text, re.MULTILINE)
    assert f"api_key_file: /run/credentials/{unit.name}/{credential}" in text


@dataclass
class Installed:
    """An installation as the documentation has it, below a folder in place of the root."""

    root: Path

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def here(self, text: str) -> str:
        """Move all paths of an installation below the folder."""
        return re.sub(r"(?<![\w/])/(?:opt/lead|etc/lead|etc/systemd|var/lib/prom)", rf"{self.root}\g<0>", text)

    def configure(self, text: str) -> None:
        self.path("/etc/leadterra-exporter/config.yaml").write_text(text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Run the commands of the documentation, but for those that need systemd itself."""
    installed = Installed(tmp_path_factory.mktemp("root"))
    for folder in ("/opt", "/etc/systemd/system", PAGES):
        installed.path(folder).mkdir(parents=True)
    given = {"key.txt": "sk_test_sandbox_acme\n", "config.yaml": ""}
    for name, text in given.items():
        (installed.root / name).write_text(text)
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", DOCUMENTATION, re.DOTALL) for line in block.splitlines()
    ]
    for command in commands:
        if not command.startswith("systemctl"):
            mine = re.sub(r"\b(key\.txt|config\.yaml)(?= /)", rf"{installed.root}/\1", command)
            mine = installed.here(mine).replace("python3 -m venv", f"{sys.executable} -m venv")
            subprocess.run(["sh", "-euc", mine], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return installed


def start(installed: Installed) -> bool:
    """Do what systemd does with a oneshot unit's commands; tell whether it would call that a success."""
    text = installed.here(installed.path("/etc/systemd/system/leadterra-exporter-textfile.service").read_text())
    unit = [line.partition("=")[::2] for line in text.splitlines() if not line.startswith("#")]
    (output,) = [value.removeprefix("append:") for key, value in unit if key == "StandardOutput"]
    for stage in ("ExecStartPre", "ExecStart", "ExecStartPost"):
        for command in (value for key, value in unit if key == stage):
            words = command.lstrip("+-").split()
            with Path(output).open("ab") as out:  # each command's own, as systemd opens it
                status = subprocess.run(words, stdout=out, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)
            if status.returncode and not command.startswith("-"):
                return False
    return True


def test_the_page_is_replaced_whole_or_stays(installed: Installed) -> None:
    page = installed.path(f"{PAGES}/leadterra.prom")
    key = installed.path("/etc/leadterra-exporter/leadterra-api-key")
    assert key.stat().st_mode & 0o777 == 0o600
    with RunningSandbox() as sandbox:
        good = (
            f"api: {{base_url: {sandbox.url}, retries: 0}}\n"
            f"workspaces: [{{name: acme, api_key_file: {key}, campaigns: [camp_123, camp_healthy]}}]\n"
        )
        installed.configure(good)
        assert start(installed)
        assert up(page) == {"camp_123": "1", "camp_healthy": "1"}
        assert "leadterra_campaign_emails_sent{" in page.read_text()

        installed.configure(good.replace("camp_healthy", "camp_gone"))
        assert start(installed)  # the page says it
        assert up(page) == {"camp_123": "1", "camp_gone": "0"}

        before = page.stat()
        installed.configure(good + "unknown: key\n")
        assert not start(installed)
        assert page.stat() == before


def up(page: Path) -> dict[str, str]:
    return dict(re.findall(r'^leadterra_campaign_up\{.*campaign_id="(\w+)".*\} (\d)$', page.read_text(), re.MULTILINE))


def test_a_file_for_node_exporter_can_be_read_by_it() -> None:
    text = (UNITS / "leadterra-exporter-textfile.service").read_text()
    assert "UMask=0022" in text
    assert "StandardError=journal" in text  # else the log goes where the page goes
