"""The program: `leadterra-exporter`, or `python -m exporter`."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def main() -> None:
    """Run the command and leave the process; from the first instruction on SIGTERM ends it with status 0."""
    hangups: list[int] = []  # imports take a quarter of a second; a SIGHUP that comes before they end is obeyed later
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, lambda number, _: hangups.append(number))
    gc.disable()  # until something runs: nothing of what is imported and loaded is garbage
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)  # a neighbour's: prometheus_client would keep our metrics in its folder
    with _without_certificates():
        from exporter.cli import main as run  # noqa: PLC0415 - signals are held first

    status = run(sys.argv[1:], hangups)
    sys.stdout.flush()
    os._exit(status)  # Python would wait for threads, of which one may hang in a name lookup


@contextmanager
def _without_certificates() -> Iterator[None]:
    """Keep aiohttp from reading the CA certificates when it is imported, which takes 25 ms and 2 MiB.

    It would keep them for requests without a TLS context of their own, and we send none (exporter/api/transport.py).
    """
    variables = "SSL_CERT_FILE", "SSL_CERT_DIR"
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(dict.fromkeys(variables, os.devnull))
    yield
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


if __name__ == "__main__":
    main()
