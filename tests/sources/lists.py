"""A configuration with lists in real files, for tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.config import load
from exporter.sources import Collected, collect
from tests import build
from tests.certificates import replace_file

TOKEN = "canary-token-5ecre7"  # noqa: S105 - no real one


WORKSPACE: Mapping[str, Any] = {"name": "acme", "api_key_env": build.KEY_ENV}


class Lists:
    """A configuration file with sources beside their files, and what is collected from them."""

    def __init__(self, folder: Path, sources: list[Any], **workspace: Any) -> None:
        self.folder = folder
        self.configure({"campaigns": ["own"], "campaigns_from": sources, **workspace})

    def configure(self, workspace: Mapping[str, Any], **more: Any) -> None:
        given = {key: value for key, value in {**WORKSPACE, **workspace}.items() if value is not None}
        text = json.dumps({"workspaces": [given], **more})
        (self.folder / "config.yaml").write_text(text)
        self.config = load(self.folder / "config.yaml")
        self.last = getattr(self, "last", Collected(self.config))

    def write(self, **files: str) -> None:
        (self.folder / "clients").mkdir(exist_ok=True)
        for name, text in files.items():
            replace_file(self.folder / name.replace("__", "/").replace("_", "."), text)

    def collect(self, at: float = 100.0) -> tuple[list[str], list[str]]:
        """Return the ids of all campaigns, and what is wrong with the sources."""
        self.last = collect(self.config, self.last, {}, at)
        problems = [problem.removeprefix(f"{self.folder}/") for state in self.last.states for problem in state.problems]
        return [campaign.id for campaign in self.last.config.campaigns], problems
