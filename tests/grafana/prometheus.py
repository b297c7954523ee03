"""A real Prometheus on data of its own, and what it answers."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.process import PATIENCE
from tests.tools import free_port, need

Series = dict[str, Any]


@dataclass(frozen=True)
class Prometheus:
    """Ask a running Prometheus; times are Unix times, steps seconds."""

    url: str

    def ask(self, expr: str) -> list[Series]:
        """Give an instant query's series, each with its one value, as of now."""
        result: list[Series] = self._get("query", {"query": expr})["result"]
        return result

    def ask_counting(self, expr: str, at: float) -> tuple[list[Series], int]:
        """Give an instant query's series, and how many samples were looked at."""
        return _counted(self._get("query", {"query": expr, "time": f"{at:.3f}", "stats": "all"}))

    def draw(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Give a range query's series, each with its values."""
        return self.draw_counting(expr, start, end, step)[0]

    def draw_counting(self, expr: str, start: float, end: float, step: float) -> tuple[list[Series], int]:
        """Give a range query's series, and how many samples were looked at."""
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.0f}"}
        return _counted(self._get("query_range", {"query": expr, **times, "stats": "all"}))

    def _get(self, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/api/v1/{path}", data=dict(asked), timeout=60).json()
        assert answer["status"] == "success", (answer, asked)
        data: dict[str, Any] = answer["data"]
        return data

    def wait(self, expr: str) -> None:
        """Wait until a query has an answer."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.1)):
            try:
                if self.ask(expr):
                    return
            except (httpx.TransportError, ValueError):
                pass
            pause.wait(0.1)
        raise AssertionError(f"no answer to {expr}")


def _counted(data: dict[str, Any]) -> tuple[list[Series], int]:
    return data["result"], int(data["stats"]["samples"]["totalQueryableSamples"])


@contextmanager
def running(folder: Path, config: Mapping[str, Any], *flags: str) -> Iterator[Prometheus]:
    """Run Prometheus on `folder`/data; it scrapes itself besides, as a target that is no exporter."""
    address = f"127.0.0.1:{free_port()}"
    itself = {"job_name": "prometheus", "static_configs": [{"targets": [address]}]}
    whole = {**config, "scrape_configs": [*config.get("scrape_configs", []), itself]}
    (folder / "prometheus.json").write_text(json.dumps(whole))
    arguments = [
        need("prometheus"),
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        *flags,
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(arguments, stderr=log)
    try:
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(PATIENCE)
