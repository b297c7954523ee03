"""What will work, but not as one may expect: lines for people, with their place in the file."""

import math
import stat
from collections.abc import Iterator

from exporter.config import durations
from exporter.config.model import Workspace
from exporter.document.item import Item
from exporter.secret import KeySource, KeyUnavailableError


def advise(workspaces: tuple[Workspace, ...], root: Item) -> Iterator[str]:
    """Give the warnings of a configuration without problems, in the file's order of workspaces."""
    first_with: dict[KeySource, str] = {}
    for workspace, section in zip(workspaces, root.child("workspaces").entries, strict=True):
        source = section.child("api_key_file" if workspace.key.file else "api_key_env")
        for message in (*_about_key(workspace), *_about_shared_key(workspace, first_with)):
            yield str(source.problem(message))
        for message in _about_budget(workspace):
            yield str(section.child("campaigns").problem(message))


def _about_key(workspace: Workspace) -> Iterator[str]:
    try:
        workspace.key.read()
    except KeyUnavailableError as error:
        yield f"{error}: until there is a key, no campaign of this workspace can be polled"
        return
    file = workspace.key.file
    mode = file.stat().st_mode if file else 0
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        yield f"every user of this machine can read {workspace.key}: take that right away with chmod o-r"


def _about_shared_key(workspace: Workspace, first_with: dict[KeySource, str]) -> Iterator[str]:
    first = first_with.setdefault(workspace.key, workspace.name)
    if first != workspace.name:
        yield (
            f"workspaces {first} and {workspace.name} share the {workspace.key}, and each may send its whole "
            "api.requests_per_second with that key: make them one workspace, or divide the budget"
        )


def _about_budget(workspace: Workspace) -> Iterator[str]:
    budget = workspace.api.requests_per_second
    need = math.fsum(1 / campaign.poll.interval for campaign in workspace.campaigns)
    if need <= budget * (1 + 1e-9):  # the sum's rounding is no overrun
        return
    count = len(workspace.campaigns)
    interval = durations.write(math.ceil(count / budget))
    yield (
        f"{count} campaigns need {need:.4g} requests a second, the budget is {budget:g}: set poll.interval to "
        f"{interval} or api.requests_per_second to {math.ceil(need)}"
    )
