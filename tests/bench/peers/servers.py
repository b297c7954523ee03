"""nginx with one worker that serves the bytes of a page, and json_exporter, which asks the API in the scrape."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.campaigns import FIGURES, KEY
from tests.bench.programs import NAMES, Running, json_exporter, server
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
def mirror(of: Running) -> Iterator[Running]:
    """Serve what a server's page is now, byte by byte, plain and compressed beforehand."""
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not read the folder
    with TemporaryDirectory() as folder:
        for encoding, file in zip(NAMES, ("metrics", "metrics.gz"), strict=True):
            (Path(folder) / file).write_bytes(of.get("/metrics", Accept_Encoding=encoding))
        config = Path(folder) / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, user=user))
        with server("nginx", "-p", folder, "-e", "stderr", "-c", str(config), port=port) as master:
            master.get("/-/healthy")
            children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
            yield replace(master, pid=int(wait_until(lambda: children.read_text().split(), "nginx's worker")[0]))


@contextmanager
def running_json_exporter() -> Iterator[Running | None]:
    """Run it where it can be had, with the eight figures of a campaign."""
    path = json_exporter()
    if path is None:
        yield None
        return
    labels = {"campaign_id": "{ .campaignId }"}
    metrics = [{"name": name, "path": f"{{ .{field} }}", "labels": labels} for name, field in FIGURES.items()]
    client = {"authorization": {"type": "Bearer", "credentials": KEY}}
    port = free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "json_exporter.yaml"
        config.write_text(json.dumps({"modules": {"default": {"http_client_config": client, "metrics": metrics}}}))
        flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
        with server(path, *flags, port=port) as running:
            yield running
