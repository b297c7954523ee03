"""nginx with one worker that serves the bytes of a page as a static file, plain and compressed beforehand."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.bench.programs import Running, server, wait
from tests.tools import free_port

_PATIENCE = 20.0
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
def running(folder: Path, plain: bytes, compressed: bytes) -> Iterator[Running]:
    """Serve a page at /metrics, by Accept-Encoding as `plain` or `compressed`."""
    port = free_port()
    (folder / "metrics").write_bytes(plain)
    (folder / "metrics.gz").write_bytes(compressed)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not read the folder
    config.write_text(_CONFIG.format(folder=folder, port=port, user=user))
    with server("nginx", "-p", str(folder), "-e", "stderr", "-c", str(config), port=port) as master:
        yield replace(master, pid=_worker(master))


def _worker(master: Running) -> int:
    """Return the process that serves, once it does."""
    deadline = time.monotonic() + _PATIENCE
    while not (children := Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()):
        wait(0.05, deadline, "nginx has no worker")
    master.wait_until_listening()
    return int(children[0])
