"""Programs and ports that tests ask the system for."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

_BESIDE_PYTHON = str(Path(sys.executable).parent)  # what `make tools` installs


def need(program: str) -> str:
    """Return a program's path; where it is missing the test is skipped, and in CI it fails."""
    path = shutil.which(program) or shutil.which(program, path=_BESIDE_PYTHON)
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{program} is not installed")
    return str(path)


def free_port() -> int:
    """Return a port that nothing listens on, for programs that can't say which one they took."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
