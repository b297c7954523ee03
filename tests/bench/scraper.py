"""A client that costs little; `python -m tests.bench.scraper URL ...` watches servers' answers until stdin ends."""

import http.client
import json
import sys
import threading
import time
from typing import Self
from urllib.parse import urlsplit

_PATIENCE = 120.0
_PAUSE = 0.002


class Scraper:
    """Ask one server over one connection that stays open."""

    def __init__(self, url: str, **headers: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._buffer = bytearray(2**20)
        deadline = time.monotonic() + _PATIENCE
        while not self._connection.sock:
            try:
                self._connection.connect()
            except ConnectionRefusedError:  # it does not listen yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        """Return the status and the body as it came."""
        self._connection.request(method, path, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def time(self, path: str) -> float:
        """Return the seconds until the whole answer has come; its bytes are dropped as they come."""
        started = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        while response.readinto(self._buffer):
            pass
        elapsed = time.perf_counter() - started
        assert response.status == 200, (path, response.status)
        return elapsed


def watch(urls: list[str]) -> list[float]:
    """Return each server's longest answer, in seconds; the first ones, which open connections, are not counted."""
    (ends := threading.Thread(target=sys.stdin.read, daemon=True)).start()
    scrapers = [Scraper(url) for url in urls]
    longest = [0.0 * scraper.time("/-/healthy") for scraper in scrapers]
    print("watching", flush=True)  # noqa: T201 - a program's output
    while ends.is_alive():
        time.sleep(_PAUSE)
        longest = [max(most, scraper.time("/-/healthy")) for most, scraper in zip(longest, scrapers, strict=True)]
    return longest


if __name__ == "__main__":
    sys.stdout.write(json.dumps(watch(sys.argv[1:])))
