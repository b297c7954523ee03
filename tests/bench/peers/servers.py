"""nginx with one worker that serves the bytes of a page, and json_exporter, which asks the API in the scrape."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from tests.bench.campaigns import FIGURES, KEY
from tests.bench.programs import Running, json_exporter, server
from tests.tools import free_port, wait_until

_CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    default_type "text/plain; version=0.0.4; charset=utf-8";
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        gzip_static on;
        location = /-/healthy {{ return 200 "healthy\\n"; }}
    }}
}}
"""


@contextmanager
def running_nginx(folder: Path, plain: bytes, compressed: bytes) -> Iterator[Running]:
    """Serve a page at /metrics, by Accept-Encoding as `plain` or `compressed`."""
    port = free_port()
    (folder / "metrics").write_bytes(plain)
    (folder / "metrics.gz").write_bytes(compressed)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not read the folder
    config.write_text(_CONFIG.format(folder=folder, port=port, user=user))
    with server("nginx", "-p", str(folder), "-e", "stderr", "-c", str(config), port=port) as master:
        master.get("/-/healthy")
        children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
        yield replace(master, pid=int(wait_until(lambda: children.read_text().split(), "nginx's worker")[0]))


JSON_EXPORTER_NAME = "json_exporter"
_MODULES = f"""\
modules:
  default:
    http_client_config:
      authorization: {{type: Bearer, credentials: {KEY}}}
    metrics:
"""
_METRIC_OF = """\
    - name: {name}
      path: '{{ .{field} }}'
      labels: {{campaign_id: '{{ .campaignId }}'}}
"""


def probe(api: Running, campaign_id: str) -> str:
    """Return the path that has the eight figures of a campaign."""
    query = urlencode({"module": "default", "target": f"{api.url}/v1/campaigns/{campaign_id}/stats"})
    return f"/probe?{query}"


@contextmanager
def running_json_exporter() -> Iterator[Running | None]:
    """Run it where it can be had."""
    path = json_exporter()
    if path is None:
        yield None
        return
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "json_exporter.yaml"
        config.write_text(
            _MODULES + "".join(_METRIC_OF.format(name=name, field=field) for name, field in FIGURES.items())
        )
        flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
        with server(path, *flags, port=port) as server_:
            yield server_
