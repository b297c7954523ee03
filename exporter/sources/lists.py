"""The lists of one source. Of a list that is faulty or cannot be had, the last good one stays."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from exporter.config import Campaign, ConfigError, Source, Workspace, read_list
from exporter.document.reading import read_bytes

LARGEST = 16 * 2**20
"""Bytes of a list that are read."""


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
