"""What is logged when a configuration, a key or a list of campaigns changes."""

from heapq import nsmallest

import structlog

from exporter.api import Access
from exporter.config import Config, TargetKey
from exporter.sources import Collected

log = structlog.get_logger()

_MOST_NAMES = 10
_MOST_PROBLEMS = 100


def log_warnings(config: Config) -> None:
    """Log what will work, but not as one may expect."""
    for warning in config.warnings:
        log.warning(warning)


def log_key(workspace: str, last: Access | None, access: Access) -> None:
    """Log that a key cannot be read, or was read again."""
    if access.key_problem and access.key is not None and (last is None or last.key_problem != access.key_problem):
        event = "the API key cannot be read, the last one stays in use"
        log.warning(event, workspace=workspace, detail=access.key_problem)
    elif last is not None and (last.key, bool(last.key_problem)) != (access.key, bool(access.key_problem)):
        log.info("the API key was read again", workspace=workspace, source=str(access.source))


def log_difference(old: Config, new: Config, *, is_new: bool) -> None:
    """Log which campaigns came and went, by a new configuration or by lists that have changed."""
    before, after = ({each.key for each in config.campaigns} for config in (old, new))
    if is_new or before != after:
        event = "configuration loaded" if is_new else "lists of campaigns have changed"
        log.info(event, campaigns=len(after), came=_some(after - before), went=_some(before - after))


def _some(keys: set[TargetKey]) -> str:
    names = (f"{workspace}/{id_}" for workspace, _, id_ in nsmallest(_MOST_NAMES, keys))
    return ", ".join(names) + (f" and {len(keys) - _MOST_NAMES} more" if len(keys) > _MOST_NAMES else "")


def log_lists(old: Collected, new: Collected) -> None:
    """Log what is wrong with lists, and what is doubtful about them, once."""
    for warning in new.warnings:
        if warning not in old.warnings:
            log.warning(warning)
    before = {(state.workspace, state.source): state.problems for state in old.states}
    for state in new.states:
        names = {"workspace": state.workspace, "source": state.source.label}
        known = before.get((state.workspace, state.source), ())
        if state.problems and known != state.problems:
            for problem in state.problems[:_MOST_PROBLEMS]:
                log.error("list problem", problem=problem)
            event = "a list was not taken, the last good one stays in use"
            if state.campaigns is None:
                event = "a list was not taken, and none was good before: none of its campaigns are polled"
            log.error(event, **names, problems=len(state.problems))
        elif state.up and known:
            log.info("a list is read again", **names, campaigns=state.campaigns)
