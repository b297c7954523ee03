"""How a subject, a process of our own under measurement, is told what to do: words in, lines of JSON out.

A subject ends when its standard input does, so none outlives the benchmark.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def hear() -> str:
    """Wait for the next word, with all else in this process standing still; "" where there is none to come."""
    return sys.stdin.readline().strip()


def obey(word: str, commands: Mapping[str, Callable[[], object]]) -> None:
    """Carry out a word and say what came of it."""
    say(commands[word.strip()]())


async def sweep_when_told(campaigns: int, sweep: Callable[[], Awaitable[int]]) -> None:
    """Ask all campaigns at each word, and say how long that took and how many answered."""
    say({"campaigns": campaigns})
    while hear():
        started = time.perf_counter()
        polls = await sweep()
        say({"seconds": time.perf_counter() - started, "polls": polls})
