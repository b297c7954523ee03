"""Short ways to build what tests need, with the defaults of the real thing, and configurations in files."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from exporter.config import Api, Campaign, Config, Poll, Thresholds, Workspace
from exporter.exposition import Format, Page
from exporter.secret import KeySource
from exporter.store import Store
from tests.certificates import replace_file

KEY = "sk_test_canary_5ecre7"
KEY_ENV = "LEADTERRA_TEST_KEY"
SANDBOX_KEY = "sk_test_sandbox_acme"
DOCUMENTED = {
    "campaignId": "camp_123", "totalEnrolled": 500, "sent": 480, "delivered": 471, "bounced": 9,
    "replied": 38, "queued": 20, "openRate": 0.42, "replyRate": 0.08,
}  # fmt: skip
"""The example of the API's own page."""


def campaign(id_: str = "camp_123", *, workspace: str = "acme", interval: float = 60.0, **options: Any) -> Campaign:
    options.setdefault("name", id_)
    options.setdefault("poll", Poll(interval=interval))
    options.setdefault("thresholds", Thresholds())
    return Campaign(workspace, id_, **options)


def workspace(
    campaigns: Iterable[Campaign], *, name: str = "acme", key: KeySource | None = None, **api: Any
) -> Workspace:
    os.environ[KEY_ENV] = KEY
    return Workspace(name, key or KeySource(env=KEY_ENV), Api(**api), tuple(campaigns))


def config(*workspaces: Workspace) -> Config:
    return Config(workspaces)


class Clock:
    """A clock that moves when told: its Unix time starts on a round number."""

    def __init__(self) -> None:
        self.monotonic = 0.0

    def wall(self) -> float:
        return 1_750_000_000.0 + self.monotonic

    def store(self) -> Store:
        return Store(wall=self.wall, monotonic=lambda: self.monotonic)


def page(store: Store) -> Callable[[], list[str]]:
    """Return a function that gives the sample lines of the campaigns' page as it is now."""
    whole = Page(store, lambda _: b"")
    return lambda: [line for line in whole.render(Format.TEXT).decode().splitlines() if not line.startswith("#")]


def write_config(  # noqa: PLR0913 - all but the first by name
    folder: Path,
    url: str,
    *campaigns: Any,
    key: str = SANDBOX_KEY,
    api: dict[str, Any] | None = None,
    poll: tuple[str, str] = ("1s", "3s"),
    others: Sequence[dict[str, Any]] = (),
    **workspace: Any,
) -> str:
    """Write a configuration and its key; `poll` is interval and stale_after. Return the flag for it."""
    if key:
        (folder / "key").touch(0o600)
        (folder / "key").write_text(key)
    listed = {"campaigns": campaigns} if campaigns else {}
    document = {
        "api": {"base_url": url, "timeout": "2s", "requests_per_second": 1000, **(api or {})},
        "poll": dict(zip(("interval", "stale_after"), poll, strict=True)),
        "workspaces": [{"name": "acme", "api_key_file": "key", **listed, **workspace}, *others],
    }
    replace_file(folder / "config.yaml", json.dumps(document))
    return f"--config.file={folder / 'config.yaml'}"


def series(name: str, campaign: str) -> str:
    return f'leadterra_campaign_{name}{{workspace="acme",campaign_id="{campaign}",campaign="{campaign}"}}'
