"""Growth: what a poll, a scrape and a campaign's memory cost as the campaigns become more.

All sizes are polled at one pace, so that only the number of campaigns differs.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import campaigns, meters, picture
from tests.bench.plan import Plan
from tests.bench.programs import REQUESTS, Running, exporter, sandbox, subject
from tests.bench.table import Figure, Row, Target, against, alone, divide, number
from tests.tools import free_port

_POLLS_A_SECOND = 100
_SERIES_SCRAPED = 1_000_000  # about so many, in 3 to 200 scrapes
_FEWEST_SCRAPES, _MOST_SCRAPES = 3, 200
_FLAT = Target(1.1)  # a tenth is the noise of this measurement
_PEER = "stock httpx and Gauges"


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured with so many campaigns; memory is that above the same program's with one campaign."""

    campaigns: int
    poll: Figure
    scrape: Figure  # a campaign's share of it
    memory: float  # bytes a campaign
    peer_memory: float


def rows(plan: Plan) -> Iterator[Row]:
    base = _memory(1), _peer_memory(1)
    sizes = [_measure(size, plan, base) for size in plan.growth_sizes]
    yield _compare("CPU of a poll", [size.poll for size in sizes], plan)
    yield _compare("CPU of a scrape a campaign", [size.scrape for size in sizes], plan)
    yield _compare("memory a campaign", [Figure(size.memory / 1024, "KiB") for size in sizes], plan)
    memory, peer_memory = sizes[-1].memory / 1024, sizes[-1].peer_memory / 1024
    what = f"memory a campaign at {sizes[-1].campaigns:,} campaigns"
    yield against(what, Figure(memory, "KiB"), Figure(peer_memory, "KiB", _PEER), Target(0.5))
    if plan.pictures:
        picture.draw(plan.pictures, [(size.campaigns, _curves(size)) for size in sizes])


def _compare(what: str, figures: list[Figure], plan: Plan) -> Row:
    """Set the largest size against the smallest; all are told."""
    sizes = ", ".join(f"{size:,}" for size in plan.growth_sizes)
    told = ", ".join(str(figure) for figure in figures)
    ratio = divide(figures[-1].value, figures[0].value)
    row = alone(f"{what} at {sizes} campaigns", Figure(ratio), _FLAT, f"at {plan.growth_sizes[0]:,}: {figures[0]}")
    return Row(row.what, told, row.peer, number(ratio), row.target, row.held)


def _measure(size: int, plan: Plan, base: tuple[float, float]) -> Size:
    with TemporaryDirectory() as folder, sandbox(size) as api:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config(api.url, size, interval=max(1.0, size / _POLLS_A_SECOND)))
        with exporter(config) as server:
            server.wait_until_ready()
            server.wait_until_swept()
            poll, a_second = _measure_polls(server, plan.growth_seconds)
            scrape = _measure_scrapes(server, size, a_second)
            memory = meters.memory(server.pid)
    peer_memory = _peer_memory(size)
    return Size(size, poll, scrape, (memory - base[0]) / size, (peer_memory - base[1]) / size)


def _measure_polls(server: Running, seconds: float) -> tuple[Figure, float]:
    """Return what a poll costs, and what polling costs a second."""
    before = server.total(REQUESTS)
    spent = meters.meter(server.pid)
    with spent:
        time.sleep(seconds)
    total = spent.total()
    return meters.cost(total, server.total(REQUESTS) - before), total / seconds


def _measure_scrapes(server: Running, size: int, polling_a_second: float) -> Figure:
    """Return a scrape's cost a campaign, without what polling took in the meantime."""
    scrapes = max(_FEWEST_SCRAPES, min(_MOST_SCRAPES, _SERIES_SCRAPED // (size * campaigns.SERIES)))
    spent = meters.meter(server.pid)
    with server.scraper(Accept_Encoding="identity") as scraper:
        began = time.perf_counter()
        with spent:
            for _ in range(scrapes):
                scraper.time("/metrics")
        elapsed = time.perf_counter() - began
    return meters.cost(spent.total() - elapsed * polling_a_second, scrapes * size)


def _memory(size: int) -> float:
    """Return the exporter's memory after a first sweep and a scrape."""
    with TemporaryDirectory() as folder, sandbox(size) as api:
        config = Path(folder) / "config.yaml"
        config.write_text(campaigns.config(api.url, size))
        with exporter(config) as server:
            server.wait_until_ready()
            return _scraped(server)


def _peer_memory(size: int) -> float:
    """Return the memory of Gauges with a reading each, after a scrape; they are set, not polled."""
    with subject("tests.bench.peers.gauges", "hold", "", str(size), str(free_port())) as (_, server):
        return _scraped(server)


def _scraped(server: Running) -> float:
    with server.scraper(Accept_Encoding="identity") as scraper:
        scraper.time("/metrics")
    return meters.memory(server.pid)


def _curves(size: Size) -> dict[str, dict[str, float]]:
    """Give what is drawn: panels, and the curves in them."""
    memory = {"": size.memory / 1024, _PEER: size.peer_memory / 1024}
    return {
        f"a poll ({_unit(size.poll)})": {"": _drawn(size.poll)},
        f"a scrape, per campaign ({_unit(size.scrape)})": {"": _drawn(size.scrape)},
        "memory per campaign (KiB)": memory,
    }


def _unit(figure: Figure) -> str:
    return "us CPU" if figure.unit == "s CPU" else figure.unit


def _drawn(figure: Figure) -> float:
    return figure.value * 1e6 if figure.unit == "s CPU" else figure.value
