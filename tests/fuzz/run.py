"""Run targets: chunks of inputs from a seed, in processes of their own, and what came of them."""

import resource
import signal
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random

from exporter import log
from tests.fuzz import answers, config_files, request_heads, responses, web_config_files
from tests.fuzz.mutation import shrunk
from tests.fuzz.target import Target

TARGETS: Mapping[str, Callable[[], Target]] = {
    "answers": answers.Answers,
    "responses": responses.Responses,
    "configuration files": config_files.target,
    "web configuration files": web_config_files.target,
    "request heads": request_heads.RequestHeads,
}
_SHARES = {"answers": 30, "responses": 2, "configuration files": 10, "web configuration files": 6, "request heads": 2}
"""Of fifty inputs: where one costs microseconds there are more of them."""
_CHUNK = 5000
_LONGEST = 5.0  # seconds of our own CPU time that an input may take, so that a busy machine finds nothing
_MOST_MEMORY = 2**30  # bytes of address space that a chunk may add


@dataclass
class Report:
    """What came of some inputs of one target.

    `slowest` is the greatest CPU time of a batch in seconds. `findings` are by kind, each with what it says in full and
    an input made small.
    """

    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    digests: set[int] = field(default_factory=set)
    findings: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, other: "Report") -> None:
        """Take in what came of other inputs of the target."""
        self.inputs += other.inputs
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.outcomes += other.outcomes
        self.digests |= other.digests
        self.findings = other.findings | self.findings


class _TooLongError(Exception):
    """Say that an input took too long."""


def _stop(*_: object) -> None:
    raise _TooLongError


def fuzz(name: str, seed: str, inputs: int) -> Report:
    """Try some inputs of a target in this process."""
    log.configure("error", "logfmt")
    signal.signal(signal.SIGPROF, _stop)
    report, dice = Report(), Random(seed)  # noqa: S311 - it must repeat
    with TARGETS[name]() as target:
        while report.inputs < inputs:
            batch = [target.make(dice) for _ in range(min(target.batch, inputs - report.inputs))]
            _try(target, batch, report)
    return report


def _try(target: Target, batch: list[bytes], report: Report) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    outcomes, finding, detail = _judge(target, batch)
    report.inputs += len(batch)
    report.seconds += time.perf_counter() - began
    report.slowest = max(report.slowest, time.process_time() - cpu)
    report.outcomes.update(outcomes)
    report.digests.update(map(zlib.crc32, batch))
    if finding and finding not in report.findings:
        report.findings[finding] = (detail, _smallest(target, batch, finding))


def _judge(target: Target, batch: list[bytes]) -> tuple[list[str], str, str]:
    """Give what came of the inputs, or what they broke: its kind, and all that is said of it."""
    signal.setitimer(signal.ITIMER_PROF, _LONGEST)
    try:
        return target.outcomes(batch), "", ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = str(error) if isinstance(error, AssertionError) else ""
        return [], f"{type(error).__name__} {text.split(':')[0]} at {where.name}", str(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _smallest(target: Target, batch: list[bytes], finding: str) -> bytes:
    """Find the input of a batch that broke something, and make it small."""
    for data in batch:
        if _judge(target, [data])[1] == finding:
            return shrunk(data, lambda less: _judge(target, [less])[1] == finding)
    return b"(no single input of the batch) " + batch[0]


def _chunk(job: tuple[str, str, int]) -> tuple[str, Report]:
    name, seed, inputs = job
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + _MOST_MEMORY, hard))
    return name, fuzz(name, seed, inputs)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file
        return int(file.read().split()[0]) * resource.getpagesize()


def run(inputs: int, seed: int, processes: int, names: list[str]) -> Iterator[tuple[str, Report]]:
    """Spread inputs over targets and give each chunk's report as it comes."""
    whole = sum(_SHARES[name] for name in names)
    jobs = [
        (name, f"{seed}/{name}/{at}", min(_CHUNK, share - at))
        for name in names
        for share in (-(-inputs * _SHARES[name] // whole),)
        for at in range(0, share, _CHUNK)
    ]
    Random(seed).shuffle(jobs)  # noqa: S311 - so that slow targets do not come last
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_chunk, jobs)
