"""A configuration file that is written and loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from exporter.config import Config, load

SMALLEST = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns: [camp_1]\n"
CAMPAIGNS = "workspaces:\n- name: acme\n  api_key_env: KEY\n  campaigns:\n"
Loading: TypeAlias = Callable[[str], Config]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loading:
    monkeypatch.setenv("KEY", "canary")
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str) -> Config:
        Path("config.yaml").write_text(text)
        return load(Path("config.yaml"))

    return write_and_load
