"""json_exporter, Prometheus' generic exporter for JSON APIs: it asks the API in the scrape, one campaign a scrape."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from tests.bench import runtime
from tests.bench.campaigns import FIGURES, KEY
from tests.bench.programs import Running, server
from tests.tools import free_port

NAME = "json_exporter"
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


def probe(api: Running, campaign_id: str) -> str:
    """Return the path that has the eight figures of a campaign."""
    query = urlencode({"module": "default", "target": f"{api.url}/v1/campaigns/{campaign_id}/stats"})
    return f"/probe?{query}"


@contextmanager
def running() -> Iterator[Running | None]:
    """Run it where it can be had."""
    path = runtime.json_exporter()
    if path is None:
        yield None
        return
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "json_exporter.yaml"
        config.write_text(_HEAD + "".join(_METRIC.format(name=name, field=field) for name, field in FIGURES.items()))
        flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
        with server(path, *flags, port=port) as server_:
            yield server_
