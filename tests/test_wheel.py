"""The wheel, installed alone in a fresh environment as pipx does, gives a working command."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.monitoring import is_ready, wait_until
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
        wait_until(lambda: is_ready(f"http://{address}"), "the demo")
        assert "Trade fair list 2019" in httpx.get(f"http://{address}/").text
        assert "leadterra_exporter_build_info{" in httpx.get(f"http://{address}/metrics").text
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
    version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert version.startswith("leadterra-exporter ")
