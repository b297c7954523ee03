"""The configuration as the rest of the program knows it: frozen, complete, every default filled in.

Durations are in seconds, ratios between 0 and 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from exporter.secret import KeySource

Severity: TypeAlias = Literal["info", "warning", "critical"]
Key: TypeAlias = tuple[str, str]
"""What names a campaign: its workspace's name and its id."""


@dataclass(frozen=True, slots=True)
class Api:
    """How a workspace's API is asked."""

    base_url: str = "https://app.leadterra.co"
    timeout: float = 10.0
    max_concurrency: int = 10
    requests_per_second: float = 10.0
    retries: int = 2
    proxy_url: str | None = field(default=None, repr=False)  # may hold a password
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """When a campaign is asked, and how long its last reading may be shown."""

    interval: float = 60.0
    stale_after: float = 300.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """The limits of one figure by severity; None where there is none."""

    info: float | None = None
    warning: float | None = None
    critical: float | None = None

    def __iter__(self) -> Iterator[tuple[Severity, float]]:
        """Give the limits that are set, the mildest severity first."""
        severities: tuple[Severity, ...] = ("info", "warning", "critical")
        for severity in severities:
            limit: float | None = getattr(self, severity)
            if limit is not None:
                yield severity, limit


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits that alerts and the status page hold a campaign's figures against."""

    bounce_ratio: Threshold = Threshold(warning=0.03, critical=0.05)
    emails_queued: Threshold = Threshold()
    queue_drain: Threshold = Threshold(warning=72 * 3600.0)
    reply_ratio: Threshold = Threshold()
    min_emails_sent: int = 50


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign to poll. `labels` has every configured label of the file, "" where this campaign has none."""

    workspace: str
    id: str
    name: str
    labels: tuple[tuple[str, str], ...] = ()
    poll: Poll = Poll()
    thresholds: Thresholds = Thresholds()

    @property
    def key(self) -> Key:
        """Name the campaign among all workspaces."""
        return self.workspace, self.id


@dataclass(frozen=True, slots=True)
class Workspace:
    """One API key and the campaigns that it is asked for."""

    name: str
    key: KeySource
    api: Api
    campaigns: tuple[Campaign, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. `warnings` are lines for people: what will work, but not as they may expect."""

    workspaces: tuple[Workspace, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)  # they name places in the file, not what it says

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """Give all campaigns of all workspaces, in the order of the file."""
        return tuple(campaign for workspace in self.workspaces for campaign in workspace.campaigns)
