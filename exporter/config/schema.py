"""What may stand where in the configuration file, and a configuration written as one, without secrets."""

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any, NamedTuple

import yaml

from exporter.config import checks
from exporter.config.model import Api, Campaign, Config, Links, Poll, Senders, Sending, Source, Thresholds, Workspace
from exporter.document.shapes import Each, Leaf, Section, Shape, Table


def _options(model: type[NamedTuple], **more: Any) -> Section:
    """Return the section of a part of the model: the shapes that stand beside the types of its fields."""
    hints = model.__annotations__.items()
    return Section({name: hint.__metadata__[0] for name, hint in hints if hasattr(hint, "__metadata__")}, **more)


_NO_KEY_HERE = dict.fromkeys(
    ("api_key", "apiKey", "apikey", "api-key", "key", "token", "bearer_token", "secret", "password"),
    "a secret never stands in this file: write api_key_file or api_key_env",
)
_OF_WORKSPACES = dict.fromkeys(
    ("name", "api_key_file", "api_key_env", "labels", "campaigns_from", "campaigns"),
    "belongs to a workspace: write it below workspaces",
)
_OF_FILE = dict.fromkeys(("senders", "links"), "holds for all workspaces: write it at the top level")
_FORMER = {"min_emails_sent": "is no longer what counts: write min_emails_bounced: 5, fewer bounces never alert"}
_LEVEL: Mapping[str, Shape] = {
    "poll": _options(Poll),
    "sending": _options(Sending),
    "thresholds": _options(Thresholds, refused=_FORMER),
}
_LABELS = Table(checks.label_name, Leaf(checks.label_value), "labels like team: growth")
SETTINGS: Mapping[str, Shape] = {"labels": _LABELS, **_LEVEL}
"""What may stand in a workspace and in a campaign."""
_CAMPAIGN = Section(
    {"id": Leaf(checks.campaign_id), "name": Leaf(checks.name), **SETTINGS},
    ("id",),
    refused={"api": "holds for a workspace: write it there"} | _OF_FILE,
    short="id",
)
LIST = Each("campaign", _CAMPAIGN, least=0)
"""A list of campaigns in a file of its own."""
API = _options(Api)
SOURCE = _options(Source, one_of=("file", "url"), short="file")
_WORKSPACE = Section(
    {
        "name": Leaf(checks.name),
        "api_key_file": Leaf(checks.file),
        "api_key_env": Leaf(checks.key_env),
        "api": API,
        **SETTINGS,
        "campaigns_from": Each("list of campaigns", SOURCE),
        "campaigns": Each("campaign", _CAMPAIGN),
    },
    required=("name",),
    one_of=("api_key_file", "api_key_env"),
    refused=_NO_KEY_HERE | _OF_FILE,
)
SENDERS = _options(Senders, nullable=True)
LINKS = _options(Links, nullable=True)
FILE = Section(
    {"api": API, **_LEVEL, "senders": SENDERS, "links": LINKS, "workspaces": Each("workspace", _WORKSPACE)},
    required=("workspaces",),
    refused=_NO_KEY_HERE | _OF_WORKSPACES,
)
"""The whole file."""


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
