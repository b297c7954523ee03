"""What a process spends: instructions in user space where the machine counts them, else CPU seconds."""

import os
import re
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.bench.table import Figure

_EVENT = "instructions:u"


class Meter(Protocol):
    """Adds up what a process spends while the meter's `with` blocks run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def total(self) -> float:
        """End the meter and return what was spent."""


def meter(pid: int) -> Meter:
    """Return a meter for a process with all its threads."""
    return EventMeter(pid, _EVENT) if _counts_instructions() else CpuMeter(pid)


def cost(total: float, count: float, of: str = "") -> Figure:
    """Turn what meters counted into the cost of one of `count` things."""
    return Figure(total / count, "instructions" if _counts_instructions() else "s CPU", of)


def unit_name() -> str:
    return "instructions" if _counts_instructions() else "CPU seconds"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process: user and system, of all its threads, ended ones too."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names


def memory(pid: int) -> int:
    """Return the bytes of a process that are in memory (RSS)."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024


class CpuMeter:
    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._spent = 0.0

    def __enter__(self) -> Self:
        self._spent -= cpu_seconds(self._pid)
        return self

    def __exit__(self, *_: object) -> None:
        self._spent += cpu_seconds(self._pid)

    def total(self) -> float:
        return self._spent


class EventMeter:
    """Let perf count an event; it is told when to begin and to stop, and says when it has."""

    def __init__(self, pid: int, event: str) -> None:
        control, self._control = os.pipe()
        self._answer, answer = os.pipe()
        command = ["perf", "stat", "-x", ",", "-e", event, "-p", str(pid), "-D", "-1", "--control"]
        self._perf = subprocess.Popen(
            [*command, f"fd:{control},{answer}"], pass_fds=(control, answer), stderr=subprocess.PIPE, text=True
        )
        os.close(control)
        os.close(answer)

    def _tell(self, word: bytes) -> None:
        os.write(self._control, word)
        assert os.read(self._answer, 100), "perf ended"

    def __enter__(self) -> Self:
        self._tell(b"enable\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._tell(b"disable\n")

    def total(self) -> float:
        self._perf.send_signal(signal.SIGINT)
        _, counted = self._perf.communicate(timeout=10)
        os.close(self._control)
        os.close(self._answer)
        return float(
            next(line for line in counted.splitlines() if "," in line).split(",")[0]
        )  # the others say "enabled"


@cache
def _counts_instructions() -> bool:
    if shutil.which("perf") is None:
        return False
    command = ["perf", "stat", "-x", ",", "-e", _EVENT, "true"]
    counted = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stderr
    return counted[:1].isdigit()
