"""json_exporter, Prometheus' generic exporter for JSON APIs: it asks the API in the scrape, one campaign a scrape."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.campaigns import FIGURES, KEY
from tests.bench.programs import Running, program
from tests.tools import free_port

_HEAD = f"""\
modules:
  default:
    http_client_config:
      authorization: {{type: Bearer, credentials: {KEY}}}
    metrics:
"""
_METRIC = """\
    - name: {name}
      path: '{{ .{field} }}'
      labels: {{campaign_id: '{{ .campaignId }}'}}
"""


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Serve /probe?target=URL with the eight figures of the answer."""
    port = free_port()
    config = folder / "json_exporter.yaml"
    config.write_text(_HEAD + "".join(_METRIC.format(name=name, field=field) for name, field in FIGURES.items()))
    with program(
        "json_exporter", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"
    ) as process:
        yield Running(f"http://127.0.0.1:{port}", process.pid)
