"""The wheel, installed alone in a fresh environment as pipx does, gives a working command."""

import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.process import PATIENCE, ROOT
from tests.tools import free_port

pytestmark = pytest.mark.slow


def test_an_installed_wheel_runs_the_demo(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "-q", "--no-input", wheel], check=True, capture_output=True)

    command = tmp_path / "venv/bin/leadterra-exporter"
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([command, "demo", f"--web.listen-address={address}"], cwd=tmp_path)
    try:
        assert "Trade fair list 2019" in page(f"http://{address}/")
        assert "leadterra_exporter_build_info{" in page(f"http://{address}/metrics")
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
    version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert version.startswith("leadterra-exporter ")


def page(url: str) -> str:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        try:
            return httpx.get(url, timeout=PATIENCE).raise_for_status().text
        except httpx.TransportError:
            pause.wait(0.1)
    raise AssertionError(f"{url} never answered")
