"""Which machine and which versions a run was made with.

What is measured runs with nothing but what it needs; json_exporter is built from its source. Both are kept.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tests.process import ROOT

_CACHE = ROOT / ".cache" / "bench"
_JSON_EXPORTER = "github.com/prometheus-community/json_exporter", "v0.7.0"
_WITHIN = 600
_PACKAGES = ("aiohttp", "httpx", "prometheus-client")
_PROGRAMS = {"nginx": "-v", "wrk": "-v"}
_VERSION = re.compile(r"\d+(\.\d+)+")


@cache
def python(root: Path) -> str:
    """Return the interpreter of an environment with only what the checkout's requirements.lock names."""
    lock = root / "requirements.lock"
    folder = _CACHE / f"python-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    interpreter, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True)
        pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "--disable-pip-version-check"]
        _run([*pip, "install", "-q", "--no-deps", "--require-hashes", "-r", str(lock)])
        complete.touch()
    return str(interpreter)


@cache
def json_exporter() -> str | None:
    """Return json_exporter's path, built from the Go proxy where Go is there; None where it cannot be had."""
    module, version = _JSON_EXPORTER
    program = _CACHE / f"json_exporter-{version}"
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")  # where Go installs itself
    if not program.exists() and go:
        try:
            # `go install` would ask the proxy for a list of versions as well.
            source = json.loads(_run([go, "mod", "download", "-json", f"{module}@{version}"]))["Dir"]
            _run([go, "-C", source, "build", "-o", str(program), "."])
        except subprocess.SubprocessError as error:
            sys.stderr.write(f"json_exporter cannot be built: {error}\n")
    return str(program) if program.exists() else None


def _run(command: list[str]) -> str:
    _CACHE.mkdir(parents=True, exist_ok=True)
    return subprocess.run(command, cwd=_CACHE, stdout=subprocess.PIPE, text=True, check=True, timeout=_WITHIN).stdout


def describe() -> str:
    """Return two lines: date, machine and load; versions."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
    versions += [f"{name} {_program_version(name, flag)}" for name, flag in _PROGRAMS.items()]
    versions.append(f"json_exporter {_JSON_EXPORTER[1] if json_exporter() else 'missing'}")
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores of {_cpu_model()}, {platform.system()} "
        f"{platform.release().split('-')[0]}, load {load:.1f} before the run.\n"
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
