"""Web configuration files: settings, or a ConfigError."""

from collections.abc import Sequence
from pathlib import Path

from exporter.web.web_config_schema import read
from tests.fuzz.yaml_files import YamlFiles
from tests.process import ROOT
from tests.web.test_web_config_schema import ACCEPTED, FAULTY


def target() -> YamlFiles:
    """Fuzz `exporter.web.web_config_schema.read`, from our example and from all files that have a test."""
    example = (ROOT / "docs/examples/web-config.yaml").read_text()
    return YamlFiles("web configuration files", [*[example] * 20, *ACCEPTED.values(), *FAULTY], _read)


def _read(file: Path) -> Sequence[str]:
    settings = read(file)
    return [str(settings.problem("a problem of what it names", "tls_server_config", "cert_file"))]
