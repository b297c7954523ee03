"""The configuration as the rest of the program knows it: frozen, complete, every default filled in.

An option that stands in the file has its shape beside its type. Durations are in seconds, ratios between 0 and 1.
"""

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import quote

from exporter.config import checks, times
from exporter.config.times import WHOLE_DAY, Window
from exporter.document.shapes import Each, Leaf, Section
from exporter.secret import KeySource

Severity: TypeAlias = Literal["info", "warning", "critical"]
TargetKey: TypeAlias = tuple[str, str, str]
"""What names a thing that is polled: its workspace's name, its kind and its id."""
Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Configured labels, sorted by name."""
_LARGEST = 1_000_000_000


def _duration(lowest: float = 0.001, highest: float = times.YEAR) -> Leaf:
    return Leaf(partial(times.duration, lowest=lowest, highest=highest), times.write_duration)


def _number(lowest: float, highest: float, *, whole: bool = False) -> Leaf:
    check = partial(checks.number, lowest=lowest, highest=highest, whole=whole)
    return Leaf(check, lambda number: int(number) if number % 1 == 0 else number)


def _limits(limit: Leaf, *severities: str) -> Section:
    return Section(dict.fromkeys(severities, limit._replace(nullable=True)), nullable=True)


_RATIO = Leaf(checks.ratio)
_CA_FILE = Leaf(checks.ca_file, str, nullable=True)
_PROXY_URL = Leaf(checks.proxy_url, checks.without_password, nullable=True)
_DAYS = Each("day", Leaf(times.day, times.DAYS.__getitem__), single=True)
_HOURS = Each("window of hours", Leaf(times.window, times.write_window), single=True)


class Api(NamedTuple):
    """How a workspace's API is asked."""

    base_url: Annotated[str, Leaf(checks.base_url)] = "https://app.leadterra.co"
    timeout: Annotated[float, _duration(highest=3600)] = 10.0
    max_concurrency: Annotated[int, _number(1, 1000, whole=True)] = 10
    requests_per_second: Annotated[float, _number(0.001, 10_000)] = 10.0
    retries: Annotated[int, _number(0, 10, whole=True)] = 2
    proxy_url: Annotated[str | None, _PROXY_URL] = None
    ca_file: Annotated[Path | None, _CA_FILE] = None

    def __repr__(self) -> str:
        return f"Api({self.base_url!r})"  # the proxy's address may hold a password


class Poll(NamedTuple):
    """When a campaign is polled, and how long its last reading may be shown."""

    interval: Annotated[float, _duration(1)] = 60.0
    stale_after: Annotated[float, _duration(1)] = 300.0


class Sending(NamedTuple):
    """The time in which mail is expected to go out, by the clocks of the time zone; Monday is day 0."""

    days: Annotated[tuple[int, ...], _DAYS] = (0, 1, 2, 3, 4)
    hours: Annotated[tuple[Window, ...], _HOURS] = ((0, WHOLE_DAY),)
    timezone: Annotated[str, Leaf(times.timezone)] = "UTC"

    def is_expected(self, at: float) -> bool:
        """Return whether mail is expected to go out at a Unix time; this can only change with a full minute."""
        local = datetime.fromtimestamp(at, times.zone(self.timezone))
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday() in self.days, (local.weekday() - 1) % 7 in self.days
        return any(
            (today and begin <= minute < end) or (yesterday and begin <= minute + WHOLE_DAY < end)
            for begin, end in self.hours
        )


class Threshold(NamedTuple):
    """The limits of one figure by severity; None where there is none."""

    info: float | None = None
    warning: float | None = None
    critical: float | None = None

    def items(self) -> list[tuple[Severity, float]]:
        """Return the limits that are set, the mildest severity first."""
        limits = zip(get_args(Severity), self, strict=True)
        return [(severity, limit) for severity, limit in limits if limit is not None]


class Thresholds(NamedTuple):
    """The limits that alerts and the status page hold a campaign's figures against."""

    bounce_ratio: Annotated[Threshold, _limits(_RATIO, "warning", "critical")] = Threshold(None, 0.03, 0.05)
    emails_queued: Annotated[Threshold, _limits(_number(0, _LARGEST), "warning", "critical")] = Threshold()
    queue_stalled: Annotated[Threshold, _limits(_duration(), "warning")] = Threshold(warning=48 * 3600.0)
    queue_drain: Annotated[Threshold, _limits(_duration(), "warning")] = Threshold()
    reply_ratio: Annotated[Threshold, _limits(_RATIO, "info")] = Threshold()
    min_emails_bounced: Annotated[int, _number(0, _LARGEST, whole=True)] = 5


