"""From checked items to the configuration: merging level by level, and what holds between values."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from exporter.config import durations
from exporter.config.advice import advise
from exporter.config.model import Api, Campaign, Config, Poll, Threshold, Thresholds, Workspace
from exporter.config.schema import FILE, LIMITS
from exporter.document.item import Item, quote_unless_secret
from exporter.document.problems import ConfigError, Problem
from exporter.document.reading import read
from exporter.document.shapes import checked
from exporter.secret import KeySource

T = TypeVar("T", Api, Poll, Threshold)


def load(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError with all its problems.

    A key that cannot be read now is no problem but one of the warnings.
    """
    with _no_collection():
        problems: list[Problem] = []
        root = checked(read(path, problems, needed="workspaces"), FILE, problems)
        workspaces = _workspaces(root, problems)
        if problems:
            raise ConfigError(problems)
        return Config(workspaces, tuple(advise(workspaces, root)))


_LEVEL_KEYS = ("api", "poll", "thresholds", "labels")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector off: of millions of small objects none is garbage, and it doubles the time.

    Nor may it go through all of them at once afterwards.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Level:
    """What holds in the file, in a workspace or for a campaign."""

    api: Api
    poll: Poll
    thresholds: Thresholds
    labels: Mapping[str, str]

    def under(self, section: Item, problems: list[Problem]) -> "_Level":
        """Return what holds where a section says more."""
        if section.mapping.keys().isdisjoint(_LEVEL_KEYS):
            return self  # as most campaigns do, of which there may be ten thousands
        labels = {name: item.value for name, item in section.child("labels").mapping.items()}
        return _Level(
            _filled(self.api, section.child("api").mapping),
            _poll(self.poll, section.child("poll").mapping, problems),
            _thresholds(self.thresholds, section.child("thresholds").mapping, problems),
            {**self.labels, **labels},
        )


def _workspaces(root: Item, problems: list[Problem]) -> tuple[Workspace, ...]:
    sections = root.child("workspaces").entries
    labelled = [level for section in sections for level in (section, *section.child("campaigns").entries)]
    labels = sorted({name for level in labelled for name in level.child("labels").mapping})
    _distinct((section.child("name") for section in sections), "workspace", problems)
    level = _Level(Api(), Poll(), Thresholds(), {}).under(root, problems)
    return tuple(_workspace(section, level.under(section, problems), labels, problems) for section in sections)


def _workspace(section: Item, level: _Level, labels: list[str], problems: list[Problem]) -> Workspace:
    name = section.child("name").value
    entries = section.child("campaigns").entries
    _distinct((entry.child("id") for entry in entries), "campaign", problems)
    campaigns = tuple(_campaign(name, entry, level.under(entry, problems), labels) for entry in entries)
    return Workspace(name, _key(section, problems), level.api, campaigns)


def _campaign(workspace: str, entry: Item, level: _Level, labels: list[str]) -> Campaign:
    campaign_id = entry.child("id").value
    name = entry.child("name").value if "name" in entry.mapping else campaign_id
    given = tuple((label, level.labels.get(label, "")) for label in labels)
    return Campaign(workspace, campaign_id, name, given, level.poll, level.thresholds)


def _key(section: Item, problems: list[Problem]) -> KeySource:
    given = {key: section.mapping[f"api_key_{key}"] for key in ("file", "env") if f"api_key_{key}" in section.mapping}
    if len(given) > 1:
        last = max(given.values(), key=lambda item: (item.line, item.column))
        problems.append(last.problem("api_key_file and api_key_env both stand here: keep one"))
    if not given and isinstance(section.value, dict) and "api_key" not in section.value:
        problems.append(section.problem("the key api_key_file or api_key_env is missing: write one of them"))
    return KeySource(**{key: item.value for key, item in given.items()})


def _filled(outer: T, given: Mapping[str, Item]) -> T:
    return replace(outer, **{key: item.value for key, item in given.items()}) if given else outer


def _poll(outer: Poll, given: Mapping[str, Item], problems: list[Problem]) -> Poll:
    poll = _filled(outer, given)
    if given and poll.stale_after < poll.interval:
        interval = durations.write(poll.interval)
        message = f"stale_after {durations.write(poll.stale_after)} is below interval {interval}"
        at = given.get("stale_after") or given["interval"]
        problems.append(at.problem(f"{message}: set stale_after to {interval} or more"))
    return poll


def _thresholds(outer: Thresholds, given: Mapping[str, Item], problems: list[Problem]) -> Thresholds:
    limits = {key: _limits(getattr(outer, key), given[key].mapping, problems) for key in LIMITS if key in given}
    least = given["min_emails_sent"].value if "min_emails_sent" in given else outer.min_emails_sent
    return replace(outer, **limits, min_emails_sent=least) if given else outer


def _limits(outer: Threshold, given: Mapping[str, Item], problems: list[Problem]) -> Threshold:
    limits = _filled(outer, given)
    if given and limits.warning is not None and limits.critical is not None and limits.warning > limits.critical:
        at = given.get("warning") or given["critical"]
        message = f"warning {limits.warning:g} is above critical {limits.critical:g}"
        problems.append(at.problem(f"{message}: a warning comes first, set it to {limits.critical:g} or less"))
    return limits


def _distinct(items: Iterable[Item], what: str, problems: list[Problem]) -> None:
    first: dict[str, Item] = {}
    for item in items:
        earlier = first.setdefault(item.value, item)
        if earlier is not item:
            message = (
                f"the {what} {quote_unless_secret(item.value)} stands twice, first in line {earlier.line}: remove one"
            )
            problems.append(item.problem(message))
