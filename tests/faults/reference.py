"""docs/faults.md, from the rows that tests/faults/test_matrix.py holds the exporter to."""

from tests.faults.matrix import FAULTS, Fault
from tests.faults.play import MOST_GROWTH, MOST_PEAK
from tests.faults.world import ACME, BAD, EVERYBODY, HALF

HEAD = ("fault", "what `/metrics` shows", "what the log says once", "recovery")

_INTRODUCTION = f"""\
# What you see when something fails

Each row is played to the real exporter by `tests/faults/test_matrix.py`; this page is generated from its rows by
`make generate`. Details name the time-out of the test, a second; yours is `api.timeout`. `up`, `error` and
`last_success` stand for `leadterra_campaign_up`, `leadterra_campaign_error{{reason}}` and
`leadterra_campaign_last_success_timestamp_seconds`, the interval is `poll.interval`.

For every row the test also holds that

- no other campaign notices, neither of the workspace nor of another one: their `up` stays 1, and no two of their
  readings lie further apart than an interval and an answer;
- a campaign shows all of its figures or none, and never one that the API did not give;
- `/metrics` goes on to answer, in milliseconds;
- the API gets no more requests than in good times: a turn and its `api.retries`, and while a key is refused or a 429
  holds a workspace, one request an interval;
- memory and descriptors return to where they were. The process is at most {MOST_PEAK:g} MiB larger in the midst of a
  fault, as each of `api.max_concurrency` answers may take 1 MiB packed and 1 MiB unpacked, and at most
  {MOST_GROWTH:g} MiB when it is over: that is what a first failure loads, and it does not grow with the next.

"""

_WHO = {
    BAD: "the campaign",
    HALF: "the campaigns that hang",
    ACME: "all campaigns of the workspace",
    EVERYBODY: "all campaigns",
}

_NOTES = """
A host name that stops to resolve is noticed when a connection has to be opened; names are remembered for ten seconds,
and connections stay open. With more than one interval in a workspace, "one interval" is that of the campaign.

Staleness and pacing follow the monotonic clock, so a wall clock that is set wrong stops nothing. But `last_success`
is a time of day: while the exporter's clock is an hour behind Prometheus', `LeadterraCampaignStatsStale` fires.
"""


def fault_reference() -> str:
    lines = (HEAD, ("---",) * len(HEAD), *map(row, FAULTS))
    return _INTRODUCTION + "".join(f"| {' | '.join(line)} |\n" for line in lines) + _NOTES


def row(fault: Fault) -> tuple[str, ...]:
    return fault.name, _shows(fault), _log(fault), _recovery(fault)


def _shows(fault: Fault) -> str:
    if not fault.meets:
        return fault.note or "as ever"
    until = "stay" if fault.brief else "stay until they are `stale_after` old"
    shows = f"`up` 0 and `error` with `{fault.reason}` for {_WHO[fault.meets]}; figures {until}"
    return f"{shows}; {fault.note}" if fault.note else shows


def _log(fault: Fault) -> str:
    if fault.log:
        return f"`{fault.log}`"
    if not fault.detail:
        return "nothing"
    who = "each that was asked" if fault.tells_some else "each campaign"
    return f'`msg="poll failed" reason={fault.reason} detail="{fault.detail}"` for {who}'


def _recovery(fault: Fault) -> str:
    if not fault.meets:
        return "none needed"
    return "within an interval and `timeout`" if fault.awaits_answer else "within an interval"
