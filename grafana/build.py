"""Write everything that is generated here: `python -m grafana.build`."""

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


def main() -> None:
    """Write all generated files."""
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
