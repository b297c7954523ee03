"""What all tests share: a loop whose time passes without waiting."""

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import hypothesis
import pytest

from exporter import log
from tests.process import RunningSandbox, running_sandbox

T = TypeVar("T")

hypothesis.settings.register_profile("default", deadline=None)  # machines are noisy, and a late example is no fault
hypothesis.settings.register_profile("million", deadline=None, max_examples=1_000_000, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait for time to pass, let it pass at once."""

    jumped = 0.0
    patience: Callable[[], float] = staticmethod(lambda: 0.0)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nothing is scheduled: only a thread or a socket can wake the loop
            return super().select(5)
        events = super().select(self.patience() if timeout > 0 else 0)
        if not events:
            self.jumped += timeout
        return events


class _Inline(ThreadPoolExecutor):
    """Do at once what would be done in a thread: while a thread works, virtual time would fly."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **options))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
            done.set_exception(error)
        return done


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and jumps to the next timer: hours of sleeping take milliseconds.

    Before each jump it waits `patience()` real seconds for its sockets: what is on its way between two of them takes
    no virtual time.
    """

    def __init__(self, patience: Callable[[], float] = lambda: 0.0) -> None:
        self._jumping = _JumpingSelector()
        self._jumping.patience = patience
        super().__init__(self._jumping)
        self.set_default_executor(_Inline())

    def time(self) -> float:
        return self._jumping.jumped

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - the base class' signature from Python 3.12 on
        """Wait for the threads to end without the runner's time-out, which would pass at once."""
        await super().shutdown_default_executor()

    def jump(self, seconds: float) -> None:
        """Advance the time, in which nothing of the process runs."""
        self._jumping.jumped += seconds


def run_virtually(coroutine: Coroutine[Any, Any, T], patience: Callable[[], float] = lambda: 0.0) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(patience)) as runner:
        return runner.run(coroutine)


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    log.configure("warn", "logfmt")


@pytest.fixture
def anyio_backend() -> str:
    """Run tests that are coroutines in asyncio's own loop."""
    return "asyncio"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox() as sandbox:
        yield sandbox
