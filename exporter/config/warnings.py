"""What a configuration will do, and what of it not as one may expect.

Who does what a warning says sees it no more, nor another instead.
"""

import math
import stat
from collections.abc import Iterator, Sequence
from functools import reduce
from ipaddress import ip_address
from urllib.parse import urlsplit

from exporter.config.model import Campaign, Config, Poll, Workspace
from exporter.config.times import YEAR, write_duration
from exporter.document.item import Item, Problem, quote_unless_secret
from exporter.secret import KeyUnavailableError


def enough(interval: float) -> float:
    """Return the least `stale_after` with which two failed polls in a row take no figures away."""
    return min(3 * interval, YEAR)


def warnings_of(workspaces: Sequence[Workspace], root: Item) -> Iterator[Problem]:
    """Yield the warnings of a configuration without problems, in the file's order of workspaces."""
    for workspace, section in zip(workspaces, root.child("workspaces").entries, strict=True):
        key = section.child("api_key_file" if workspace.key.file else "api_key_env")
        campaigns = section.child("campaigns")
        yield from map(key.problem, _of_key(workspace))
        yield from _in_clear(_stated((section, root), "api", "base_url"), "key")
        for source in section.child("campaigns_from").entries:
            if "bearer_token_file" in source.mapping:
                yield from _in_clear(source.child("url"), "token")
        if not workspace.sources:  # else it depends on what the lists hold
            yield from map(campaigns.problem, of_budget(workspace))
        yield from of_campaigns(workspace.campaigns, campaigns.entries, section, root)


def _stated(levels: Sequence[Item], *keys: str) -> Item:
    """Return what the innermost of some levels states under keys, an invalid item where none does."""
    found = [reduce(Item.child, keys, level) for level in levels]
    return next((item for item in found if not item.is_invalid), found[-1])


def _of_key(workspace: Workspace) -> Iterator[str]:
    try:
        workspace.key.read()
    except KeyUnavailableError as error:
        yield f"{error}: until there is a key, no campaign of this workspace can be polled"
        return
    file = workspace.key.file
    mode = file.stat().st_mode if file else 0
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        yield f"every user of this machine can read {workspace.key}: take that right away with chmod o-r"


def _in_clear(url: Item, what: str) -> Iterator[Problem]:
    parts = urlsplit(url.value or "")
    host = parts.hostname or ""
    try:
        stays_here = ip_address(host).is_loopback
    except ValueError:
        stays_here = host.rpartition(".")[2] == "localhost"
    if parts.scheme == "http" and not stays_here:
        yield url.problem(f"with http:// the {what} travels in clear: write https://")


def of_budget(workspace: Workspace) -> Iterator[str]:
    """Yield what to change where a workspace's campaigns need more than its budget."""
    budget, count = workspace.api.requests_per_second, len(workspace.campaigns)
    need = math.fsum(1 / campaign.poll.interval for campaign in workspace.campaigns)
    if need <= budget * (1 + 1e-9):  # the sum's rounding is no overrun
        return
    interval = math.ceil(count / budget)
    advice = f"set poll.interval to {write_duration(interval)}"
    if workspace.poll.stale_after < enough(interval):
        advice += f" and poll.stale_after to {write_duration(enough(interval))}"
    advice += " in this workspace"
    if own := sum(campaign.poll != workspace.poll for campaign in workspace.campaigns):
        advice += f" and remove poll from its {own} campaigns that have one"
    yield (
        f"{count} campaigns need {need:.4g} requests a second, the budget is {budget:g}: {advice}, "
        f"or set api.requests_per_second to {math.ceil(need)}"
    )


def of_campaigns(campaigns: Sequence[Campaign], entries: Sequence[Item], *outer: Item) -> Iterator[Problem]:
    """Yield whose figures would come and go, and who has the name of another.

    `outer` are the sections around the entries, from the inside out.
    """
    first: dict[str, Item] = {}
    told: set[Poll] = set()
    for campaign, entry in zip(campaigns, entries, strict=True):
        poll, least = campaign.poll, enough(campaign.poll.interval)
        if poll.stale_after < least and ("poll" in entry.mapping or poll not in told):
            told.add(poll)  # of ten thousand campaigns under one setting, one is told of
            if not (at := _stated((entry, *outer), "poll")).is_invalid:
                yield at.problem(
                    f"stale_after {write_duration(poll.stale_after)} is below three intervals of "
                    f"{write_duration(poll.interval)}, so figures come and go: set stale_after to "
                    f"{write_duration(least)} or more"
                )
        at = entry.mapping.get("name") or entry
        if (earlier := first.setdefault(campaign.name, at)) is not at:
            name = quote_unless_secret(campaign.name)
            yield at.problem(f"the campaign in line {earlier.line} is called {name} too: dashboards show them as one")


def summary(config: Config) -> Iterator[str]:
    """Yield a line for each workspace, and what has not been checked."""
    yield from map(_of_workspace, config.workspaces)
    addresses = ", ".join(dict.fromkeys(workspace.api.base_url for workspace in config.workspaces))
    yield f"not checked: whether {addresses} answers, accepts the keys and knows the campaigns; --once asks"


def _of_workspace(workspace: Workspace) -> str:
    polls, allowed = [campaign.poll for campaign in workspace.campaigns], workspace.api.requests_per_second
    senders = "".join(f", senders every {write_duration(each.poll.interval)}" for each in workspace.senders[:1])
    if not polls:
        return f"{workspace.name}: no campaigns, as long as its lists have none{senders}"
    intervals, stale_after = sorted({poll.interval for poll in polls}), max(poll.stale_after for poll in polls)
    every = " to ".join(dict.fromkeys(map(write_duration, (intervals[0], intervals[-1]))))
    needed = math.fsum(1 / target.poll.interval for target in workspace.targets)
    age = min(stale_after, math.ceil(max(1.0, needed / allowed) * intervals[-1] + workspace.api.timeout))
    return (
        f"{workspace.name}: {len(polls)} campaign{'s' * (len(polls) > 1)}, polled every {every}{senders}; needs "
        f"{needed:.3g} of {allowed:.3g} requests a second; figures get {write_duration(age)} old, "
        f"{write_duration(stale_after)} while polls fail, and are then no longer shown"
    )
