"""What operators do to a configuration file in the course of time; it stays one without problems."""

from copy import deepcopy
from random import Random
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

BROKEN = (
    "",
    "workspaces: [",
    "workspaces: [{nam: acme}]",
    "poll: {interval: 5 minutes}\n",
    "workspaces: [{name: acme, api_key: sk_canary_in_the_file, campaigns: [a]}]",
)
"""Files that must be refused."""

_POLL = ({"interval": "17s"}, {"interval": "50s"}, {"interval": "2m", "stale_after": "6m"})
_API = ({"timeout": "2s"}, {"timeout": "5s", "retries": 0}, {"requests_per_second": 5, "max_concurrency": 2})
_LABELS: tuple[dict[str, str], ...] = ({}, {"team": "a"}, {"team": "b\n", "client": ""})
_THRESHOLDS = ({"bounce_ratio": {"warning": None}}, {"bounce_ratio": {"warning": 0.01, "critical": 0.02}})


def changed(document: Document, first: Document, dice: Random) -> Document:
    """Return the document with some changes; what may be in it is what the `first` one has."""
    new = deepcopy(document)
    for _ in range(dice.randint(1, 3)):
        workspace = dice.choice(new["workspaces"])
        campaign = dice.choice(workspace["campaigns"])
        match dice.randrange(7):
            case 0:
                dice.choice([new, workspace, campaign])["poll"] = dice.choice(_POLL)
            case 1:
                dice.choice([new, workspace, campaign])["thresholds"] = dice.choice(_THRESHOLDS)
            case 2:
                dice.choice([workspace, campaign])["labels"] = dice.choice(_LABELS)
            case 3:
                dice.choice([new, workspace]).setdefault("api", {}).update(dice.choice(_API))
            case 4:
                campaign["name"] = f'Name {dice.randrange(9)} "\\ \u00e4'
            case 5:
                workspace["campaigns"] = _some_campaigns(workspace, first, dice)
            case _:
                new["workspaces"] = _some_workspaces(first, dice)
    return new


def _some_campaigns(workspace: Document, first: Document, dice: Random) -> list[Document]:
    """Return some of the workspace's campaigns, and now and then one that the API does not know."""
    known = next(each for each in first["workspaces"] if each["api_key_file"] == workspace["api_key_file"])
    there = [*deepcopy(known["campaigns"]), {"id": f"gone_{dice.randrange(5)}"}]
    return dice.sample(there, dice.randint(1, len(there)))


def _some_workspaces(first: Document, dice: Random) -> list[Document]:
    """Return some of the workspaces, perhaps with one twice, some under other names."""
    chosen = dice.sample(first["workspaces"] * 2, dice.randint(1, len(first["workspaces"]) + 1))
    names = dice.sample([workspace["name"] for workspace in first["workspaces"]] + ["other", "another"], len(chosen))
    return [{**deepcopy(workspace), "name": name} for workspace, name in zip(chosen, names, strict=True)]
