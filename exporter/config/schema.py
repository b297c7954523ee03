"""What may stand where in the configuration file: one table a mapping, one check a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from exporter.config import checks
from exporter.config.checks import Check, duration, number, optional
from exporter.config.faults import Fault
from exporter.config.item import Item

Shape: TypeAlias = Callable[[Item, list[Fault]], Item]
"""Give an item with its values checked; what is at fault is recorded and becomes NaN."""

_LARGEST = 1_000_000_000


def checked(item: Item, shape: Shape, faults: list[Fault]) -> Item:
    """Check an item against what may stand in its place, unless it has a fault already."""
    return item if item.at_fault else shape(item, faults)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value."""

    check: Check

    def __call__(self, item: Item, faults: list[Fault]) -> Item:
        """Check the value."""
        try:
            return item.checked(self.check(item))
        except ValueError as error:
            return item.refused(str(error), faults)


@dataclass(frozen=True, slots=True)
class Each:
    """A list of at least one of the same."""

    what: str
    shape: Shape

    def __call__(self, item: Item, faults: list[Fault]) -> Item:
        """Check every entry."""
        if not isinstance(item.value, list):
            return item.refused(f'{item.shown} is not a list: write each {self.what} on a line after "- "', faults)
        if not item.value:
            return item.refused(f"is an empty list: name at least one {self.what}", faults)
        return item.checked([checked(entry, self.shape, faults) for entry in item.entries])


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of known keys."""

    keys: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    short: str | None = None
    """The key that a single value stands for."""
    nullable: bool = False
    """Whether null stands for null under every key."""

    def __call__(self, item: Item, faults: list[Fault]) -> Item:
        """Check every key and its value."""
        given = self._given(item)
        if given is None:
            return item.refused(f"{item.shown} is not a mapping: write its keys below it, like key: value", faults)
        faults += [child.key_fault(self._unknown(key)) for key, child in given.items() if key not in self.keys]
        missing = [key for key in self.required if key not in given]
        faults += [item.fault(f"the key {key} is missing: write {key}: and its value") for key in missing]
        return item.checked(
            {key: checked(child, self.keys[key], faults) for key, child in given.items() if key in self.keys}
        )

    def _given(self, item: Item) -> Mapping[str, Item] | None:
        if isinstance(item.value, dict):
            return item.mapping
        if item.value is None and self.nullable:
            return dict.fromkeys(self.keys, item)
        return {self.short: item} if self.short and not isinstance(item.value, list | None) else None

    def _unknown(self, key: str) -> str:
        known = [name for name, shape in self.keys.items() if shape is not inline_key]
        names = {name: name for name in known}
        for name in known:
            shape = self.keys[name]
            names |= {inner: f"{name}.{inner}" for inner in shape.keys} if isinstance(shape, Section) else {}
        near = get_close_matches(key, names, n=1)
        advice = f'did you mean "{names[near[0]]}"?' if near else f"known here: {', '.join(known)}"
        return f"unknown key: {advice}"


def inline_key(item: Item, faults: list[Fault]) -> Item:
    """Refuse a key that stands in the file itself."""
    faults.append(item.key_fault("a secret never stands in this file: write api_key_file or api_key_env"))
    return item


def _labels(item: Item, faults: list[Fault]) -> Item:
    if not isinstance(item.value, dict):
        return item.refused(f"{item.shown} is not a mapping: write labels like team: growth", faults)
    for name, child in item.mapping.items():
        try:
            checks.label_name(name)
        except ValueError as error:
            faults.append(child.key_fault(str(error)))
    value = Leaf(checks.any_text)
    return item.checked({name: checked(child, value, faults) for name, child in item.mapping.items()})


def _limits(check: Check, *severities: str) -> Section:
    return Section({severity: Leaf(optional(check)) for severity in severities}, nullable=True)


_API = Section(
    {
        "base_url": Leaf(checks.base_url),
        "timeout": Leaf(duration(highest=3600)),
        "max_concurrency": Leaf(number(1, 1000, whole=True)),
        "requests_per_second": Leaf(number(0.001, 10_000)),
        "retries": Leaf(number(0, 10, whole=True)),
        "proxy_url": Leaf(optional(checks.proxy_url)),
        "ca_file": Leaf(optional(checks.ca_file)),
    }
)
_POLL = Section({"interval": Leaf(duration(lowest=1)), "stale_after": Leaf(duration(lowest=1))})
LIMITS: Mapping[str, Section] = {
    "bounce_ratio": _limits(checks.ratio, "warning", "critical"),
    "emails_queued": _limits(number(0, _LARGEST), "warning", "critical"),
    "queue_drain": _limits(duration(), "warning"),
    "reply_ratio": _limits(checks.ratio, "info"),
}
_THRESHOLDS = Section({**LIMITS, "min_emails_sent": Leaf(number(0, _LARGEST, whole=True))})
_CAMPAIGN = Section(
    {
        "id": Leaf(checks.campaign_id),
        "name": Leaf(checks.text),
        "labels": _labels,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
    },
    required=("id",),
    short="id",
)
_WORKSPACE = Section(
    {
        "name": Leaf(checks.text),
        "api_key_file": Leaf(checks.key_file),
        "api_key_env": Leaf(checks.key_env),
        "api_key": inline_key,
        "labels": _labels,
        "api": _API,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
        "campaigns": Each("campaign", _CAMPAIGN),
    },
    required=("name", "campaigns"),
)
FILE = Section(
    {
        "api": _API,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
        "workspaces": Each("workspace", _WORKSPACE),
        "api_key": inline_key,
    },
    required=("workspaces",),
)
"""The whole file."""
