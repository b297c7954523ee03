"""Kill and restart, a replica, a second process on the port: no page is torn, doubled, or tells of a 0 that is none."""

import os
import random
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from exporter.exposition import Format
from tests.build import write_config
from tests.exposition.documented import samples
from tests.fake_api import FakeApi
from tests.process import LISTEN, RunningExporter, running_exporter
from tests.scraper import Scraper, truth
from tests.tools import PATIENCE

pytestmark = pytest.mark.slow

KEY = "sk_test_restart"
CAMPAIGNS = [f"camp_{number}" for number in range(150)]
TRUTH = {campaign: truth(campaign) for campaign in CAMPAIGNS}
ROUNDS = 10


@pytest.fixture(scope="module")
def api() -> Iterator[FakeApi]:
    with FakeApi(keys=[KEY]) as api:
        yield api


@pytest.fixture
def config(api: FakeApi, tmp_path: Path) -> str:
    limits = {"requests_per_second": 150}
    return write_config(tmp_path, api.url, *CAMPAIGNS, key=KEY, api=limits, poll=("2s", "5m"))


@contextmanager
def scraping(port: int) -> Iterator[list[Scraper]]:
    """Scrape in every way at once; each page holds, when all is over."""
    with ExitStack() as stack:
        scrapers = [
            Scraper(port, Format.OPENMETRICS, "gzip"),
            Scraper(port, Format.TEXT, "identity"),
            Scraper(port, Format.TEXT, "gzip", keeps_connection=False),
            Scraper(port, Format.OPENMETRICS, "identity", keeps_connection=False),
        ]
        for scraper in scrapers:
            stack.enter_context(scraper)
        yield scrapers
    for scraper in scrapers:
        check_pages(scraper)


def check_pages(scraper: Scraper) -> None:
    """Check the pages that one scraper got, in the order in which they came."""
    last_successes: dict[tuple[float, str], float] = {}
    for number, scrape in enumerate(scraper.scrapes):
        lines = scrape.page.splitlines()
        assert len(lines) == len(set(lines))
        assert scrape.page.endswith("# EOF\n" if scraper.page_format is Format.OPENMETRICS else "\n")
        if number % 25 == 0:
            samples(scrape.page.encode(), scraper.page_format)  # as the client library reads it, which takes its time
        assert scrape.campaigns.keys() <= set(CAMPAIGNS)
        for name, shown in scrape.campaigns.items():
            unread = shown.up is None and shown.last_success is None
            assert shown.figures == ({} if unread else TRUTH[name]), (name, shown)
            assert not shown.reasons
            if shown.last_success is not None:
                assert shown.last_success >= last_successes.get((scrape.started, name), scrape.started - 1)
                last_successes[scrape.started, name] = shown.last_success


def port_for_restarts() -> int:
    """Return a free port that the system gives to no client: who connects to such a one may reach himself."""
    for port in range(20000 + os.getpid() % 5000, 30000):
        with suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def test_killed_at_random_moments(api: FakeApi, config: str) -> None:
    dice, port = random.Random(20261125), port_for_restarts()  # noqa: S311 - the moments must repeat
    with scraping(port) as scrapers:
        for number in range(ROUNDS):
            with running_exporter(config, f"--web.listen-address=127.0.0.1:{port}") as exporter:
                if number % 2:
                    exporter.wait_for_log("msg=listening")
                threading.Event().wait(dice.uniform(0, 2))  # in the midst of whatever it does
                exporter.stop(dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
    assert all(scraper.failed for scraper in scrapers)
    pages = [scrape for scraper in scrapers for scrape in scraper.scrapes]
    unread = [sum(shown.up is None for shown in scrape.campaigns.values()) for scrape in pages]
    assert any(0 < count < len(CAMPAIGNS) for count in unread)  # pages of a first sweep are among them
    assert len({scrape.started for scrape in pages}) > ROUNDS / 4
    assert {request.key for request in api.requests} == {KEY}


def test_neither_a_replica_nor_a_second_process_on_the_port_disturbs_the_first(
    api: FakeApi, config: str, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second_config = write_config(tmp_path / "second", api.url, *CAMPAIGNS, key="sk_second")
    with running_exporter(config, LISTEN) as first:
        port = int(first.url.rpartition(":")[2])
        with scraping(port) as scrapers:
            with running_exporter(config, LISTEN) as replica:
                assert series(first) == series(replica)  # an alert that aggregates `instance` away sees one campaign
                replica.stop(signal.SIGKILL)
            for address in (f"127.0.0.1:{port}", f":{port}"):
                with running_exporter(second_config, f"--web.listen-address={address}") as second:
                    assert second.process.wait(PATIENCE) == 1
                    second.wait_for_log(r"\(end\)")
                    advice = "end what listens there, or name another port"
                    assert second.log == [f"cannot listen on {address}: address already in use: {advice}", "(end)"]
            for scraper in scrapers:
                assert not scraper.failed
                scraper.wait_for_successes(CAMPAIGNS, 1)
        assert first.get("/-/healthy").status_code == 200
    assert "sk_second" not in {request.key for request in api.requests}  # the second has asked for nothing


def series(exporter: RunningExporter) -> set[str]:
    """Wait until each campaign has been read; return the campaigns' series."""
    page = exporter.wait_for("/metrics", "\nleadterra_campaign_last_success_timestamp_seconds{", count=len(CAMPAIGNS))
    return set(re.findall(r"^(leadterra_campaign_.*) ", page, re.MULTILINE))
