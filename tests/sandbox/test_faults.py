"""Faults: how they are written, what a slip of the pen gets to read, whom they meet."""

import json
import math
import re

import pytest

from exporter.sandbox import Sandbox, parse_flag
from exporter.sandbox.faults import Answer, Fault
from tests.sandbox.test_api import ask

EXAMPLE = "write campaign=latency:2 or campaign=status:503,retry_after:3"
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("c=latency:2.5", Fault(latency=2.5)),
        ("c=status:503", Fault(status=503)),
        ("c=status:429,retry_after:3,count:5", Fault(status=429, retry_after="3", count=5)),
        (f"c=status:503,retry_after:{DATE},rate:0.5", Fault(status=503, retry_after=DATE, rate=0.5)),
        ("a=b,c:d=status:500", Fault(status=500)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse_flag(text) == (text.rpartition("=")[0], fault)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status:503", f"fault 'status:503': {EXAMPLE}"),
        ("c=cut", f"fault 'c=cut': {EXAMPLE}"),
        ("c=rate:0.5", f"fault 'c=rate:0.5': {EXAMPLE}"),
        ("c=latency:2,cuont:2", "unknown option 'cuont': write count"),
        ("c=status:429,retry_aftr:2", "unknown option 'retry_aftr': write retry_after"),
        ("c=latency:-1", "latency: '-1' is not valid: write seconds, such as latency:2.5"),
        ("c=latency:nan", "latency: 'nan' is not valid: write seconds, such as latency:2.5"),
        ("c=status:5o3", "status: '5o3' is not valid: write an HTTP status from 400 on, such as status:503"),
        ("c=status:200", "status: '200' is not valid: write an HTTP status from 400 on, such as status:503"),
        ("c=status:503,rate:2", "rate: '2' is not valid: write a share between 0 and 1, such as rate:0.2"),
        ("c=status:503,count:0", "count: '0' is not valid: write how many answers it changes, such as count:5"),
    ],
)
def test_a_slip_is_told_what_to_write_instead(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_flag(text)


def test_a_fault_for_a_campaign_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="no campaign 'camp_helthy': write camp_healthy"):
        Sandbox().faults.put("camp_helthy", Fault(status=500))


def statuses(sandbox: Sandbox, *ids: str) -> list[int]:
    return [ask(sandbox, id_).status for id_ in ids]


def test_a_fault_changes_so_many_answers_and_no_more() -> None:
    sandbox = Sandbox()
    sandbox.faults.put("camp_healthy", Fault(status=503, count=2))
    assert statuses(sandbox, *["camp_healthy"] * 3, "camp_123") == [503, 503, 200, 200]


def test_a_campaign_s_own_fault_stands_above_that_of_all() -> None:
    sandbox = Sandbox()
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
