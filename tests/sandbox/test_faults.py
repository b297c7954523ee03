"""Faults: how they are written, what a slip of the pen gets to read, whom they meet."""

import pytest

from exporter.sandbox import Fault, FaultError, Sandbox, parse, parse_flag
from exporter.sandbox.faults import Faults
from tests.sandbox.test_core import ask

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("c=latency:2.5", Fault(latency=2.5)),
        ("c=status:503", Fault("status", status=503)),
        ("c=status:429,retry_after:3,count:5", Fault("status", status=429, retry_after="3", count=5)),
        (f"c=status:503,retry_after:{DATE},rate:0.5", Fault("status", status=503, retry_after=DATE, rate=0.5)),
        ("c=cut,latency:1", Fault("cut", latency=1)),
        ("c=malformed:true", Fault("malformed")),
    ],
)
def test_a_fault_is_read_and_shown_in_the_form_that_is_read(text: str, fault: Fault) -> None:
    assert parse_flag(text) == ("c", fault)
    faults = Faults(1, ["c"])
    faults.put("c", fault)
    assert parse(faults.show()["c"]) == fault


def test_a_campaign_id_may_hold_the_separators() -> None:
    assert parse_flag("a=b,c:d=cut") == ("a=b,c:d", Fault("cut"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cut", "fault 'cut': write campaign=kind, such as camp_healthy=status:503,count:5"),
        ("=cut", "fault '=cut': write campaign=kind, such as camp_healthy=status:503,count:5"),
        ("c=latancy:2", "unknown fault or option 'latancy': write latency"),
        ("c=cut,cuont:2", "unknown fault or option 'cuont': write count or cut"),
        ("c=latency", "latency: True is not valid: write seconds, such as latency:2.5"),
        ("c=latency:-1", "latency: '-1' is not valid: write seconds, such as latency:2.5"),
        ("c=latency:nan", "latency: 'nan' is not valid: write seconds, such as latency:2.5"),
        ("c=status:5o3", "status: '5o3' is not valid: write an HTTP status, such as status:503"),
        ("c=status:99", "status: '99' is not valid: write an HTTP status, such as status:503"),
        ("c=cut:7", "cut: '7' is not valid: write no value: cut"),
        ("c=cut,rate:2", "rate: '2' is not valid: write a share between 0 and 1, such as rate:0.2"),
        ("c=cut,count:0", "count: '0' is not valid: write how many answers it spoils, such as count:5"),
        ("c=cut,retry_after:3", "retry_after goes with a status: write status:429,retry_after:3"),
        (
            "c=status:429,retry_after:\r\n",
            "retry_after: '' is not valid: write seconds or an HTTP date, such as retry_after:3",
        ),
        ("c=cut,huge", "cut and huge exclude each other: write one of them"),
    ],
)
def test_a_slip_is_told_what_to_write_instead(text: str, message: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_flag(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["3\r\nX-More: 1", "3\u00a0s"])
def test_a_retry_after_that_cannot_stand_in_a_header_is_refused(value: str) -> None:
    with pytest.raises(FaultError, match="write seconds or an HTTP date"):
        parse({"status": 429, "retry_after": value})


def test_options_alone_are_no_fault() -> None:
    with pytest.raises(FaultError, match="a fault needs a kind: write one of latency, status, cut"):
        parse({"rate": 0.5})


def test_a_fault_for_a_campaign_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(FaultError, match="no campaign 'camp_helthy': write camp_healthy"):
        Sandbox().faults.put("camp_helthy", Fault("cut"))


def test_a_fault_meets_its_campaign_only_and_as_often_as_it_says() -> None:
    sandbox = Sandbox()
    sandbox.faults.put("camp_healthy", Fault("status", status=503, count=2))
    assert [ask(sandbox, "camp_healthy").status for _ in range(4)] == [503, 503, 200, 200]
    sandbox.faults.put("camp_healthy", Fault("status", status=503))
    assert ask(sandbox, "camp_123").status == 200


def test_the_star_meets_all_but_those_with_a_fault_of_their_own() -> None:
    sandbox = Sandbox()
    sandbox.faults.put("*", Fault("status", status=503))
    sandbox.faults.put("camp_healthy", Fault("status", status=429))
    assert [ask(sandbox, id_).status for id_ in ("camp_123", "camp_healthy")] == [503, 429]
    assert sandbox.faults.remove("camp_healthy")
    assert ask(sandbox, "camp_healthy").status == 503


def test_a_fault_leaves_refusals_alone() -> None:
    sandbox = Sandbox()
    sandbox.faults.put("*", Fault("status", status=503, count=1))
    assert [ask(sandbox, "camp_123", {}).status, ask(sandbox, "camp_gone").status] == [401, 404]
    assert ask(sandbox, "camp_123").status == 503


def test_a_rate_spoils_its_share_and_the_same_requests_every_time() -> None:
    def statuses(seed: int) -> list[int]:
        sandbox = Sandbox(seed=seed)
        sandbox.faults.put("camp_123", Fault("status", status=500, rate=0.3))
        return [ask(sandbox, "camp_123").status for _ in range(500)]

    assert 100 < statuses(1).count(500) < 200
    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 200), (1.0, 500)])
def test_the_ends_of_the_rate_are_never_and_always(rate: float, expected: int) -> None:
    sandbox = Sandbox()
    sandbox.faults.put("camp_123", Fault("status", status=500, rate=rate))
    assert {ask(sandbox, "camp_123").status for _ in range(200)} == {expected}
