"""One machine for all parts, and the tables of what was seen."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.engines.machine import BASE, KUBERNETES_IMAGE, Machine, booted_debian, load_base

_KEPT = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "leadterra-exporter-tools"
_ROWS: list[dict[str, object]] = []
_MEASURED: list[dict[str, object]] = []


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted_debian(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture(scope="session")
def node(debian: Machine) -> None:
    """Make the machine a Kubernetes of one node, with our image and helm."""
    helm, programs = (
        max(_KEPT.glob(name), default=None) or pytest.skip("`make helm kubernetes` builds what is missing, with Go")
        for name in ("helm-*", "kubernetes-*")
    )
    shutil.copytree(programs, debian.storage / "kubernetes")
    shutil.copy(helm, debian.storage / "kubernetes/helm")
    load_base(debian)
    debian.run(f"docker build -q -t leadterra-exporter -t {KUBERNETES_IMAGE}:0.1.0 .", timeout=600)
    debian.write("Dockerfile.pause", f'FROM {BASE}\nUSER 65534\nCMD ["sleep", "infinity"]\n')
    debian.run("docker build -q -t pause:1 - <Dockerfile.pause")
    debian.run(f"docker save {KUBERNETES_IMAGE}:0.1.0 pause:1 >/var/lib/docker/images.tar")
    for command in ("control", "node node 1"):
        debian.run(f"timeout 280 tests/engines/start-kubernetes {command}")


@pytest.fixture(scope="module")
def machine(debian: Machine, request: pytest.FixtureRequest) -> Machine:
    """Begin a part, whose page and versions head its rows."""
    versions = debian.run(request.module.VERSIONS).split("\n")
    _ROWS.append({"page": request.module.PAGE, "what was seen": ", ".join(filter(None, versions)), "": ""})
    return debian


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a row of each test: its docstring, and how it ended; what was measured in another table."""
    report = yield
    if report.when == "call" or report.failed:
        what = {"page": "", "what was seen": " ".join((item.obj.__doc__ or item.name).split()).rstrip(".")}
        ended = f"{'yes' if report.passed else '**no**'}, {report.duration:.0f} s"
        measured = dict(report.user_properties)
        (_MEASURED if measured else _ROWS).append({**(measured or what), "": ended})
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables."""
    for table in filter(None, (_ROWS, _MEASURED)):
        terminalreporter.line("")
        columns = max(table, key=len)
        rows: list[dict[str, object]] = [{each: each for each in columns}, dict.fromkeys(columns, "---"), *table]
        for row in rows:
            terminalreporter.line(f"| {' | '.join(str(row.get(column, '')) for column in columns)} |")
