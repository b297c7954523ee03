"""The campaigns of a configuration and of all its lists. Of a list that is faulty or gone, the last good one stays."""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from exporter.config import Campaign, Config, ConfigError, Source, Workspace, of_budget, read_list, with_all_labels
from exporter.document.item import quote_unless_secret
from exporter.document.reading import read_bytes

LARGEST = 16 * 2**20
"""Bytes of a list that are read."""
_NAMED = 3


class ListError(Exception):
    """A list that cannot be had, and why."""


class Answer(NamedTuple):
    """What a URL answered last: its last whole answer and the Unix time of it, and why there was none since."""

    content: bytes | None = None
    at: float | None = None
    problem: str | None = None


class CampaignList(NamedTuple):
    """What a file or a URL held when it was good last, and what that means with a workspace's settings."""

    content: bytes
    campaigns: tuple[Campaign, ...]
    warnings: tuple[str, ...]


class SourceState(NamedTuple):
    """What is known of one source.

    `up` is None before it was read. `last_success` is the Unix time at which all of it was good. `campaigns` counts
    those of its good lists; None before there was one. `lists` are these by their files, or by the label of a URL.
    """

    workspace: str
    source: Source
    up: bool | None = None
    last_success: float | None = None
    campaigns: int | None = None
    problems: tuple[str, ...] = ()
    lists: Mapping[Path | str, CampaignList] = {}


class Collected(NamedTuple):
    """A configuration with the campaigns of all its sources, and what is known of these."""

    config: Config
    states: tuple[SourceState, ...] = ()
    warnings: tuple[str, ...] = ()

    def answered(self, source: Source, answer: Answer) -> "Collected":
        """Return the same after a URL has answered what it answered before."""
        at = answer.at
        states = (each._replace(last_success=at) if each.source == source and each.up else each for each in self.states)
        return self._replace(states=tuple(states))


def collect(config: Config, last: Collected, answers: Mapping[Source, Answer], now: float) -> Collected:
    """Read all lists in files, and what the URLs answered last; `now` is Unix time. Blocks.

    The last good lists come from `last`.
    """
    if not any(workspace.sources for workspace in config.workspaces):
        return Collected(config)
    known = {(state.workspace, state.source): state for state in last.states}
    states, warnings, workspaces = list[SourceState](), list[str](), list[Workspace]()
    for workspace in config.workspaces:
        before = [known.get((workspace.name, each)) or SourceState(workspace.name, each) for each in workspace.sources]
        own = [read_source(each, workspace, answers.get(each.source), now) for each in before]
        whole, doubtful = _united(workspace, own)
        states += own
        workspaces.append(whole)
        warnings += doubtful
    united = config._replace(workspaces=tuple(with_all_labels(workspaces)))
    return Collected(with_known_campaigns(united, last.config), tuple(states), tuple(warnings))


def with_known_campaigns(config: Config, last: Config) -> Config:
    """Return a configuration in which campaigns that equal those of the last one are the same objects."""
    known = {campaign.key: campaign for campaign in last.campaigns}

    def same(campaign: Campaign) -> Campaign:
        old = known.get(campaign.key)
        return old if old == campaign else campaign

    workspaces = (each._replace(campaigns=tuple(map(same, each.campaigns))) for each in config.workspaces)
    return config._replace(workspaces=tuple(workspaces))


def files_of(config: Config) -> Iterator[Path]:
    """Yield the files that a configuration names: keys, CA bundles, and all lists as they are now. Blocks."""
    for workspace in config.workspaces:
        yield from filter(None, (workspace.key.file, workspace.api.ca_file))
        for source in workspace.sources:
            yield from matching(source.file) if source.file else ()


def _united(workspace: Workspace, states: Sequence[SourceState]) -> tuple[Workspace, list[str]]:
    """Return a workspace with the campaigns of its lists, the first of each id, and warnings."""
    campaigns = {campaign.id: campaign for campaign in workspace.campaigns}
    names = {campaign.name for campaign in workspace.campaigns}
    empty = [each.source.label for each in states if each.source.file and each.up and not each.lists]
    warnings = [f"workspace {workspace.name}: no file fits the pattern {quote_unless_secret(each)}" for each in empty]
    for place, each in (item for state in states for item in state.lists.items()):
        new = {campaign.id: campaign for campaign in each.campaigns if campaign.id not in campaigns}
        alike = [campaign.name for campaign in new.values() if campaign.name in names]
        warnings += each.warnings
        if twice := [campaign.id for campaign in each.campaigns if campaign.id not in new]:
            warnings.append(f"{place}: {_some(twice)} already in campaigns or an earlier list, which counts")
        if alike:
            stated = f"{place}: the names {_some(alike)} stand in another place too"
            warnings.append(f"{stated}: dashboards show them as one")
        campaigns |= new
        names |= {campaign.name for campaign in new.values()}
    whole = workspace._replace(campaigns=tuple(campaigns.values()))
    return whole, warnings + [f"workspace {workspace.name}: {text}" for text in of_budget(whole)]


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(map(quote_unless_secret, texts[:_NAMED])) + more


def read_source(last: SourceState, workspace: Workspace, answer: Answer | None, now: float) -> SourceState:
    """Return what is known of a source after its files, or what its URL answered last, have been read. Blocks."""
    source = last.source
    if source.url and answer is None:
        return last
    lists: dict[Path | str, CampaignList] = {}
    problems: list[str] = []
    try:
        names = _files(source.file) if source.file else [source.label]
    except OSError as error:  # of the folder: what is in it has not gone
        names, problems = [], [f"{source.label}: {error.filename} cannot be read: {error.strerror}"]
        lists = {name: _kept(name, each, workspace) for name, each in last.lists.items()}
    for name in names:
        try:
            lists[name] = _read(name, _content(name, answer), workspace)
        except (ConfigError, ListError) as error:
            problems += str(error).splitlines()
            if name in last.lists:
                lists[name] = _kept(name, last.lists[name], workspace)
    success = last.last_success if problems else (answer.at if answer else now)
    campaigns = sum(len(each.campaigns) for each in lists.values()) if lists or not problems else None
    return SourceState(last.workspace, source, not problems, success, campaigns, tuple(problems), lists)


def matching(pattern: Path) -> list[Path]:
    """Return the files of a pattern, or the one file that it is, be it there or not."""
    if not glob.has_magic(str(pattern)):
        return [pattern]
    return sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207 - Path.glob looks into .folders


def _files(pattern: Path) -> list[Path]:
    """Return the same. Raises OSError where the folder cannot be read, which for glob has no files."""
    if glob.has_magic(str(pattern)):
        os.scandir(next(folder for folder in pattern.parents if not glob.has_magic(str(folder)))).close()
    return matching(pattern)


def _content(name: Path | str, answer: Answer | None) -> bytes:
    if answer is None:
        return read_bytes(Path(name), LARGEST)
    if answer.content is None or answer.problem:
        raise ListError(f"{name}: {answer.problem}")
    return answer.content


def _read(name: Path | str, content: bytes, workspace: Workspace) -> CampaignList:
    """Read a list. Raises ConfigError."""
    return CampaignList(content, *read_list(name, content, workspace))


def _kept(name: Path | str, known: CampaignList, workspace: Workspace) -> CampaignList:
    """Return the last good list with the settings that hold now, or as it was where they do not go together."""
    try:
        return _read(name, known.content, workspace)
    except ConfigError:
        return known
