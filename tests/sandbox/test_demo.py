"""The demo's configuration and the flags."""

import json

import pytest
import yaml

from exporter.options import SandboxOptions, sandbox_parser
from exporter.sandbox import KEYS, WORKSPACES, Sandbox, demo_config, parse_flag
from tests.sandbox.test_api import ask


def built(*argv: str) -> Sandbox:
    given = sandbox_parser().parse(argv)
    sandbox = Sandbox(seed=given.seed, speed=given.speed, load_campaigns=given.load_campaigns)
    for text in given.fault:
        sandbox.faults.put(*parse_flag(text))
    return sandbox


def test_the_demo_polls_every_campaign_of_its_keys_and_one_that_is_not_there() -> None:
    config = yaml.safe_load(demo_config("http://127.0.0.1:1"))
    assert config["api"]["base_url"] == "http://127.0.0.1:1"
    polled = {
        KEYS[workspace["api_key_env"]]: {
            each if isinstance(each, str) else each["id"]: each for each in workspace["campaigns"]
        }
        for workspace in config["workspaces"]
    }
    acme, globex = polled
    assert polled[acme].keys() == {*(WORKSPACES[acme] or {}), "camp_gone"}
    assert polled[globex].keys() == {*(WORKSPACES[globex] or {})}
    assert all(key.startswith("sk_test_sandbox") for key in WORKSPACES)
    queued = json.loads(ask(built(), "camp_backlog").body)["queued"]  # over its limit from the start
    assert queued > polled[acme]["camp_backlog"]["thresholds"]["emails_queued"]["critical"]


def test_the_flags_build_a_sandbox() -> None:
    assert sandbox_parser().parse([]) == SandboxOptions("info", "logfmt", "127.0.0.1:10422", 1.0, 1, 0, [])
    argv = "--seed 2 --load-campaigns 3 --fault camp_healthy=status:503,count:1 --fault *=status:418"
    sandbox = built(*argv.split())
    ids = ("camp_healthy", "camp_healthy", "camp_load_00003")
    assert [ask(sandbox, id_).status for id_ in ids] == [503, 418, 418]
    of_each = [["--speed", "0"], ["--speed", "0", "--seed", "2"], ["--speed", "1e12"]]
    assert len({ask(built(*argv), "camp_healthy").body for argv in of_each}) == 3


@pytest.mark.parametrize(
    "argv", [["--speed", "-1"], ["--speed", "inf"], ["--speed", "nan"], ["--speed", "x"], ["--load-campaigns", "-1"]]
)
def test_a_flag_out_of_range_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit):
        sandbox_parser().parse(argv)
