"""A configuration file that is written and loaded."""

from pathlib import Path

import pytest

from exporter.config import Config, load

SMALLEST = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns: [camp_1]\n"
CAMPAIGNS = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns:\n"


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "canary")
    monkeypatch.chdir(tmp_path)


def loaded(text: str | bytes) -> Config:
    Path("config.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(Path("config.yaml"))
