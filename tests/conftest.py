"""What all tests share: a loop whose time passes without waiting."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import hypothesis
import pytest

from exporter import log

T = TypeVar("T")

hypothesis.settings.register_profile("default", deadline=None)  # machines are noisy, and a late example is no fault
hypothesis.settings.load_profile("default")


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait for time to pass, let it pass at once."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nothing is scheduled: only a thread or a socket can wake the loop
            return super().select(5)
        events = super().select(0)
        if not events:
            self.jumped += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and jumps to the next timer: hours of sleeping take milliseconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing of the process runs."""
        self._jumping.jumped += seconds


def run_virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    log.configure("warn", "logfmt")


@pytest.fixture
def virtually() -> Callable[[Coroutine[Any, Any, T]], T]:
    return run_virtually
