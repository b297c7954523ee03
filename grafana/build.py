"""All dashboards, as `make generate` writes them."""

from pathlib import Path

from grafana.board import CAMPAIGN, EXPORTER, FLEET, written
from grafana.campaign import campaign
from grafana.exporter_board import exporter
from grafana.fleet import fleet

HERE = Path(__file__).parent
BOARDS = {FLEET: fleet, CAMPAIGN: campaign, EXPORTER: exporter}


def generated() -> dict[Path, bytes]:
    """Return each generated file's path and content."""
    return {HERE / "dashboards" / f"{uid}.json": written(build()) for uid, build in BOARDS.items()}
