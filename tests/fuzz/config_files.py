"""Configuration files: a Config that survives being written and read again, or a ConfigError."""

from collections.abc import Sequence
from pathlib import Path

from exporter.config import dump, load
from exporter.sandbox import demo_config
from tests.config.test_problems import FAULTS
from tests.fuzz.target import Finding
from tests.fuzz.yaml_files import YamlFiles
from tests.process import ROOT


def target() -> YamlFiles:
    """Fuzz `exporter.config.load`, from our example and from all problems that have a test."""
    seeds = [(ROOT / "config.example.yaml").read_text(), demo_config("http://127.0.0.1:1", "KEY")]
    return YamlFiles("configuration files", [*seeds * 20, *(row[0] + row[1] for row in FAULTS)], _load)


def _load(file: Path) -> Sequence[str]:
    config = load(file)
    if not any("@" in (workspace.api.proxy_url or "") for workspace in config.workspaces):  # its password is masked
        again = file.with_name("again.yaml")
        again.write_text(dump(config))
        if load(again) != config:
            raise Finding("is not the same after writing and reading it again")
    return config.warnings