class _Campaign(NamedTuple):
    workspace: str
    id: str
    name: str
    labels: Labels = ()
    poll: Poll = Poll()
    thresholds: Thresholds = Thresholds()
    sending: Sending = Sending()


class Campaign(_Campaign):
    """One campaign to poll. What all have in common is here: a named tuple itself has no attributes but its fields."""

    __slots__ = ()
    kind = "campaign"
    endpoint = "campaign_stats"

    @property
    def key(self) -> TargetKey:
        """Return what names the campaign among all that is polled."""
        return self.workspace, self.kind, self.id

    @property
    def named(self) -> dict[str, str]:
        """Return what names it in the log beside its workspace."""
        return {"campaign_id": self.id}

    @property
    def identity(self) -> Labels:
        """Return the labels that each of its series has before the configured ones."""
        return ("workspace", self.workspace), ("campaign_id", self.id), ("campaign", self.name)


class _SenderList(NamedTuple):
    workspace: str
    endpoint: str
    labels: Labels = ()
    poll: Poll = Poll()


class SenderList(_SenderList):
    """A workspace's sender pools, or its sender accounts, to be polled as one."""

    __slots__ = ()
    kind = "senders"

    @property
    def id(self) -> str:
        """Return what it is called among the targets of its kind."""
        return self.endpoint

    @property
    def key(self) -> TargetKey:
        """Return what names the list among all that is polled."""
        return self.workspace, self.kind, self.id

    @property
    def named(self) -> dict[str, str]:
        """Return what names it in the log beside its workspace."""
        return {"endpoint": self.endpoint}

    @property
    def identity(self) -> Labels:
        """Return the labels that each of its series has before the configured ones."""
        return (("workspace", self.workspace),)


Target: TypeAlias = Campaign | SenderList


class Source(NamedTuple):
    """A list of campaigns that is kept elsewhere, in files or at a URL; exactly one is set.

    `file` may be a pattern of several files. `label` names the source in metrics and messages: the file as it was
    written, or the URL without its query, which may be a secret.
    """

    label: str
    file: Annotated[Path | None, Leaf(checks.list_file, str)] = None
    url: Annotated[str | None, Leaf(checks.list_url, checks.without_query)] = None
    refresh: Annotated[float | None, _duration(1)] = None
    bearer_token_file: Annotated[Path | None, Leaf(checks.file, str, nullable=True)] = None
    ca_file: Annotated[Path | None, _CA_FILE] = None
    proxy_url: Annotated[str | None, _PROXY_URL] = None

    def __repr__(self) -> str:
        return f"Source({self.label!r})"  # the addresses may hold a secret


class Workspace(NamedTuple):
    """One API key and the campaigns that it is used for; what follows them holds for a campaign that says no more.

    `sources` are the lists that bring more campaigns. `senders` are the lists of senders to poll, none where they are
    not polled.
    """

    name: str
    key: KeySource
    api: Api
    campaigns: tuple[Campaign, ...]
    labels: Labels = ()
    poll: Poll = Poll()
    thresholds: Thresholds = Thresholds()
    sending: Sending = Sending()
    sources: tuple[Source, ...] = ()
    senders: tuple[SenderList, ...] = ()

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return all that is polled with the workspace's key."""
        return (*self.campaigns, *self.senders)


class Senders(NamedTuple):
    """How often sender pools and accounts are polled; None where they are not."""

    interval: Annotated[float | None, _duration(1)._replace(nullable=True)] = 300.0


class Links(NamedTuple):
    """Pages of others about what is polled, as templates of their addresses; None for no link."""

    campaign: Annotated[str | None, Leaf(checks.link, nullable=True)] = None

    def of_campaign(self, campaign: Campaign) -> str | None:
        """Return the address of a campaign's page."""
        values = {"workspace": campaign.workspace, "campaign_id": campaign.id, "campaign": campaign.name}
        return self.campaign and re.sub(r"{(\w+)}", lambda name: quote(values[name[1]], safe=""), self.campaign)


class Config(NamedTuple):
    """A whole configuration. `warnings` are lines for people: what will work, but not as they may expect."""

    workspaces: tuple[Workspace, ...]
    warnings: tuple[str, ...] = ()
    senders: Senders | None = None
    links: Links = Links()

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """Return all campaigns of all workspaces, in the order of the file."""
        return tuple(campaign for workspace in self.workspaces for campaign in workspace.campaigns)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return all that is polled, in the order of the file."""
        return tuple(target for workspace in self.workspaces for target in workspace.targets)
