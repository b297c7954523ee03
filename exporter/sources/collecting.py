"""The campaigns of a configuration and of all its lists, put together."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from exporter.config import Campaign, Config, Source, Workspace, of_budget, with_all_labels
from exporter.document.item import quote_unless_secret
from exporter.sources.lists import Answer, SourceState, matching, read_source

_NAMED = 3


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
