"""The program: `leadterra-exporter`, or `python -m exporter`."""

import gc
import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Run the command and leave the process; from the first instruction on SIGTERM ends it with status 0."""
    hangups: list[int] = []  # imports take a quarter of a second; a SIGHUP that comes before they end is obeyed later
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, lambda number, _: hangups.append(number))
    gc.disable()  # until something runs: nothing of what is imported is garbage
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)  # a neighbour's: prometheus_client would keep our metrics in its folder
    # aiohttp reads the CA certificates when it is imported, for requests without a TLS context of their own, which we
    # do not send (exporter/api/access.py): that takes 25 ms and 2 MiB.
    certificates = {name: os.environ.pop(name, None) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(certificates, os.devnull))
    from exporter.cli import main as run  # noqa: PLC0415 - signals are held first

    for name, value in certificates.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = run(sys.argv[1:], hangups)
    with suppress(OSError):  # who prints has flushed before, and said what was wrong
        sys.stdout.flush()
    os._exit(status)  # Python would wait for threads, of which one may hang in a name lookup


if __name__ == "__main__":
    main()
