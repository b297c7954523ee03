"""Programs and ports that tests ask the system for, and how they wait for what these do."""

import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which something that should have happened has not."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx's `verify` where no TLS is spoken: to load the usual certificates takes 30 ms a request."""

_BESIDE_PYTHON = str(Path(sys.executable).parent)  # what `make tools` installs


def need(program: str) -> str:
    """Return a program's path; where it is missing the test is skipped, and in CI it fails."""
    path = shutil.which(program) or shutil.which(program, path=_BESIDE_PYTHON)
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{program} is not installed")
    return str(path)


def run(*arguments: str | Path, cwd: Path | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program by name and return how it ended."""
    line = [need(str(arguments[0])), *map(str, arguments[1:])]
    return subprocess.run(line, input=given, capture_output=True, text=True, timeout=900, check=False, cwd=cwd)


def succeed(*arguments: str | Path, cwd: Path | None = None, given: str = "") -> str:
    """Run a program that is to succeed, and return all that it said."""
    ended = run(*arguments, cwd=cwd, given=given)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program while the block does."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until(ask: Callable[[], T], what: object, patience: float = PATIENCE, *, every: float = 0.1) -> T:
    """Ask until the answer is true and return it; `what` is said where it never is."""
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(every)
    return answer


def free_port() -> int:
    """Return a port that nothing listens on, for programs that can't say which one they took.

    It is none that the system gives out by itself, or another test's server might get it before the program starts.
    """
    while True:
        with suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port := 20_000 + secrets.randbelow(10_000)))
            return port
