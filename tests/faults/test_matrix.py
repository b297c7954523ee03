"""Every fault, with the real process: what /metrics shows, that others do not notice, and that all is well after.

All faults are played in parallel, each to an exporter of its own, which takes about two minutes. `pytest -s` prints
what was seen as a table.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import pytest

from tests.faults.matrix import FAULTS, Fault
from tests.faults.play import MOST_GROWTH, MOST_PEAK, Seen, longest_gap, longest_recovery, misses_in_log, play
from tests.faults.table import table

pytestmark = pytest.mark.slow

Playing: TypeAlias = dict[str, Future[Seen]]

_AT_ONCE = 8


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """Play the faults whose tests were selected."""
    callspecs = [getattr(item, "callspec", None) for item in request.session.items]
    params = [spec.params.get("fault") for spec in callspecs if spec]
    wanted = [fault for fault in params if isinstance(fault, Fault)]  # others have parameters of this name, too
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        playing = {fault.name: pool.submit(play, fault, tmp_path_factory.mktemp("fault")) for fault in wanted}
        yield playing
        pool.shutdown(cancel_futures=True)
    ended = [done.result() for done in playing.values() if not done.cancelled() and not done.exception()]
    print(f"\n{table(ended)}")  # noqa: T201 - for `pytest -s`


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault, playing: Playing) -> None:
    seen = playing[fault.name].result()

    if seen.recovery is not None:
        assert seen.recovery <= longest_recovery(seen)
    assert seen.longest_gap <= longest_gap(seen)
    assert seen.requests <= fault.most_requests(seen.seconds)
    assert seen.slowest_scrape <= 1 + seen.lateness
    assert seen.peak <= MOST_PEAK
    assert seen.growth <= MOST_GROWTH
    assert seen.descriptors <= 0
    assert not [line for line in seen.log if "Traceback" in line or "internal error" in line]
    assert misses_in_log(fault, seen.log) == []
