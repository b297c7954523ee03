"""Somebody who scrapes a process that may die at any moment, and what each page has to hold all the same."""

import gzip
import http.client
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from exporter.exposition import Format
from tests.exposition.parsed import samples
from tests.faults.watcher import Shown, read_page
from tests.process import PATIENCE

_SAMPLE = re.compile(r'([a-z_]+(?:\{(?:[a-z_]+="[^"\\\n]*",?)*\})?) (-?[0-9.e+-]+|\+Inf|NaN)')
_STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
_EVERY = 0.1
_CUT = (http.client.HTTPException, ConnectionError)

Truth = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Scrape:
    """A page that came whole."""

    page: str
    page_format: Format


class Scraper:
    """Scrape for as long as the context is open, over one connection for as long as it holds or over new ones."""

    def __init__(self, port: int, *, keeps_connection: bool, encoding: str, page_format: Format) -> None:
        self.scrapes: list[Scrape] = []
        self.failed = 0
        self._port = port
        self._keeps_connection = keeps_connection
        self._format = page_format
        self._headers = {"Accept": page_format.value.partition("; charset")[0], "Accept-Encoding": encoding}
        self._stop = threading.Event()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._broken:
            raise self._broken

    def _run(self) -> None:
        connection = connect(self._port)
        try:
            while not self._stop.wait(_EVERY):
                try:
                    self.scrapes.append(self._scrape(connection))
                except _CUT:  # IncompleteRead among them
                    self.failed += 1
                    connection.close()
                if not self._keeps_connection:
                    connection.close()
        except BaseException as error:  # noqa: BLE001 - raised again when the context ends
            self._broken = error
        finally:
            connection.close()

    def _scrape(self, connection: http.client.HTTPConnection) -> Scrape:
        connection.request("GET", "/metrics", headers=self._headers)
        answer = connection.getresponse()
        assert answer.status == http.client.OK
        assert says_its_end(answer)
        body = answer.read()
        packed = answer.getheader("Content-Encoding") == "gzip"
        assert packed == (self._headers["Accept-Encoding"] == "gzip")
        return Scrape((gzip.decompress(body) if packed else body).decode(), self._format)


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def says_its_end(answer: http.client.HTTPResponse) -> bool:
    """Tell whether a cut answer can be told from a shorter one."""
    return bool(answer.getheader("Content-Length")) or answer.getheader("Transfer-Encoding") == "chunked"


@dataclass(frozen=True)
class Seen:
    """What a page says of each campaign, and when its process started."""

    campaigns: Mapping[str, Shown]
    started: float


def check_scrapes(scrapes: Sequence[Scrape], truth: Truth) -> Iterator[Seen]:
    """Check the pages that one scraper got, in the order in which they came, and give what they say."""
    last_successes: dict[tuple[float, str], float] = {}
    for number, scrape in enumerate(scrapes):
        seen = check_page(scrape, truth)
        yield seen
        if number % 25 == 0:
            samples(scrape.page.encode(), scrape.page_format)  # as the client library reads it, which takes its time
        for name, shown in seen.campaigns.items():
            if shown.last_success is not None:
                assert shown.last_success >= last_successes.get((seen.started, name), seen.started - 1)
                last_successes[seen.started, name] = shown.last_success


def check_page(scrape: Scrape, truth: Truth) -> Seen:
    """Check one page."""
    lines = scrape.page.split("\n")
    assert lines.pop() == ""
    if scrape.page_format is Format.OPENMETRICS:
        assert lines.pop() == "# EOF"
    matches = [_SAMPLE.fullmatch(line) for line in lines if not line.startswith("# ")]
    series = [match[1] for match in matches if match]
    assert len(series) == len(matches), "a line that is no sample"
    assert len(series) == len(set(series)), "a sample that stands twice"
    campaigns = read_page(scrape.page)
    assert campaigns.keys() == truth.keys()
    for name, shown in campaigns.items():
        unread = shown.up is None and shown.last_success is None
        assert shown.figures == ({} if unread else truth[name]), (name, shown)
        assert not shown.reasons
    started = _STARTED.search(scrape.page)
    assert started
    return Seen(campaigns, float(started[1]))
