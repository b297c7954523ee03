"""What may stand where in the configuration file: one table a mapping; most of them are the options of the model."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from exporter.config import checks
from exporter.config.model import Api, Links, Poll, Senders, Sending, Source, Thresholds
from exporter.document.shapes import Each, Leaf, Section, Shape, Table


def _options(model: type[NamedTuple], **more: Any) -> Section:
    """Return the section of a part of the model: the shapes that stand beside the types of its fields."""
    hints = model.__annotations__.items()
    return Section({name: hint.__metadata__[0] for name, hint in hints if hasattr(hint, "__metadata__")}, **more)


_NO_KEY_HERE = dict.fromkeys(
    ("api_key", "apiKey", "apikey", "api-key", "key", "token", "bearer_token", "secret", "password"),
    "a secret never stands in this file: write api_key_file or api_key_env",
)
_FORMER = {"min_emails_sent": "is no longer what counts: write min_emails_bounced: 5, fewer bounces never alert"}
_LEVEL: Mapping[str, Shape] = {
    "poll": _options(Poll),
    "sending": _options(Sending),
    "thresholds": _options(Thresholds, refused=_FORMER),
}
_LABELS = Table(checks.label_name, Leaf(checks.label_value), "labels like team: growth")
SETTINGS: Mapping[str, Shape] = {"labels": _LABELS, **_LEVEL}
"""What may stand in a workspace and in a campaign."""
_CAMPAIGN = Section({"id": Leaf(checks.campaign_id), "name": Leaf(checks.name), **SETTINGS}, ("id",), short="id")
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
    refused=_NO_KEY_HERE,
)
SENDERS = _options(Senders, nullable=True)
LINKS = _options(Links, nullable=True)
FILE = Section(
    {"api": API, **_LEVEL, "senders": SENDERS, "links": LINKS, "workspaces": Each("workspace", _WORKSPACE)},
    required=("workspaces",),
    refused=_NO_KEY_HERE,
)
"""The whole file."""
