# ruff: noqa: INP001  # no part of a package
"""Add a campaign to a list for leadterra-exporter: register_campaign.py FILE ID NAME [LABEL=VALUE ...].

Whoever creates campaigns calls it with the id that POST /v1/campaigns answers.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Write the list beside the old one and move it over that, so that nobody ever reads half of it."""
    file, id_, name, *labels = sys.argv[1:]
    path = Path(file)
    campaigns = json.loads(path.read_text()) if path.exists() else []
    campaigns = [campaign for campaign in campaigns if campaign["id"] != id_]
    campaigns.append({"id": id_, "name": name, "labels": dict(label.split("=", 1) for label in labels)})
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(campaigns, indent=1) + "\n")
    beside.replace(path)


if __name__ == "__main__":
    main()
