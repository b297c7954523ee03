"""How much is measured: short enough to wait for, or long."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run. `pictures` is where the long run draws its growth, None for nowhere."""

    rounds: int = 3
    polls: int = 2_000
    in_flight: int = 32
    campaigns: int = 10_000
    scrapes: int = 1_000
    encodings: tuple[str, ...] = ("identity",)  # of those scrapes
    pages: int = 5  # of each kind while the event loop is watched
    wrk_seconds: int = 2
    start_sizes: tuple[int, ...] = (100, 10_000)
    growth_sizes: tuple[int, ...] = (100, 1_000, 10_000, 50_000)
    growth_seconds: float = 30.0
    hold_campaigns: int = 50_000
    hold_seconds: float = 300.0
    shard_campaigns: int = 100_000
    shard_seconds: float = 120.0
    interval: float = 60.0
    pictures: Path | None = None


SHORT = Plan()
LONG = Plan(rounds=5, encodings=("identity", "gzip"), pages=20, wrk_seconds=5)
