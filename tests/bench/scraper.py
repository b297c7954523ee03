"""A client that costs little beside what it measures, and wrk for many requests.

Run as `python -m tests.bench.scraper URL ...` it asks servers for a tiny answer again and again until stdin ends, then
tells the longest of each in seconds; see loaded.py.
"""

import http.client
import json
import re
import subprocess
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
        self._wait_for_listener()
        self._buffer = bytearray(2**20)

    def _wait_for_listener(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._connection.connect()
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, path: str, method: str = "GET") -> http.client.HTTPResponse:
        self._connection.request(method, path, headers=self._headers)
        return self._connection.getresponse()

    def get(self, path: str) -> bytes:
        """Return the body as it came. Raises AssertionError where the answer is not 200."""
        response = self._request(path)
        body = response.read()
        assert response.status == 200, (path, response.status, body[:200])
        return body

    def status(self, path: str, method: str = "GET") -> int:
        response = self._request(path, method)
        response.read()
        return response.status

    def time(self, path: str) -> float:
        """Return the seconds until the whole answer has come; its bytes are dropped as they come."""
        started = time.perf_counter()
        response = self._request(path)
        while response.readinto(self._buffer):
            pass
        elapsed = time.perf_counter() - started
        assert response.status == 200, (path, response.status)
        return elapsed


def wrk(url: str, seconds: int, connections: int, encoding: str) -> float:
    """Return the requests a second that wrk gets answered."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-H",
        f"Accept-Encoding: {encoding}",
    ]
    told = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate, told
    assert not re.search(r"Non-2xx|Socket errors", told), told
    return float(rate[1])


def watch(urls: list[str]) -> list[float]:
    """Return each server's longest answer; the first ones, which open connections, are not counted."""
    ends = threading.Thread(target=sys.stdin.read, daemon=True)
    ends.start()
    scrapers = [Scraper(url) for url in urls]
    longest = [0.0 * scraper.time("/-/healthy") for scraper in scrapers]
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    while ends.is_alive():
        time.sleep(_PAUSE)
        longest = [max(most, scraper.time("/-/healthy")) for most, scraper in zip(longest, scrapers, strict=True)]
    return longest


if __name__ == "__main__":
    sys.stdout.write(json.dumps(watch(sys.argv[1:])))
