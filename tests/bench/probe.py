"""Ask servers for a tiny answer, again and again, and keep the longest time that each took; see loaded.py."""

import sys
import threading

from tests.bench import control
from tests.bench.scraper import Scraper

_PAUSE = 0.002


class Probe:
    """Ask all `urls` in turn from a thread of its own; what is being asked is waited for before anything is told."""

    def __init__(self, urls: list[str]) -> None:
        self._scrapers = [Scraper(url) for url in urls]
        self._longest = [0.0] * len(urls)
        self._asking = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(_PAUSE):
            with self._asking:
                times = [scraper.time("/-/healthy") for scraper in self._scrapers]
                self._longest = list(map(max, self._longest, times))

    def begin(self) -> None:
        with self._asking:
            self._longest = [0.0] * len(self._scrapers)

    def end(self) -> list[float]:
        """Return each server's longest answer since the beginning, in seconds."""
        with self._asking:
            return self._longest


def main(urls: list[str]) -> None:
    probe = Probe([url for url in urls if url])
    control.say({})
    while word := control.hear():
        control.obey(word, {"begin": probe.begin, "end": probe.end})


if __name__ == "__main__":
    main(sys.argv[1:])
