"""The effective configuration as YAML, without secrets."""

from collections.abc import Iterator
from textwrap import indent
from typing import Any

import yaml

from exporter.config.model import Campaign, Config, Source, Workspace
from exporter.config.schema import API, LINKS, SENDERS, SETTINGS, SOURCE
from exporter.document.shapes import Each, Leaf, Section, Shape


def dump(config: Config) -> str:
    """Return a configuration with every default filled in, of a campaign only what differs from its workspace.

    Loading it gives an equal one, but for masked passwords and queries. Keys are named, never shown.
    """
    outermost = {"senders": _written(SENDERS, config.senders), "links": _written(LINKS, config.links)}
    workspaces = (text for workspace in config.workspaces for text in _workspace(workspace))
    return "".join([_yaml(outermost), "workspaces:\n", *workspaces])


def settings(owner: Workspace | Campaign) -> dict[str, Any]:
    """Return the settings of a campaign, or of a workspace for its campaigns, as they are written in a file."""
    return {name: _written(shape, getattr(owner, name)) for name, shape in SETTINGS.items()}


def _workspace(workspace: Workspace) -> Iterator[str]:
    """Yield one campaign after the other: all in one call would keep other threads waiting for as long as it takes."""
    key = {"api_key_file": str(workspace.key.file)} if workspace.key.file else {"api_key_env": workspace.key.env}
    fields = {"name": workspace.name, **key, "api": _written(API, workspace.api), **settings(workspace)}
    if workspace.sources:
        fields["campaigns_from"] = [_source(source) for source in workspace.sources]
    yield _yaml([fields])
    if workspace.campaigns:
        yield "  campaigns:\n"
    for campaign in workspace.campaigns:
        changed = (name for name in SETTINGS if getattr(campaign, name) != getattr(workspace, name))
        own = {name: _difference(_written(SETTINGS[name], getattr(campaign, name)), fields[name]) for name in changed}
        yield indent(_yaml([{"id": campaign.id, "name": campaign.name, **own}]), "  ")


def _source(source: Source) -> dict[str, Any]:
    written = {key: value for key, value in _written(SOURCE, source).items() if value is not None}
    return written | ({"file": source.label} if source.file else {})  # as it was written, from the file's folder


def _difference(own: Any, shared: Any) -> Any:
    if not isinstance(own, dict):
        return own
    return {key: _difference(value, shared[key]) for key, value in own.items() if value != shared[key]}


def _written(shape: Shape, value: Any) -> Any:
    """Return a value of the model as the schema has it in a file."""
    if value is None:
        return None
    if isinstance(shape, Section):
        return {key: _written(below, getattr(value, key)) for key, below in shape.keys.items()}
    if isinstance(shape, Each):
        return [_written(shape.shape, each) for each in value]
    return shape.write(value) if isinstance(shape, Leaf) else dict(value)


def _yaml(document: Any) -> str:
    return str(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True))
