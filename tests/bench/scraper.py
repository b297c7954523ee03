"""A client that costs little beside what it measures, and wrk for many requests."""

import http.client
import re
import subprocess
import time
from typing import Self
from urllib.parse import urlsplit

_PATIENCE = 120.0
_WRK_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_WRK_FAILED = re.compile(r"Non-2xx|Socket errors")


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
                time.sleep(0.002)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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


def wrk(url: str, seconds: int, connections: int, **headers: str) -> float:
    """Return the requests a second that wrk gets answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
    for name, value in headers.items():
        command += ["-H", f"{name.replace('_', '-')}: {value}"]
    told = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    rate = _WRK_RATE.search(told)
    assert rate, told
    assert not _WRK_FAILED.search(told), told
    return float(rate[1])
