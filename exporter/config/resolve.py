"""From checked items to the configuration: merging level by level, and what holds between values."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from exporter.config import durations
from exporter.config.advice import advise
from exporter.config.model import Api, Campaign, Config, Limits, Poll, Thresholds, Workspace
from exporter.config.schema import FILE, LIMITS
from exporter.document.faults import ConfigError, Fault
from exporter.document.item import Item, quote_unless_secret
from exporter.document.reading import read
from exporter.document.shapes import checked
from exporter.secret import KeySource

T = TypeVar("T", Api, Poll, Limits)


def load(path: Path) -> Config:
    """Read a configuration file. Raises ConfigError with all its faults.

    A key that cannot be read now is no fault but one of the warnings.
    """
    with _no_collection():
        faults: list[Fault] = []
        root = checked(read(path, faults, needed="workspaces"), FILE, faults)
        workspaces = _workspaces(root, faults)
        if faults:
            raise ConfigError(faults)
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

    def under(self, section: Item, faults: list[Fault]) -> "_Level":
        """Return what holds where a section says more."""
        if section.mapping.keys().isdisjoint(_LEVEL_KEYS):
            return self  # as most campaigns do, of which there may be ten thousands
        labels = {name: item.value for name, item in section.child("labels").mapping.items()}
        return _Level(
            _filled(self.api, section.child("api").mapping),
            _poll(self.poll, section.child("poll").mapping, faults),
            _thresholds(self.thresholds, section.child("thresholds").mapping, faults),
            {**self.labels, **labels},
        )


def _workspaces(root: Item, faults: list[Fault]) -> tuple[Workspace, ...]:
    sections = root.child("workspaces").entries
    labelled = [level for section in sections for level in (section, *section.child("campaigns").entries)]
    labels = sorted({name for level in labelled for name in level.child("labels").mapping})
    _distinct((section.child("name") for section in sections), "workspace", faults)
    level = _Level(Api(), Poll(), Thresholds(), {}).under(root, faults)
    return tuple(_workspace(section, level.under(section, faults), labels, faults) for section in sections)


def _workspace(section: Item, level: _Level, labels: list[str], faults: list[Fault]) -> Workspace:
    name = section.child("name").value
    entries = section.child("campaigns").entries
    _distinct((entry.child("id") for entry in entries), "campaign", faults)
    campaigns = tuple(_campaign(name, entry, level.under(entry, faults), labels) for entry in entries)
    return Workspace(name, _key(section, faults), level.api, campaigns)


def _campaign(workspace: str, entry: Item, level: _Level, labels: list[str]) -> Campaign:
    campaign_id = entry.child("id").value
    name = entry.child("name").value if "name" in entry.mapping else campaign_id
    given = tuple((label, level.labels.get(label, "")) for label in labels)
    return Campaign(workspace, campaign_id, name, given, level.poll, level.thresholds)


def _key(section: Item, faults: list[Fault]) -> KeySource:
    given = {key: section.mapping[f"api_key_{key}"] for key in ("file", "env") if f"api_key_{key}" in section.mapping}
    if len(given) > 1:
        last = max(given.values(), key=lambda item: (item.line, item.column))
        faults.append(last.fault("api_key_file and api_key_env both stand here: keep one"))
    if not given and isinstance(section.value, dict) and "api_key" not in section.value:
        faults.append(section.fault("the key api_key_file or api_key_env is missing: write one of them"))
    return KeySource(**{key: item.value for key, item in given.items()})


def _filled(outer: T, given: Mapping[str, Item]) -> T:
    return replace(outer, **{key: item.value for key, item in given.items()}) if given else outer


def _poll(outer: Poll, given: Mapping[str, Item], faults: list[Fault]) -> Poll:
    poll = _filled(outer, given)
    if given and poll.stale_after < poll.interval:
        interval = durations.write(poll.interval)
        message = f"stale_after {durations.write(poll.stale_after)} is below interval {interval}"
        at = given.get("stale_after") or given["interval"]
        faults.append(at.fault(f"{message}: set stale_after to {interval} or more"))
    return poll


def _thresholds(outer: Thresholds, given: Mapping[str, Item], faults: list[Fault]) -> Thresholds:
    limits = {key: _limits(getattr(outer, key), given[key].mapping, faults) for key in LIMITS if key in given}
    least = given["min_emails_sent"].value if "min_emails_sent" in given else outer.min_emails_sent
    return replace(outer, **limits, min_emails_sent=least) if given else outer


def _limits(outer: Limits, given: Mapping[str, Item], faults: list[Fault]) -> Limits:
    limits = _filled(outer, given)
    if given and limits.warning is not None and limits.critical is not None and limits.warning > limits.critical:
        at = given.get("warning") or given["critical"]
        message = f"warning {limits.warning:g} is above critical {limits.critical:g}"
        faults.append(at.fault(f"{message}: a warning comes first, set it to {limits.critical:g} or less"))
    return limits


def _distinct(items: Iterable[Item], what: str, faults: list[Fault]) -> None:
    first: dict[str, Item] = {}
    for item in items:
        earlier = first.setdefault(item.value, item)
        if earlier is not item:
            message = (
                f"the {what} {quote_unless_secret(item.value)} stands twice, first in line {earlier.line}: remove one"
            )
            faults.append(item.fault(message))
