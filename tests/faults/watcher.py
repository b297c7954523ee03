"""Somebody who scrapes all the time over one connection and remembers what was shown, and when."""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from tests.process import PATIENCE

_EVERY = 0.1
_LINE = re.compile(
    r'leadterra_campaign_(\w+)\{workspace="\w+",campaign_id="(\w+)",campaign="\w+"(?:,\w+="(\w+)")?\} (\S+)'
)
_FIGURES = {
    "leads_enrolled": "totalEnrolled",
    "emails_sent": "sent",
    "emails_delivered": "delivered",
    "emails_bounced": "bounced",
    "leads_replied": "replied",
    "emails_queued": "queued",
    "open_ratio": "openRate",
    "reply_ratio": "replyRate",
}


@dataclass
class Shown:
    """What a page says of one campaign; `figures` by the API's names."""

    up: bool | None = None
    reasons: list[str] = field(default_factory=list)
    last_success: float | None = None
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sighting:
    """A page: when it came, how long it took, and what it says."""

    at: float
    seconds: float
    page: str
    campaigns: Mapping[str, Shown]

    def failing(self, campaigns: Iterable[str], reason: str) -> bool:
        """Tell whether all of these show that their last poll failed for this reason."""
        return all((shown := self.campaigns[name]).up is False and shown.reasons == [reason] for name in campaigns)

    def without_figures(self, campaigns: Iterable[str]) -> bool:
        return not any(self.campaigns[name].figures for name in campaigns)

    def good(self, campaigns: Iterable[str]) -> bool:
        """Tell whether all of these show figures and no failure."""
        return all((shown := self.campaigns[name]).up and shown.figures and not shown.reasons for name in campaigns)


def read_page(page: str) -> dict[str, Shown]:
    """Read what a page says of each campaign. A series that stands twice raises ValueError."""
    campaigns: dict[str, Shown] = {}
    for name, campaign, own, value in _LINE.findall(page):
        shown = campaigns.setdefault(campaign, Shown())
        match name:
            case "up":
                shown.up = value == "1"
            case "error":
                shown.reasons.append(own)
            case "last_success_timestamp_seconds":
                shown.last_success = float(value)
            case _ if field_ := _FIGURES.get(name):
                if field_ in shown.figures:
                    raise ValueError(f"{name} of {campaign} stands twice")
                shown.figures[field_] = float(value)
    return campaigns


class Watcher:
    """Scrape `/metrics` ten times a second in a thread, for as long as the context is open."""

    def __init__(self, port: int) -> None:
        self.sightings: list[Sighting] = []
        self.latest_by = 0.0  # seconds by which a scrape began too late, which is how late all else may be
        self._port = port
        self._grew = threading.Condition()
        self._stop = threading.Event()
        self._broken: Exception | None = None
        self._thread = threading.Thread(target=self._watch)

    def wait(self, condition: Callable[[Sighting], bool], what: str) -> Sighting:
        """Return the first page from now on for which the condition holds."""
        deadline, seen = time.monotonic() + PATIENCE, len(self.sightings)
        with self._grew:
            while True:
                for sighting in self.sightings[seen:]:
                    if condition(sighting):
                        return sighting
                seen = len(self.sightings)
                if self._broken:
                    raise AssertionError(f"the page is gone before {what}") from self._broken
                if not self._grew.wait(deadline - time.monotonic()):
                    raise AssertionError(f"never {what}: {self.sightings[-1].campaigns}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            while not self._pause():
                self._look(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, wait() tells of it
            with self._grew:
                self._broken = error
                self._grew.notify_all()
        finally:
            connection.close()

    def _pause(self) -> bool:
        before = time.monotonic()
        ended = self._stop.wait(_EVERY)
        if not ended:
            self.latest_by = max(self.latest_by, time.monotonic() - before - _EVERY)
        return ended

    def _look(self, connection: http.client.HTTPConnection) -> None:
        before = time.monotonic()
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        page = answer.read().decode()
        now = time.monotonic()
        assert answer.status == http.client.OK, page
        with self._grew:
            self.sightings.append(Sighting(now, now - before, page, read_page(page)))
            self._grew.notify_all()
