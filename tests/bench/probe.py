"""Ask servers for a tiny answer again and again until stdin ends, then tell the longest of each; see loaded.py."""

import json
import sys
import threading

from tests.bench.scraper import Scraper

_PAUSE = 0.002


def watch(urls: list[str], ends: threading.Event) -> list[float]:
    """Return each server's longest answer, in seconds; the first ones, which open connections, are not counted."""
    scrapers = [Scraper(url) for url in urls]
    longest = [0.0 * scraper.time("/-/healthy") for scraper in scrapers]
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    while not ends.wait(_PAUSE):
        longest = [max(most, scraper.time("/-/healthy")) for most, scraper in zip(longest, scrapers, strict=True)]
    return longest


def wait_for_stdin(ends: threading.Event) -> None:
    sys.stdin.read()
    ends.set()


if __name__ == "__main__":
    ended = threading.Event()
    threading.Thread(target=wait_for_stdin, args=[ended], daemon=True).start()
    sys.stdout.write(json.dumps(watch(sys.argv[1:], ended)))
