"""`--once`: the page for programs, and what people see of it on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import PATIENCE, ROOT, RunningSandbox

pytestmark = pytest.mark.slow

FIRST = "sk_test_sandbox_acme"
BACKLOG = "{id: camp_backlog, name: Founders, thresholds: {emails_queued: {critical: 5}}}"


def once(
    folder: Path, sandbox: RunningSandbox, campaigns: str, *, name: str = "acme", key: str = FIRST
) -> tuple[int, str, list[str]]:
    """Return the exit status, the page, and the lines that a terminal shows."""
    config = folder / f"{name}.yaml"
    workspace = f"{{name: {name}, api_key_env: KEY, campaigns: [{campaigns}]}}"
    config.write_text(f"api: {{base_url: {sandbox.url}, retries: 0}}\nworkspaces: [{workspace}]\n")
    command = [sys.executable, "-W", "error", "-m", "exporter", "--once", f"--config.file={config}"]
    screen, stderr = pty.openpty()
    env = {**os.environ, "KEY": key}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, timeout=PATIENCE, check=False
        )
        return ended.returncode, ended.stdout.decode(), os.read(screen, 65536).decode().splitlines()
    finally:
        os.close(stderr)
        os.close(screen)


def test_a_terminal_shows_a_table_the_worst_first(tmp_path: Path) -> None:
    with RunningSandbox() as sandbox:
        status, page, (head, *rows) = once(tmp_path, sandbox, f"camp_draft, {BACKLOG}, camp_123")
    assert (status, page.startswith("# HELP")) == (0, True)
    assert head.split() == ["STATE", "WORKSPACE", "CAMPAIGN", "SENT", "BOUNCED", "QUEUED", "WHY"]
    # Beside the node_exporter's own, or a second page in the same folder, these would be there twice.
    assert not [line for line in page.splitlines() if line.startswith(("process_", "python_", "leadterra_exporter_"))]
    assert rows[0].startswith("critical  acme       Founders (camp_backlog)")
    assert rows[0].endswith("emails_queued over critical 5")
    assert [row.split() for row in rows[1:]] == [
        ["ok", "acme", "camp_123", "480", "9", "20"],
        ["ok", "acme", "camp_draft", "0", "0", "0"],
    ]


@pytest.mark.parametrize(
    ("campaigns", "key", "last"),
    [
        ("camp_123, camp_gone, camp_lost", FIRST, "2 of 3 polls failed: 2 campaign_not_found (camp_gone: HTTP 404: "),
        ("camp_123", "sk_test_other", "1 of 1 polls failed: 1 authentication_failed (camp_123: HTTP 401: "),
        ("camp_1, camp_2", "", "2 of 2 polls failed: 2 authentication_failed (camp_1: no key: environment variable "),
    ],
)
def test_the_last_line_says_how_many_failed_and_why(tmp_path: Path, campaigns: str, key: str, last: str) -> None:
    with RunningSandbox() as sandbox:
        status, page, shown = once(tmp_path, sandbox, campaigns, key=key)
    assert (status, page.startswith("# HELP")) == (1, True)
    assert shown[-1].startswith(last)
    assert not [line for line in shown if "key was refused: no key" in line]


def test_a_list_that_fails_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- {name: nameless}")
    with RunningSandbox() as sandbox:
        status, _, shown = once(tmp_path, sandbox, "camp_gone], campaigns_from: [{file: list.yaml}")
    assert status == 1
    assert shown[-2].startswith(f"1 of 1 lists failed: {tmp_path}/list.yaml:1:3: ")
    assert shown[-1].startswith("1 of 1 polls failed: 1 campaign_not_found (camp_gone: ")


def test_the_pages_of_two_configurations_have_no_series_in_common(tmp_path: Path) -> None:
    """So that node_exporter reads both from one folder; the texts of HELP must be the same."""
    with RunningSandbox() as sandbox:
        pages = [once(tmp_path, sandbox, "camp_123", name=name)[1].splitlines() for name in ("acme", "globex")]
    series, others = ({line.rpartition(" ")[0] for line in page if line[0] != "#"} for page in pages)
    assert series
    assert series & others == set()
    assert [line for line in pages[0] if line[0] == "#"] == [line for line in pages[1] if line[0] == "#"]
