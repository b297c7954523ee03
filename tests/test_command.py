"""The real command where it does not serve: checks, one poll, the demo, and what the environment does to it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.flags import environment_variable
from exporter.options import serve_parser
from tests.configured import series, write_config
from tests.process import LISTEN, ROOT, RunningSandbox, run, running_exporter

pytestmark = pytest.mark.slow


def test_once_prints_the_page_and_tells_of_failures(tmp_path: Path, sandbox: RunningSandbox) -> None:
    good = run("--once", write_config(tmp_path, sandbox.url, "camp_123"))
    bad = run("--once", write_config(tmp_path, sandbox.url, "camp_123", "camp_gone"))
    assert (good.returncode, bad.returncode) == (0, 1)
    assert series("emails_sent", "camp_123") + " 480\n" in good.stdout
    assert series("up", "camp_gone") + " 0\n" in bad.stdout


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


def test_config_check_looks_at_the_web_configuration_and_at_one_shard(tmp_path: Path) -> None:
    config, web_config = tmp_path / "config.yaml", tmp_path / "web.yaml"
    config.write_text("workspaces: [{name: acme, api_key_env: HOME, campaigns: [a, b, c, d, e, f, g, h]}]")
    web_config.write_text("basic_auth_user: {}")
    faulty = run("--config.check", f"--config.file={config}", f"--web.config.file={web_config}")
    assert (faulty.returncode, faulty.stderr.startswith(f"{web_config}:1:1: ")) == (1, True)
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


def test_flags_from_the_environment(tmp_path: Path, sandbox: RunningSandbox) -> None:
    environment = {
        "LEADTERRA_EXPORTER_CONFIG_FILE": write_config(tmp_path, sandbox.url, "camp_123").partition("=")[2],
        "LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0,[::1]:0",
        "LEADTERRA_EXPORTER_LOG_FORMAT": "json",
    }
    with running_exporter(**environment) as exporter:
        exporter.wait_for_log(r'"msg": ?"listening"', count=2)
        assert [line for line in exporter.log if '"address": "[::1]:' in line]


def test_the_environment_of_others_does_no_harm(tmp_path: Path, sandbox: RunningSandbox) -> None:
    write_config(tmp_path, sandbox.url, "camp_123")
    config = (tmp_path / "config.yaml").rename(tmp_path / "umlaut-\N{LATIN SMALL LETTER U WITH DIAERESIS}.yaml")
    flags = [action.option_strings[0] for action in serve_parser()._actions if "." in action.option_strings[0]]  # noqa: SLF001 - argparse offers no list
    environment = dict.fromkeys(map(environment_variable, [*flags, "--once"]), "")
    environment |= {"PROMETHEUS_MULTIPROC_DIR": "/nonexistent", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    once = run("--once", f"--config.file={config}", **environment)
    assert (once.returncode, once.stderr) == (0, "")
    wrong = run("--once", f"--config.file={config}x", **environment)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    assert "there is no such file" in wrong.stderr


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, sandbox: RunningSandbox) -> None:
    command = [sys.executable, "-m", "exporter", "--once", write_config(tmp_path, sandbox.url, "camp_123")]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "the page cannot be written to stdout: No space left on device\n")
