"""The example has every option with its default, and loads."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from exporter.config import Api, Poll, Threshold, Thresholds, load
from exporter.config.schema import FILE
from exporter.document.shapes import Each, Refused, Section, Shape

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def _options(shape: Shape, path: str = "") -> Iterator[str]:
    if isinstance(shape, Each):
        yield from _options(shape.shape, path)
    elif isinstance(shape, Section):
        for key, below in shape.keys.items():
            if not isinstance(below, Refused):
                yield f"{path}.{key}"
                yield from _options(below, f"{path}.{key}")


def _shown(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _shown(entry, path)
    elif isinstance(value, dict):
        for key, below in value.items():
            yield f"{path}.{key}"
            yield from _shown(below, f"{path}.{key}")


def _document() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    return document


def test_no_option_is_missing() -> None:
    shown = set(_shown(_document()))
    overrides = (".workspaces.api.", ".workspaces.poll.", ".workspaces.thresholds.", ".workspaces.campaigns.")
    required = {option for option in _options(FILE) if not option.startswith(overrides)}
    required |= {f".workspaces.campaigns.{key}" for key in ("id", "name", "labels", "poll", "thresholds")}
    assert len(required) > 30
    assert required <= shown


def test_every_option_has_a_comment() -> None:
    lines = EXAMPLE.read_text().splitlines()
    assert [line for line in lines if line and "#" not in line] == []
    assert max(map(len, lines)) <= 120


def test_what_it_shows_at_the_top_level_are_the_defaults(tmp_path: Path) -> None:
    """A key without overrides in front of it shows that each value is the one that holds without the file."""
    document = dict(_document()) | {"workspaces": [{"name": "a", "api_key_env": "KEY", "campaigns": ["c"]}]}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(document))
    [workspace] = load(file).workspaces
    assert workspace.api == Api()
    assert workspace.campaigns[0].poll == Poll()
    assert workspace.campaigns[0].thresholds == Thresholds()


def test_it_loads_and_means_what_its_comments_say() -> None:
    config = load(EXAMPLE)
    _, second, other = config.campaigns
    assert [campaign.name for campaign in config.campaigns] == ["camp_123", "VP Sales", "camp_789"]
    assert second.labels == (("client", "globex"), ("team", "growth"))
    assert second.thresholds.bounce_ratio == Threshold(warning=0.03, critical=0.08)
    assert other.thresholds.bounce_ratio == Threshold()
    assert config.workspaces[1].api == Api(requests_per_second=2.0)
    assert all("until there is a key" in warning for warning in config.warnings)
