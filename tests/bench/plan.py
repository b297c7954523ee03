"""How much is measured, and how subjects take turns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

from tests.bench.programs import Checkout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run: short enough to wait for, or long."""

    rounds: int = 3
    polls: int = 2_000  # campaigns that are polled without a pause
    polls_seconds: float = 3.0
    paced: int = 1_000
    paced_seconds: float = 60.0
    campaigns: int = 10_000
    scrapes: int = 300
    pages: int = 3  # of each kind while the event loop is watched
    wrk_seconds: int = 2
    starts: int = 15
    few: int = 100
    growth: tuple[int, ...] = (1_000, 10_000, 50_000)
    growth_seconds: float = 30.0
    hold: int = 50_000
    hold_seconds: float = 300.0
    sharded: int = 100_000
    sharded_seconds: float = 120.0
    interval: float = 60.0
    scrape_every: float = 15.0
    versions: list[Checkout] = field(default_factory=lambda: [Checkout()])


SHORT = Plan()
LONG = Plan(rounds=5, paced_seconds=180.0, scrapes=1_000, pages=20, wrk_seconds=5)


def interleave(rounds: int, subjects: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run all subjects in turn, `rounds` times over, so that a noisy minute meets them all."""
    turns = [{name: run() for name, run in subjects.items()} for _ in range(rounds)]
    return {name: [turn[name] for turn in turns] for name in subjects}


def medians(rounds: int, subjects: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of each subject's results."""
    return {name: median(results) for name, results in interleave(rounds, subjects).items()}
