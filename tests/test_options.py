"""The command line: what is understood, and what a mistake is answered with."""

import re
import shlex
from pathlib import Path

import pytest

from exporter.demo import demo_parser, sandbox_parser
from exporter.flags import environment_variable
from exporter.options import serve_parser
from exporter.shard import Shard

SECRET = "sk_live_on_the_command_line"  # noqa: S105 - made up


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Return the one line that arguments are refused with."""
    with pytest.raises(SystemExit) as ended:
        serve_parser().parse(argv)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("leadterra-exporter: ")


FREE_PATH = "is not a free path: write one like /metrics"
DURATION = "is not a duration of 1s or more: write one like 30s"
FILE = "is not a file: write one like /etc/leadterra-exporter/config.yaml"
MEANT = {
    "--config.file": ("--config-file=x", "--config.File=x", "-c x", "--config x"),
    "--web.listen-address": ("--port=1", "--web.listen_address=:1", "--web.listen-adress=:1", "--listen=:1"),
    "--config.check": ("--check",),
    "--log.level": ("--verbose",),
    "demo, as the first word": ("--demo",),
}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        *(
            (argv, f"unknown flag {re.split('[= ]', argv)[0]}: write {meant}")
            for meant, slips in MEANT.items()
            for argv in slips
        ),
        ("--log.level=loud", '"loud": write one of debug, info, warn, error'),
        ("--log.level=warning", '"warning": write warn'),
        ("--log.level=DEBUG", '"DEBUG": write debug'),
        ("--log.format=text", '"text": write one of logfmt, json'),
        ("--once=true", "argument --once: it takes no value"),
        ("--nonsense", "unknown flag --nonsense: leadterra-exporter --help lists all"),
        *((f"--web.telemetry-path={path}", f'"{path}" {FREE_PATH}') for path in ("/config", "/-/x", "//a")),
        ("--web.telemetry-path='/a b'", f'"/a b" {FREE_PATH}'),
        ("--shard.index=e-2 --shard.total=2", "--shard.index 2 is not below --shard.total: there are 2"),
        ("--shard.index=exporter", '"exporter" names no shard: write a number from 0 on, or a pod\'s name'),
        ("--shard.total=99999999999999999999", '"99999999999999999999" is not a number from 0 to 10000'),
        *((f"--config.auto-reload-interval={time}", f'"{time}" {DURATION}') for time in ("30", "5ms")),
        *((f"--config.file={file}", f'"{file}" {FILE}') for file in ("", "/")),
        ("--config.file=~/c.yaml", '"~/c.yaml" begins with ~, which the shell leaves after =: write $HOME'),
        ("serve", '"serve" is no flag: leave it out, without a command it serves'),
        ("my.yaml", '"my.yaml" is no flag: write --config.file=my.yaml'),
        ("check", '"check" is no flag: write --config.check'),
        ("once", '"once" is no flag: write --once'),
        ("frobnicate", '"frobnicate" is no flag: leadterra-exporter --help lists all'),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(capsys: pytest.CaptureFixture[str], argv: str, said: str) -> None:
    assert said in refusal(capsys, *shlex.split(argv))


def test_a_secret_on_the_command_line_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--api-key", "--api_key", "--api.key", "--token", "--leadterra-api-key"):
        for argv in ([flag, SECRET], [f"{flag}={SECRET}"]):
            said = refusal(capsys, *argv)
            assert SECRET not in said
            assert "api_key_file" in said
    for argument in (SECRET, f"--config.file={SECRET}", f"--log.level={SECRET}", f"KEY={SECRET}"):
        assert "a secret is never a flag" in refusal(capsys, argument)


def test_an_environment_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = serve_parser().parse([])
    for action in serve_parser()._actions:  # noqa: SLF001 - argparse offers no list
        monkeypatch.setenv(environment_variable(action.option_strings[-1]), "")
    assert serve_parser().parse([]) == plain
    assert (plain.config_file, plain.web_listen_address) == (Path("config.yaml"), (":10421",))


def test_a_flag_wins_over_its_environment_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:1,[::1]:2")
    monkeypatch.setenv("LEADTERRA_EXPORTER_ONCE", "true")
    monkeypatch.setenv("LEADTERRA_EXPORTER_FAULT", "a=status:429,rate:0.5 b=latency:1")
    assert sandbox_parser().parse([]).fault == ["a=status:429,rate:0.5", "b=latency:1"]
    assert serve_parser().parse([]).web_listen_address == ["127.0.0.1:1", "[::1]:2"]
    given = serve_parser().parse(
        ["--web.listen-address=:3", "--web.listen-address=:4", "--shard.index=x-1", "--shard.total=2"]
    )
    assert (given.web_listen_address, given.once, given.shard) == ([":3", ":4"], True, Shard(1, 2))
    monkeypatch.setenv("LEADTERRA_EXPORTER_ONCE", "maybe")
    assert refusal(capsys) == 'LEADTERRA_EXPORTER_ONCE: "maybe" is neither: write true or false'
    monkeypatch.delenv("LEADTERRA_EXPORTER_ONCE")
    monkeypatch.setenv("LEADTERRA_EXPORTER_LOG_LEVEL", '"info"')
    assert "LEADTERRA_EXPORTER_LOG_LEVEL has quotes in it" in refusal(capsys)
    monkeypatch.setenv("LEADTERRA_EXPORTER_LOG_LEVEL", "Info")
    assert refusal(capsys) == 'LEADTERRA_EXPORTER_LOG_LEVEL: "Info": write info'
    assert refusal(capsys, "--log.level=Warn") == 'argument --log.level: "Warn": write warn'


def test_the_demo_has_a_sandbox_of_its_own_on_a_free_port(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo_parser().parse(["--config.file=x"])
    assert "unknown flag --config.file: leadterra-exporter demo --help lists all" in capsys.readouterr().err
    given = demo_parser().parse(["--speed=2"])
    assert (given.web_listen_address, given.listen_address, given.speed) == (("127.0.0.1:10421",), "127.0.0.1:0", 2.0)
    given = demo_parser().parse(["--web.listen-address=:1", "--web.listen-address=:2"])
    assert (given.web_listen_address, given.speed) == ([":1", ":2"], 60)
    assert (sandbox_parser().parse([]).listen_address, sandbox_parser().parse([]).speed) == ("127.0.0.1:10422", 1.0)
