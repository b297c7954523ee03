"""Faults and flags of the sandbox, and the demo's configuration."""

import json
import math
import re

import pytest
import yaml

from exporter.demo import SandboxOptions, sandbox_parser
from exporter.sandbox import KEYS, WORKSPACES, Sandbox, demo_config, parse_flag
from exporter.sandbox.faults import Answer, Fault
from tests.sandbox.test_api import ask

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("c=latency:2.5", Fault(latency=2.5)),
        ("c=status:503", Fault(status=503)),
        ("c=status:429,retry_after:3,count:5", Fault(status=429, retry_after="3", count=5)),
        (f"c=status:503,retry_after:{DATE},rate:0.5", Fault(status=503, retry_after=DATE, rate=0.5)),
        ("c=latency:1,status:418,rate:.2", Fault(latency=1, status=418, rate=0.2)),
        ("a=b,c:d=status:500", Fault(status=500)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse_flag(text) == (text.rpartition("=")[0], fault)


@pytest.mark.parametrize(
    "text",
    ["status:503", "c=cut", "c=rate:0.5", "c=latency:2,cuont:2", "c=latency:-1", "c=latency:nan", "c=status:5o3",
     "c=status:200", "c=status:429,retry_aftr:2", "c=status:503,rate:2", "c=status:503,count:0"],
)  # fmt: skip
def test_a_slip_is_told_what_to_write_instead(text: str) -> None:
    with pytest.raises(
        ValueError, match=f"^{re.escape(repr(text))}: write CAMPAIGN=latency:SECONDS or CAMPAIGN=status:"
    ):
        parse_flag(text)


def statuses(sandbox: Sandbox, *ids: str) -> list[int]:
    return [ask(sandbox, id_).status for id_ in ids]


def test_a_fault_changes_so_many_answers_and_a_campaign_s_own_stands_above_that_of_all() -> None:
    sandbox = Sandbox()
    with pytest.raises(ValueError, match="no campaign 'camp_helthy': write camp_healthy"):
        sandbox.faults.put("camp_helthy", Fault(status=500))
    sandbox.faults.put("camp_healthy", Fault(status=503, count=2))
    assert statuses(sandbox, *["camp_healthy"] * 3, "camp_123") == [503, 503, 200, 200]
    sandbox.faults.put("*", Fault(status=503))
    sandbox.faults.put("camp_healthy", Fault(status=429, retry_after=DATE))
    assert statuses(sandbox, "camp_healthy", "camp_123", "camp_gone") == [429, 503, 404]
    assert ask(sandbox, "camp_healthy").headers["Retry-After"] == DATE
    sandbox.faults.remove("camp_healthy")
    assert statuses(sandbox, "camp_healthy") == [503]


def test_latency_keeps_the_answer() -> None:
    sandbox, plain = Sandbox(speed=0), Sandbox(speed=0)
    sandbox.faults.put("camp_healthy", Fault(latency=2))
    answer = ask(sandbox, "camp_healthy")
    assert answer == Answer(200, ask(plain, "camp_healthy").body, delay=2)
    assert json.loads(answer.body)["campaignId"] == "camp_healthy"


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_a_rate_is_kept_and_repeats_with_the_seed(rate: float) -> None:
    def run() -> list[int]:
        sandbox = Sandbox(seed=3)
        sandbox.faults.put("camp_123", Fault(status=500, rate=rate))
        return statuses(sandbox, *["camp_123"] * 1000)

    first = run()
    assert math.isclose(first.count(500) / 1000, rate, abs_tol=0.05)
    assert run() == first


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
    assert sandbox_parser().parse([]) == SandboxOptions("info", "logfmt", "127.0.0.1:10422", 1.0, 1, 0, ())
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
