"""What the Fleet dashboard costs Prometheus with 5,000 campaigns, and that it draws no more for it."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.grafana.boards import Asked, every_query, fill, load, panels
from tests.grafana.history import DAY, HOUR, backfill
from tests.grafana.prometheus import Prometheus, running

pytestmark = pytest.mark.slow

CAMPAIGNS = 5000
_EVERY = 1800.0  # seconds between two samples: a day at one a minute would take longer to write than the test may last
_LOOKBACK = "--query.lookback-delta=35m"
_MOST_LINES = 12
FLEET = [q for q in every_query() if q.board == "leadterra-fleet" and q.kind not in ("annotation", "variable")]

_DRAWN = {  # metric: what it starts with and what comes to it in each step, for a campaign of size 1 to 2
    "leadterra_campaign_emails_sent": (2000, 16),
    "leadterra_campaign_emails_bounced": (30, 0.6),
    "leadterra_campaign_leads_replied": (60, 0.4),
    "leadterra_campaign_emails_queued": (900, -4),
    "leadterra_campaign_bounce_ratio_threshold": (0.03, 0),
    "leadterra_campaign_min_emails_sent_threshold": (50, 0),
}
_CURRENT = {
    "leadterra_campaign_emails_queued_threshold": 2000,
    "leadterra_campaign_stale_after_seconds": 300,
    "leadterra_campaign_reply_ratio": 0.03,
    "leadterra_campaign_up": 1,
}
"""Of these only the last value is asked for."""
_STAMPED = "leadterra_campaign_last_success_timestamp_seconds"
_ERROR = "leadterra_campaign_error"


def _identity(number: int) -> str:
    workspace = "even" if number % 2 == 0 else "odd"
    campaign = f'campaign_id="camp_{number:05}",campaign="Campaign {number:05}"'
    return f'job="leadterra-exporter",instance="a:10421",workspace="{workspace}",{campaign}'


def _part(times: list[tuple[int, float]], *, last: bool) -> Iterator[str]:
    who = [(1 + number / CAMPAIGNS, _identity(number)) for number in range(CAMPAIGNS)]
    for metric, (first, more) in _DRAWN.items():
        for size, labels in who:
            yield "".join(f"{metric}{{{labels}}} {size * (first + more * at):.6g} {when}\n" for at, when in times)
    for metric, value in _CURRENT.items() if last else ():
        for _, labels in who:
            yield f"{metric}{{{labels}}} {value} {times[-1][1]}\n"
    for _, labels in who:
        yield "".join(f"{_STAMPED}{{{labels}}} {when - 30} {when}\n" for _, when in times)
    for _, labels in who[:50]:
        yield "".join(f'{_ERROR}{{{labels},reason="timeout"}} 1 {when}\n' for _, when in times)
    yield "# EOF\n"


@pytest.fixture(scope="module")
def now() -> float:
    return time.time()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, now: float) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("fleet")
    times = [(at, now - 25 * HOUR + _EVERY * at) for at in range(int(25 * HOUR / _EVERY) + 1)]
    for start in range(0, len(times), 4):  # promtool reads its whole input once for each two hours of it
        part = times[start : start + 4]
        backfill(_part(part, last=part[-1] == times[-1]), folder / "data")
    with running(folder, {"global": {"scrape_interval": "1h"}}, _LOOKBACK) as started:
        started.wait("vector(1)")
        yield started


def _step(query: Asked) -> float:
    """Give Grafana's step for a day on a panel, in seconds: its most points, or its least interval."""
    (panel,) = (panel for panel in panels(load(query.board)) if panel["title"] == query.panel)
    most: int = panel["maxDataPoints"]
    return max(DAY / most, HOUR if panel.get("interval") == "1h" else 0)


@dataclass(frozen=True)
class Cost:
    seconds: float
    samples: int
    series: int


def _cost(prometheus: Prometheus, query: Asked, now: float, workspace: str = ".+") -> Cost:
    """Ask as Grafana does for the last day."""
    expr, begun = fill(query.expr, {"workspace": workspace, "__interval": "30m"}), time.perf_counter()
    if query.instant:
        series, samples = prometheus.ask_counting(expr, now)
    else:
        series, samples = prometheus.draw_counting(expr, now - DAY, now, _step(query))
    return Cost(time.perf_counter() - begun, samples, len(series))


@pytest.fixture(scope="module")
def costs(prometheus: Prometheus, now: float) -> dict[str, Cost]:
    return {query.id: _cost(prometheus, query, now) for query in FLEET}


def test_it_is_cheap(costs: dict[str, Cost], capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        f"{cost.seconds:7.2f} s {cost.samples:12,} samples {cost.series:6} series  {name}"
        for name, cost in sorted(costs.items(), key=lambda each: -each[1].seconds)
    ]
    seconds, samples = sum(cost.seconds for cost in costs.values()), sum(cost.samples for cost in costs.values())
    with capsys.disabled():
        sys.stdout.write(f"\nFleet with {CAMPAIGNS} campaigns, a day:\n" + "\n".join(lines))
        sys.stdout.write(f"\n{seconds:7.2f} s {samples:12,} samples in all, one query after the other\n")
    assert max(cost.samples for cost in costs.values()) < 25e6  # half of what Prometheus allows a query by default
    assert samples < 30e6


@pytest.mark.parametrize("query", FLEET, ids=lambda query: query.id)
def test_no_panel_draws_a_line_for_each_campaign(costs: dict[str, Cost], query: Asked) -> None:
    rows = CAMPAIGNS if query.kind == "table" else _MOST_LINES
    assert 1 <= costs[query.id].series <= rows


def test_twice_as_many_campaigns_cost_no_more_than_twice(
    prometheus: Prometheus, now: float, costs: dict[str, Cost]
) -> None:
    for query in FLEET:
        assert costs[query.id].samples <= 2.1 * _cost(prometheus, query, now, "even").samples, query.id
