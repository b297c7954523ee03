"""The demo's configuration and the flags."""

import argparse

import pytest
import yaml

from exporter.sandbox import WORKSPACES, FaultError, Sandbox, add_flags, build, demo_config, demo_keys
from tests.sandbox.test_core import AUTH, ask

LIMIT = 5000  # the critical limit of emails_queued in the demo's configuration


def flags(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser)
    return parser.parse_args(argv)


def test_the_demo_polls_every_campaign_of_its_keys_and_one_that_is_not_there() -> None:
    config = yaml.safe_load(demo_config("http://127.0.0.1:1", "KEY"))
    assert config["api"]["base_url"] == "http://127.0.0.1:1"
    polled = {
        demo_keys("KEY")[workspace["api_key_env"]]: {
            campaign if isinstance(campaign, str) else campaign["id"] for campaign in workspace["campaigns"]
        }
        for workspace in config["workspaces"]
    }
    acme, globex = polled
    assert polled[acme] == {*(WORKSPACES[acme] or {}), "camp_gone"}
    assert polled[globex] == {*(WORKSPACES[globex] or {})}
    assert all(key.startswith("sk_test_sandbox") for key in WORKSPACES)


def test_the_demos_backlog_is_over_its_limit_from_the_start() -> None:
    config = yaml.safe_load(demo_config("http://127.0.0.1:1", "KEY"))
    [backlog] = (c for c in config["workspaces"][0]["campaigns"] if isinstance(c, dict) and c["id"] == "camp_backlog")
    assert backlog["thresholds"]["emails_queued"]["critical"] == LIMIT
    queued = int(ask(build(flags()), "camp_backlog").body.partition(b'"queued": ')[2].partition(b",")[0])
    assert queued > LIMIT


def test_the_flags_have_their_defaults() -> None:
    assert vars(flags()) == {
        "listen_address": "127.0.0.1:10422",
        "speed": 1.0,
        "seed": 1,
        "load_campaigns": 0,
        "fault": [],
    }


def test_the_flags_build_a_sandbox() -> None:
    argv = "--seed 2 --load-campaigns 3 --fault camp_healthy=status:503,count:1 --fault *=status:418"
    sandbox = build(flags(*argv.split()))
    ids = ("camp_healthy", "camp_healthy", "camp_load_00003")
    assert [ask(sandbox, id_).status for id_ in ids] == [503, 418, 418]


def test_seed_and_speed_change_the_figures() -> None:
    still, other, fast = (
        ask(build(flags(*argv)), "camp_healthy").body
        for argv in (["--speed", "0"], ["--speed", "0", "--seed", "2"], ["--speed", "1e12"])
    )
    assert still == Sandbox(speed=0).answer("GET", "/v1/campaigns/camp_healthy/stats", AUTH).body
    assert len({still, other, fast}) == 3


@pytest.mark.parametrize(
    "argv", [["--speed", "-1"], ["--speed", "inf"], ["--speed", "nan"], ["--speed", "x"], ["--load-campaigns", "-1"]]
)
def test_a_flag_out_of_range_is_refused(argv: list[str]) -> None:
    with pytest.raises(argparse.ArgumentError):
        flags(*argv)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (["camp_x=cut"], "no campaign 'camp_x': write "),
        (["camp_123=cat"], "unknown fault or option 'cat': write "),
        (["camp_123=cut", "camp_123=huge"], "two faults for 'camp_123': write one"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_at_start(faults: list[str], message: str) -> None:
    argv = [part for fault in faults for part in ("--fault", fault)]
    with pytest.raises(FaultError, match=message):
        build(flags(*argv))
