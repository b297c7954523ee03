"""What operators do to a configuration file in the course of weeks; it stays one without problems."""

from collections.abc import Callable
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


def changed(document: Document, known: dict[str, tuple[str, ...]], dice: Random) -> Document:
    """Give the document with one to four changes; `known` are the API's workspaces and campaigns."""
    new = deepcopy(document)
    for _ in range(dice.randint(1, 4)):
        dice.choice(_CHANGES)(new, known, dice)
    return new


def _remove_campaign(document: Document, _: Any, dice: Random) -> None:
    campaigns = dice.choice(document["workspaces"])["campaigns"]
    if len(campaigns) > 1:
        del campaigns[dice.randrange(len(campaigns))]


def _add_campaign(document: Document, known: dict[str, tuple[str, ...]], dice: Random) -> None:
    workspace = dice.choice(document["workspaces"])
    there = {campaign["id"] for campaign in workspace["campaigns"]}
    unknown = f"camp_gone_{dice.randrange(5)}"  # the API has no such campaign
    away = [id_ for id_ in (*known[workspace["api_key_file"]], unknown) if id_ not in there]
    if away:
        workspace["campaigns"].append({"id": dice.choice(away)})


def _rename_campaign(document: Document, _: Any, dice: Random) -> None:
    dice.choice(dice.choice(document["workspaces"])["campaigns"])["name"] = f'Name {dice.randrange(9)} "\\ \u00e4'


def _remove_workspace(document: Document, _: Any, dice: Random) -> None:
    if len(document["workspaces"]) > 1:
        del document["workspaces"][dice.randrange(len(document["workspaces"]))]


def _add_workspace(document: Document, known: dict[str, tuple[str, ...]], dice: Random) -> None:
    """Add one that was removed, or a second one with the same key and campaigns."""
    key = dice.choice(list(known))
    if len(document["workspaces"]) < len(known) + 1:
        campaigns = [{"id": id_} for id_ in known[key]]
        document["workspaces"].append({"name": _new_name(document, dice), "api_key_file": key, "campaigns": campaigns})


def _rename_workspace(document: Document, _: Any, dice: Random) -> None:
    dice.choice(document["workspaces"])["name"] = _new_name(document, dice)


def _new_name(document: Document, dice: Random) -> str:
    taken = {workspace["name"] for workspace in document["workspaces"]}
    return dice.choice([name for name in (f"workspace {n}" for n in range(9)) if name not in taken])


def _set_pace(document: Document, _: Any, dice: Random) -> None:
    _somewhere(document, dice)["poll"] = {"interval": dice.choice(["20s", "60s", "97s", "5m"]), "stale_after": "5m"}


def _set_limits(document: Document, _: Any, dice: Random) -> None:
    limits = {"warning": dice.choice([None, 0.01]), "critical": dice.choice([None, 0.02])}
    _somewhere(document, dice)["thresholds"] = {"bounce_ratio": limits, "min_emails_sent": dice.randrange(500)}


def _set_labels(document: Document, _: Any, dice: Random) -> None:
    workspace = dice.choice(document["workspaces"])
    place = dice.choice([workspace, dice.choice(workspace["campaigns"])])
    place["labels"] = {dice.choice(["team", "client", "region"]): dice.choice(["", "a", "b\n"])}


def _set_api(document: Document, _: Any, dice: Random) -> None:
    dice.choice([document, *document["workspaces"]])["api"] = {
        "requests_per_second": dice.choice([5, 10, 50]),
        "max_concurrency": dice.choice([2, 10]),
        "retries": dice.choice([0, 2]),
        "timeout": dice.choice(["2s", "10s"]),
    }


def _somewhere(document: Document, dice: Random) -> Document:
    workspace = dice.choice(document["workspaces"])
    place: Document = dice.choice([document, workspace, dice.choice(workspace["campaigns"])])
    return place


_CHANGES: tuple[Callable[[Document, dict[str, tuple[str, ...]], Random], None], ...] = (
    _remove_campaign,
    _add_campaign,
    _rename_campaign,
    _remove_workspace,
    _add_workspace,
    _rename_workspace,
    _set_pace,
    _set_limits,
    _set_labels,
    _set_api,
)
