"""Which machine and which versions a run was made with."""

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import meters

_PACKAGES = ("aiohttp", "httpx", "prometheus-client")
_PROGRAMS = {"nginx": "-v", "wrk": "-v", "json_exporter": "--version"}
_VERSION = re.compile(r"\d+(\.\d+)+")


def describe() -> str:
    """Return two lines: date, machine and load; versions."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
    versions += [f"{name} {_program_version(name, flag)}" for name, flag in _PROGRAMS.items()]
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores of {_cpu_model()}, {platform.system()} "
        f"{platform.release().split('-')[0]}, load {load:.1f} before the run; counted in {meters.unit_name()}.\n"
        f"{', '.join(versions)}.\n"
    )


def _cpu_model() -> str:
    match = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return match[1] if match else platform.machine()


def _program_version(name: str, flag: str) -> str:
    path = shutil.which(name)
    if path is None:
        return "missing"
    told = subprocess.run([path, flag], capture_output=True, text=True, check=False, timeout=10)
    match = _VERSION.search((told.stdout or told.stderr).partition("\n")[0])
    return match[0] if match else "of unknown version"
