"""The example has every option with its default, and loads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from exporter.config import Api, Links, Poll, Sending, Threshold, Thresholds, load
from exporter.config.schema import FILE
from exporter.document.shapes import Each, Section, Shape

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


def _options(shape: Shape, path: str = "") -> Iterator[str]:
    if isinstance(shape, Each):
        yield from _options(shape.shape, path)
    for key, below in shape.keys.items() if isinstance(shape, Section) else ():
        yield from (f"{path}.{key}", *_options(below, f"{path}.{key}"))


def _shown(value: Any, path: str = "") -> Iterator[str]:
    for entry in value if isinstance(value, list) else ():
        yield from _shown(entry, path)
    for key, below in value.items() if isinstance(value, dict) else ():
        yield from (f"{path}.{key}", *_shown(below, f"{path}.{key}"))


def test_no_option_is_missing() -> None:
    shown = set(_shown(yaml.safe_load(EXAMPLE.read_text())))
    overrides = tuple(f".workspaces.{key}." for key in ("api", "poll", "sending", "thresholds", "campaigns"))
    required = {option for option in _options(FILE) if not option.startswith((*overrides, ".senders."))}
    required |= {f".workspaces.campaigns.{key}" for key in ("id", "name", "labels", "poll", "thresholds")}
    assert len(required) > 40
    assert required <= shown


def test_every_option_has_a_comment() -> None:
    lines = EXAMPLE.read_text().splitlines()
    assert [line for line in lines if line and "#" not in line] == []
    assert max(map(len, lines)) <= 120


def test_what_it_shows_at_the_top_level_are_the_defaults(tmp_path: Path) -> None:
    """A key without overrides in front of it shows that each value is the one that holds without the file."""
    document = yaml.safe_load(EXAMPLE.read_text()) | {
        "workspaces": [{"name": "a", "api_key_env": "KEY", "campaigns": ["c"]}]
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(document))
    config = load(file)
    [workspace] = config.workspaces
    [campaign] = workspace.campaigns
    assert (workspace.api, campaign.poll, campaign.sending) == (Api(), Poll(), Sending())
    assert (campaign.thresholds, config.senders, config.links) == (Thresholds(), None, Links())


def test_it_loads_and_means_what_its_comments_say() -> None:
    config = load(EXAMPLE)
    _, second, other = config.campaigns
    assert [campaign.name for campaign in config.campaigns] == ["camp_123", "VP Sales", "camp_789"]
    assert second.labels == (("client", "globex"), ("team", "growth"))
    assert second.thresholds.bounce_ratio == Threshold(warning=0.03, critical=0.08)
    assert other.thresholds.bounce_ratio == Threshold()
    assert other.sending == Sending(hours=((540, 720), (780, 1020)), timezone="America/New_York")
    assert config.workspaces[1].api == Api(requests_per_second=2.0)
    assert all("until there is a key" in warning for warning in config.warnings)
