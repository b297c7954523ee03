"""Side by side: every subject has its turn in every round, so that a noisy minute meets them all."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def interleave(rounds: int, subjects: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Run all subjects in turn, `rounds` times over; give each one's results."""
    results: dict[str, list[T]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, run in subjects.items():
            results[name].append(run())
    return results
