"""Somebody who scrapes all the time, and what each page said, and when."""

import gzip
import http.client
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from exporter.exposition import METRICS, Format
from tests.fake_api import figures
from tests.tools import PATIENCE

_EVERY = 0.1
_GONE = (http.client.HTTPException, ConnectionError)  # IncompleteRead among them
_LINE = re.compile(
    r'(leadterra_campaign_\w+)\{workspace="\w+",campaign_id="(\w+)",campaign="\w+"(?:,\w+="(\w+)")?\} (\S+)'
)
_FIELDS = {metric.name: metric.field for metric in METRICS if metric.field}


def truth(campaign: str) -> Mapping[str, float]:
    """Return the figures that the API has of a campaign."""
    return {name: value for name, value in figures(campaign).items() if name != "campaignId"}


@dataclass
class Shown:
    """What a page says of one campaign; `figures` by the API's names."""

    up: bool | None = None
    reasons: list[str] = field(default_factory=list)
    last_success: float | None = None
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scrape:
    """A page that came whole: when, and how long it took, in seconds; `body` is as it travelled."""

    at: float
    seconds: float
    body: bytes

    @property
    def page(self) -> str:
        return (gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body).decode()

    @cached_property
    def campaigns(self) -> Mapping[str, Shown]:
        campaigns: dict[str, Shown] = defaultdict(Shown)
        for name, campaign, own, value in _LINE.findall(self.page):
            shown = campaigns[campaign]
            match name.removeprefix("leadterra_campaign_"):
                case "up":
                    shown.up = value == "1"
                case "error":
                    shown.reasons.append(own)
                case "last_success_timestamp_seconds":
                    shown.last_success = float(value)
                case _ if name in _FIELDS:
                    assert _FIELDS[name] not in shown.figures, f"{name} of {campaign} stands twice"
                    shown.figures[_FIELDS[name]] = float(value)
        return campaigns

    @cached_property
    def started(self) -> float:
        """When the process that gave the page was started."""
        return float(self.page.partition("\nprocess_start_time_seconds ")[2].partition("\n")[0])

    def failing(self, campaigns: Iterable[str], reason: str, *, stale: bool = False) -> bool:
        """Return whether the last poll of all of these failed for this reason, and their figures have become stale."""
        shown = [self.campaigns[name] for name in campaigns]
        fail = all(each.up is False and each.reasons == [reason] for each in shown)
        return fail and not (stale and any(each.figures for each in shown))

    def good(self, campaigns: Iterable[str]) -> bool:
        """Return whether all of these show figures and no failure."""
        return all((shown := self.campaigns[name]).up and shown.figures and not shown.reasons for name in campaigns)


@dataclass
class Scraper:
    """Scrape ten times a second in a thread, for as long as the context is open.

    A connection that is kept may be closed meanwhile; where it `asks_again`, as Go's client does, that is no failure.
    `failed` counts the scrapes that did not come whole; what is wrong with one that did is raised when the context
    ends. `latest_by` is by how many seconds a scrape began too late, which is how late all else may be.
    """

    port: int
    page_format: Format = Format.TEXT
    encoding: str = "identity"
    keeps_connection: bool = True
    asks_again: bool = False
    scrapes: list[Scrape] = field(default_factory=list)
    failed: int = 0
    latest_by: float = 0.0

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._headers = {"Accept": self.page_format.value.partition("; charset")[0], "Accept-Encoding": self.encoding}
        self._grew = threading.Condition()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def wait_for(self, scrapes: int) -> None:
        """Wait for that many pages more."""
        awaited = iter(range(scrapes - 1))
        self.wait(lambda _: next(awaited, None) is None, f"{scrapes} scrapes")

    def wait(self, condition: Callable[[Scrape], bool], what: str) -> Scrape:
        """Return the first page from now on for which the condition holds."""
        deadline, seen = time.monotonic() + PATIENCE, len(self.scrapes)
        with self._grew:
            while True:
                for scrape in self.scrapes[seen:]:
                    if condition(scrape):
                        return scrape
                seen = len(self.scrapes)
                assert not self._running.done(), f"the page is gone before {what}"
                assert self._grew.wait(deadline - time.monotonic()), f"never {what}: {self.scrapes[-1:]}"

    def wait_for_successes(self, campaigns: Sequence[str], count: int) -> None:
        """Wait until each campaign's last success has changed `count` times."""
        seen: dict[str, set[float | None]] = {name: {None} for name in campaigns}

        def enough(scrape: Scrape) -> bool:
            for name, times in seen.items():
                times.add(scrape.campaigns[name].last_success)
            return all(len(times) > count + 1 for times in seen.values())

        self.wait(enough, f"{count} polls of each campaign succeeded")

    def __enter__(self) -> Self:
        self._running = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._connection.close()
        self._running.result()

    def _run(self) -> None:
        due = time.monotonic() + _EVERY
        while not self._stop.wait(due - time.monotonic()):
            self.latest_by = max(self.latest_by, time.monotonic() - due)
            try:
                scrape = self._scrape(again=self.asks_again)
                with self._grew:
                    self.scrapes.append(scrape)
                    self._grew.notify_all()
            except _GONE:
                self.failed += 1
                self._connection.close()
            if not self.keeps_connection:
                self._connection.close()
            due = time.monotonic() + _EVERY

    def _scrape(self, *, again: bool) -> Scrape:
        before = time.monotonic()
        try:
            self._connection.request("GET", "/metrics", headers=self._headers)
            answer = self._connection.getresponse()
        except _GONE:
            self._connection.close()
            if again:
                return self._scrape(again=False)
            raise
        body = answer.read()
        now = time.monotonic()
        assert answer.status == http.client.OK, body
        # A cut answer can be told from a shorter one.
        assert answer.getheader("Content-Length") or answer.getheader("Transfer-Encoding") == "chunked"
        assert (answer.getheader("Content-Encoding") == "gzip") == (self.encoding == "gzip")
        return Scrape(now, now - before, body)
