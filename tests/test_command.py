"""The real command where it does not serve: one poll, checks, the demo, and what the environment does to it."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from exporter.flags import environment_variable
from exporter.options import serve_parser
from tests.build import series, write_config
from tests.process import LISTEN, ROOT, RunningSandbox, run, running_exporter
from tests.tools import PATIENCE

pytestmark = pytest.mark.slow

FIRST = "sk_test_sandbox_acme"
BACKLOG = "{id: camp_backlog, name: Founders, thresholds: {emails_queued: {critical: 5}}}"


def once(folder: Path, sandbox: RunningSandbox, campaigns: str, key: str = FIRST) -> tuple[int, str, list[str]]:
    """Return the exit status, the page, and the lines that a terminal shows."""
    config, workspace = folder / "acme.yaml", f"{{name: acme, api_key_env: KEY, campaigns: [{campaigns}]}}"
    config.write_text(f"api: {{base_url: {sandbox.url}, retries: 0}}\nworkspaces: [{workspace}]\n")
    command = [sys.executable, "-W", "error", "-m", "exporter", "--once", f"--config.file={config}"]
    screen, stderr = pty.openpty()
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": stderr, "env": {**os.environ, "KEY": key}}
    ended = subprocess.run(command, cwd=ROOT, timeout=PATIENCE, check=False, **options)
    os.close(stderr)
    shown = b""
    with suppress(OSError):  # which is how a terminal ends
        while data := os.read(screen, 65536):
            shown += data
    os.close(screen)
    return ended.returncode, ended.stdout.decode(), shown.decode().splitlines()


def test_a_terminal_shows_a_table_the_worst_first(tmp_path: Path, sandbox: RunningSandbox) -> None:
    status, page, (head, *rows) = once(tmp_path, sandbox, f"camp_draft, {BACKLOG}, camp_123")
    assert (status, page.startswith("# HELP")) == (0, True)
    assert series("emails_sent", "camp_123") + " 480\n" in page
    assert head.split() == ["STATE", "WORKSPACE", "CAMPAIGN", "SENT", "BOUNCED", "QUEUED", "WHY"]
    # Beside the node_exporter's own, or another workspace's page in the same folder, any other would be there twice.
    assert all('workspace="acme"' in line for line in page.splitlines() if line[0] != "#")
    assert rows[0].startswith("critical  acme       Founders (camp_backlog)")
    assert rows[0].endswith("emails_queued over critical 5")
    assert [row.split() for row in rows[1:]] == [
        ["ok", "acme", "camp_123", "480", "9", "20"],
        ["ok", "acme", "camp_draft", "0", "0", "0"],
    ]


LOST = "1 of 1 polls failed: 1 campaign_not_found (camp_gone: "


@pytest.mark.parametrize(
    ("campaigns", "key", "last"),
    [
        ("camp_123, camp_gone, camp_lost", FIRST, ["2 of 3 polls failed: 2 campaign_not_found (camp_gone: HTTP 404: "]),
        ("camp_123", "sk_test_other", ["1 of 1 polls failed: 1 authentication_failed (camp_123: HTTP 401: "]),
        ("a, b", "", ["2 of 2 polls failed: 2 authentication_failed (a: no key: environment variable "]),
        ("camp_gone], campaigns_from: [{file: list.yaml}", FIRST, ["1 of 1 lists failed: {}/list.yaml:1:3: ", LOST]),
    ],
)
def test_the_last_lines_say_how_many_failed_and_why(
    tmp_path: Path, sandbox: RunningSandbox, campaigns: str, key: str, last: list[str]
) -> None:
    (tmp_path / "list.yaml").write_text("- {name: nameless}")
    status, page, shown = once(tmp_path, sandbox, campaigns, key)
    assert (status, page.startswith("# HELP")) == (1, True)
    assert re.search(r"^leadterra_campaign_up\{.*\} 0$", page, re.MULTILINE)
    for line, said in zip(shown[-len(last) :], last, strict=True):
        assert line.startswith(said.format(tmp_path))
    assert not [line for line in shown if "key was refused: no key" in line]


def test_config_check_needs_neither_network_nor_secrets(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("workspaces: [{name: acme, api_key_file: missing, campaigns: [camp_123]}]")
    checked = run("--config.check", f"--config.file={config}")
    assert checked.returncode == 0
    assert checked.stdout.startswith(f"{config}: no problems, 1 warning. What will happen:\n  acme: 1 campaign, ")
    assert "warning: " in checked.stderr
    assert "missing" in checked.stderr
    config.write_text("workspaces: [{name: acme, api_key_fil: missing, campaigns: [camp_123, camp_123]}]")
    checked = run("--config.check", f"--config.file={config}")
    assert (checked.returncode, len(checked.stderr.splitlines())) == (1, 3)
    assert checked.stderr.startswith(f"{config}:1:")


def test_a_bad_web_configuration_is_refused_and_config_check_looks_at_one_shard(tmp_path: Path) -> None:
    config, web_config = tmp_path / "config.yaml", tmp_path / "web.yaml"
    config.write_text("workspaces: [{name: acme, api_key_env: HOME, campaigns: [a, b, c, d, e, f, g, h]}]")
    web_config.write_text("basic_auth_user: {}")
    for flag in (LISTEN, "--config.check"):
        ended = run(flag, f"--config.file={config}", f"--web.config.file={web_config}")
        said = f'{web_config}:1:1: basic_auth_user: unknown key: did you mean "basic_auth_users"?\n'
        assert (ended.returncode, ended.stderr) == (1, said)
    shards = [run("--config.check", f"--config.file={config}", "--shard.total=2", f"--shard.index={n}") for n in (0, 1)]
    counts = [int(re.findall(r"acme: (\d) campaigns?, .* of 5 requests", shard.stdout)[0]) for shard in shards]
    assert sum(counts) == 8
    assert 0 < counts[0] < 8


@pytest.mark.parametrize("flag", ["--config.check", "--once", "--log.level=info"])
def test_a_missing_configuration_is_answered_with_the_ways_on(tmp_path: Path, flag: str) -> None:
    (said,) = run(flag, f"--config.file={tmp_path}/none.yaml").stderr.splitlines()
    assert said.startswith(f"{tmp_path}/none.yaml: there is no such file")
    assert all(way in said for way in ("--config.file", "config.example.yaml", "leadterra-exporter demo"))


def test_demo_says_what_to_open_and_that_it_is_not_the_real_api() -> None:
    with running_exporter("demo", LISTEN) as demo:
        demo.wait_for("/metrics", 'campaign_id="camp_gone"')
        demo.wait_for("/metrics", 'campaign="Trade fair list 2019"')
        assert demo.stop() == 0
        assert demo.process.stdout is not None
        said = demo.process.stdout.read()
    assert "not the real Leadterra API" in said
    assert f"{demo.url}/metrics" in said
    assert not [line for line in demo.log if "level=error" in line]


def test_the_environment_of_others_does_no_harm(tmp_path: Path, sandbox: RunningSandbox) -> None:
    write_config(tmp_path, sandbox.url, "camp_123")
    config = (tmp_path / "config.yaml").rename(tmp_path / "umlaut-\N{LATIN SMALL LETTER U WITH DIAERESIS}.yaml")
    flags = [action.option_strings[0] for action in serve_parser()._actions if "." in action.option_strings[0]]  # noqa: SLF001 - argparse offers no list
    environment = dict.fromkeys(map(environment_variable, [*flags, "--once"]), "")
    environment |= {"PROMETHEUS_MULTIPROC_DIR": "/nonexistent", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    once = run("--once", **{**environment, environment_variable("--config.file"): str(config)})
    assert (once.returncode, once.stderr) == (0, "")
    wrong = run("--once", f"--config.file={config}x", **environment)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    assert "there is no such file" in wrong.stderr


@pytest.mark.parametrize("flag", ["--once", "--config.check"])
def test_what_cannot_be_written_is_one_line(flag: str, tmp_path: Path, sandbox: RunningSandbox) -> None:
    command = [sys.executable, "-m", "exporter", flag, write_config(tmp_path, sandbox.url, "camp_123")]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "stdout cannot be written to: No space left on device\n")
