"""From a file to the configuration: what holds in the file, in a workspace and for a campaign, each over the last."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from exporter.config import model
from exporter.config.model import Campaign, Config, Labels, Poll, SenderList, Source, Workspace
from exporter.config.schema import FILE, SETTINGS
from exporter.config.times import write_duration
from exporter.config.warnings import enough, warnings_of
from exporter.document.item import ConfigError, Item, Problem, in_order, quote_unless_secret
from exporter.document.reading import read
from exporter.document.shapes import checked
from exporter.secret import KeySource

Level: TypeAlias = Mapping[str, Any]
"""What holds at a level, as the model has it, by the name of the section. An invalid value is None."""
T = TypeVar("T", Campaign, Workspace)
_REFRESH = 60.0


def load(path: Path) -> Config:
    """Read a configuration file; a key that cannot be read is a warning. Raises ConfigError with all its problems."""
    problems: list[Problem] = []
    root = checked(read(path, problems, empty="it needs at least the key workspaces"), FILE, problems)
    sections = root.child("workspaces").entries
    _distinct((section.child("name") for section in sections), "workspace", problems)
    defaults = {"api": model.Api(), "labels": (), "poll": Poll(), "sending": model.Sending()}
    outer = _level({**defaults, "thresholds": model.Thresholds()}, root, problems)
    workspaces = [_workspace(each, _level(outer, each, problems), problems) for each in sections]
    if problems:
        raise ConfigError(problems)
    workspaces = with_all_labels(workspaces)
    warnings = tuple(map(str, in_order(warnings_of(workspaces, root))))
    links, senders = _over(model.Links(), root.child("links")), None
    if "senders" in root.mapping and (senders := _over(model.Senders(), root.mapping["senders"])).interval:
        workspaces = [each._replace(senders=tuple(_sender_lists(each, senders.interval))) for each in workspaces]
    return Config(tuple(workspaces), warnings, senders if senders and senders.interval else None, links)


def _workspace(section: Item, level: Level, problems: list[Problem]) -> Workspace:
    if not section.is_invalid and section.mapping.keys().isdisjoint(("campaigns", "campaigns_from")):
        problems.append(section.problem("the key campaigns is missing: write campaigns: and its value"))
    name = section.child("name").value
    key = KeySource(section.child("api_key_file").value, section.child("api_key_env").value)
    campaigns = campaigns_of(name, section.child("campaigns").entries, level, problems)
    return Workspace(name, key, campaigns=campaigns, sources=tuple(_sources(section, problems)), **level)


def _sources(section: Item, problems: list[Problem]) -> Iterator[Source]:
    """Yield the lists of campaigns of a workspace, and record what does not go together."""
    entries = section.child("campaigns_from").entries
    _distinct((entry.mapping["file"] for entry in entries if "file" in entry.mapping), "file", problems)
    labels: list[str] = []
    for entry in entries:
        url, senseless = entry.child("url").value, [] if "url" in entry.mapping else entry.mapping.keys() - {"file"}
        labels.append(url.partition("?")[0] if url else entry.child("file").text)
        label = f"{labels[-1]} ({count})" if (count := labels.count(labels[-1])) > 1 else labels[-1]
        yield _over(Source(label, refresh=_REFRESH if url else None), entry)
        problems += [entry.child(key).key_problem("has a meaning for a url only: remove it") for key in senseless]


def _sender_lists(workspace: Workspace, interval: float) -> Iterator[SenderList]:
    poll = Poll(interval, max(workspace.poll.stale_after, enough(interval)))
    for endpoint in ("sender_pools", "sender_accounts"):
        yield SenderList(workspace.name, endpoint, workspace.labels, poll)


def campaigns_of(
    workspace: str, entries: Sequence[Item], outer: Level, problems: list[Problem]
) -> tuple[Campaign, ...]:
    """Return the campaigns of a workspace in which `outer` holds, and record the problems of their entries."""
    ids = [entry.child("id") for entry in entries]
    _distinct(ids, "campaign", problems)
    outer = {key: outer[key] for key in SETTINGS}
    campaigns = []
    for id_, entry in zip(ids, entries, strict=True):
        name = entry.mapping.get("name", id_)
        campaigns.append(Campaign(workspace, id_.value, name.value, **_level(outer, entry, problems)))
    return tuple(campaigns)


def _level(outer: Level, section: Item, problems: list[Problem]) -> Level:
    """Return what holds in a section, `outer` itself where it says nothing, and record what stands in no order."""
    own = {
        key: _over(outer[key], each) for key, each in section.mapping.items() if key in outer and not each.is_invalid
    }
    if not own:
        return outer  # as in most campaigns, of which there may be ten thousands
    inner = {**outer, **own}
    problems += _disorder(section, inner)
    return inner


def _over(outer: Any, item: Item) -> Any:
    """Return what an item means where `outer` holds: a mapping replaces only its own keys."""
    if isinstance(item.value, list):
        return tuple(sorted({entry.value for entry in item.entries if not entry.is_invalid}))
    if hasattr(outer, "_replace"):  # a part of the model
        return outer._replace(**{key: _over(getattr(outer, key), each) for key, each in item.mapping.items()})
    if isinstance(item.value, dict):  # labels
        return tuple(sorted({**dict(outer), **{name: each.value for name, each in item.mapping.items()}}.items()))
    return item.value


def _disorder(section: Item, inner: Level) -> Iterator[Problem]:
    own, poll = section.child("poll").mapping, inner["poll"]
    if own and poll.interval and poll.stale_after and poll.stale_after < poll.interval:
        stated = f"stale_after {write_duration(poll.stale_after)} is below interval {write_duration(poll.interval)}"
        at = own.get("stale_after") or own["interval"]
        yield at.problem(f"{stated}: set stale_after to {write_duration(enough(poll.interval))} or more")
    for figure in ("bounce_ratio", "emails_queued"):
        own, limits = section.child("thresholds").child(figure).mapping, getattr(inner["thresholds"], figure)
        if own and None not in (limits.warning, limits.critical) and limits.warning > limits.critical:
            stated = f"warning {limits.warning:g} is above critical {limits.critical:g}"
            at = own.get("warning") or own["critical"]
            yield at.problem(f"{stated}: a warning comes first, set it to {limits.critical:g} or less")


def _distinct(items: Iterable[Item], what: str, problems: list[Problem]) -> None:
    """Record each item that has the value of an earlier one."""
    first: dict[Any, Item] = {}
    for item in items:
        earlier = item if item.is_invalid else first.setdefault(item.value, item)
        if earlier is not item:
            shown = quote_unless_secret(item.text)
            problems.append(item.problem(f"the {what} {shown} stands twice, first in line {earlier.line}: remove one"))


def with_all_labels(workspaces: Sequence[Workspace]) -> list[Workspace]:
    """Return workspaces in which every campaign has the labels of all, "" where it has none."""
    given = (labels for each in workspaces for labels in (each.labels, *(one.labels for one in each.campaigns)))
    names = sorted({name for labels in set(given) for name, _ in labels})

    @cache
    def whole(labels: Labels) -> Labels:
        return tuple((name, dict(labels).get(name, "")) for name in names)

    def labelled(owner: T) -> T:
        return owner if len(owner.labels) == len(names) else owner._replace(labels=whole(owner.labels))

    return [labelled(each._replace(campaigns=tuple(map(labelled, each.campaigns)))) for each in workspaces]
