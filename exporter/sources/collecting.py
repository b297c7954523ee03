"""The campaigns of a configuration and of all its lists, put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.config import Campaign, Config, Source, TargetKey, Workspace, of_budget, with_all_labels
from exporter.document.item import quote_unless_secret
from exporter.sources.lists import Answer, SourceState, matching, read_source

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Collected:
    """A configuration with the campaigns of all its sources, and what is known of these."""

    config: Config
    states: tuple[SourceState, ...] = ()
    warnings: tuple[str, ...] = ()

    def answered(self, source: Source, answer: Answer) -> "Collected":
        """Return the same after a URL has answered what it answered before."""
        at = answer.at
        states = (replace(each, last_success=at) if each.source == source and each.up else each for each in self.states)
        return replace(self, states=tuple(states))


def collect(config: Config, last: Collected, answers: Mapping[Source, Answer], now: float) -> Collected:
    """Read all lists in files, and what the URLs answered last; `now` is Unix time. Blocks.

    The last good lists, and what is still the same, come from `last`.
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
    campaigns = {campaign.key: campaign for campaign in last.config.campaigns}
    united = tuple(_same(each, campaigns) for each in with_all_labels(workspaces))
    return Collected(replace(config, workspaces=united), tuple(states), tuple(warnings))


def _same(workspace: Workspace, known: Mapping[TargetKey, Campaign]) -> Workspace:
    """Return a workspace with the known one of equal campaigns: objects are faster to compare than what they say."""
    pairs = ((known.get(campaign.key), campaign) for campaign in workspace.campaigns)
    return replace(workspace, campaigns=tuple(old if old == new else new for old, new in pairs))


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
    warnings: list[str] = []
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
    whole = replace(workspace, campaigns=tuple(campaigns.values()))
    return whole, warnings + [f"workspace {workspace.name}: {text}" for text in of_budget(whole)]


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(map(quote_unless_secret, texts[:_NAMED])) + more
