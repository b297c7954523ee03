"""Kill and restart, two replicas, two processes on one port: no page is torn, doubled, or tells of a 0 that is none.

Takes about a minute.
"""

import fcntl
import json
import os
import random
import re
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from exporter.exposition import Format
from tests.faults.scraper import Scraper, Truth, check_scrapes
from tests.process import PATIENCE, RunningExporter, RunningSandbox, running_exporter

pytestmark = pytest.mark.slow

KEY = "sk_test_restart"
CAMPAIGNS = [f"camp_{number}" for number in range(150)]
CONFIG = """\
api: {{base_url: "{url}", requests_per_second: 150}}
poll: {{interval: 2s}}
workspaces:
  - name: acme
    api_key_env: RESTART_KEY
    campaigns: [{campaigns}]
"""
ANY_PORT = "--web.listen-address=127.0.0.1:0"
SEED = 20261125
ROUNDS = 12
PAGES_AT_ONCE = 120
_CAMPAIGN_SERIES = re.compile(r"^(leadterra_campaign_.*) ", re.MULTILINE)


@pytest.fixture(scope="module")
def api() -> Iterator[RunningSandbox]:
    with RunningSandbox(workspaces={KEY: dict.fromkeys(CAMPAIGNS, "paused")}, speed=0.0) as sandbox:
        yield sandbox


@pytest.fixture
def config(api: RunningSandbox, tmp_path: Path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(url=api.url, campaigns=", ".join(CAMPAIGNS)))
    return f"--config.file={file}"


def truth(api: RunningSandbox) -> Truth:
    def figures(campaign: str) -> dict[str, float]:
        answer = api.sandbox.answer("GET", f"/v1/campaigns/{campaign}/stats", {"Authorization": f"Bearer {KEY}"})
        return {name: value for name, value in json.loads(answer.body).items() if name != "campaignId"}

    return {campaign: figures(campaign) for campaign in CAMPAIGNS}


@contextmanager
def scraping(port: int) -> Iterator[list[Scraper]]:
    """Scrape in every way at once."""
    ways = [
        (True, "gzip", Format.OPENMETRICS),
        (True, "identity", Format.TEXT),
        (False, "gzip", Format.TEXT),
        (False, "identity", Format.OPENMETRICS),
    ]
    with ExitStack() as stack:
        yield [
            stack.enter_context(Scraper(port, keeps_connection=keeps, encoding=encoding, page_format=page_format))
            for keeps, encoding, page_format in ways
        ]


def port_for_restarts() -> int:
    """Return a free port that the system gives to no client: who connects to such a one may reach himself."""
    for port in range(20000 + os.getpid() % 5000, 30000):
        with suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def test_killed_at_random_moments(api: RunningSandbox, config: str) -> None:
    dice, port, cut = random.Random(SEED), port_for_restarts(), 0  # noqa: S311 - the moments must repeat
    address = f"--web.listen-address=127.0.0.1:{port}"
    with scraping(port) as scrapers:
        for number in range(ROUNDS):
            with running_exporter(config, address, RESTART_KEY=KEY) as exporter:
                if number % 3 == 0:
                    cut += is_cut_by_a_kill(exporter, port)
                else:
                    if number % 3 == 1:
                        exporter.wait_for_log("msg=listening")
                    threading.Event().wait(dice.uniform(0, 3))  # in the midst of whatever it does
                    exporter.stop(dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))

    figures = truth(api)
    assert all(scraper.failed for scraper in scrapers)
    pages = [page for scraper in scrapers for page in check_scrapes(scraper.scrapes, figures)]
    processes = {page.started for page in pages}
    early = sum(0 < sum(shown.up is None for shown in page.campaigns.values()) < len(CAMPAIGNS) for page in pages)
    print(f"\n{len(pages)} pages of {len(processes)} processes, {early} of a first sweep, {cut} cut by a kill")  # noqa: T201 - for `pytest -s`
    assert cut
    assert early
    assert len(processes) > ROUNDS / 4


def is_cut_by_a_kill(exporter: RunningExporter, port: int) -> bool:
    """Kill the process in the midst of a page; tell whether the client knows that the rest is missing.

    The system goes on to send what it has taken of a dead process, so many pages are asked for at once.
    """
    exporter.wait_for_log("msg=listening")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, client.makefile("rb") as answers:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * PAGES_AT_ONCE)
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
        wait_until_nothing_comes(client)
        exporter.stop(signal.SIGKILL)
        try:
            while head := read_head(answers):
                length = int(head.get("content-length", "0"))  # 0: the head itself is cut
                if not length or len(answers.read(length)) < length:
                    return not answers.read()
        except ConnectionError:
            return True
    return False


def wait_until_nothing_comes(client: socket.socket) -> None:
    """Wait until the system takes no more of what the server has to say, as the client does not read it."""
    pause, waiting, before = threading.Event(), 0, 0
    while waiting < 25:
        pause.wait(0.02)
        here = int.from_bytes(fcntl.ioctl(client, termios.FIONREAD, bytes(4)), sys.byteorder)
        waiting = waiting + 1 if here == before else 0
        before = here


def read_head(answers: BinaryIO) -> dict[str, str]:
    lines = iter(lambda: answers.readline().decode().strip(), "")
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_two_replicas_show_the_same(api: RunningSandbox, config: str) -> None:
    with ExitStack() as stack:
        one, other = (stack.enter_context(running_exporter(config, ANY_PORT, RESTART_KEY=KEY)) for _ in range(2))
        scrapers = stack.enter_context(scraping(port_of(one)))
        series = [set(_CAMPAIGN_SERIES.findall(complete_page(replica))) for replica in (one, other)]
        assert series[0] == series[1]  # so an alert that aggregates `instance` away sees one campaign
        other.stop(signal.SIGKILL)
        wait_for_pages(scrapers, 5)
    check_undisturbed(api, scrapers)


def test_a_second_process_on_the_port_ends_and_does_not_disturb_the_first(api: RunningSandbox, config: str) -> None:
    with running_exporter(config, ANY_PORT, RESTART_KEY=KEY) as first:
        complete_page(first)
        port = port_of(first)
        with scraping(port) as scrapers:
            for address in (f"127.0.0.1:{port}", f":{port}"):
                with running_exporter(config, f"--web.listen-address={address}", RESTART_KEY="sk_second") as second:
                    assert second.process.wait(PATIENCE) == 1
                    second.wait_for_log(r"\(end\)")
                    assert second.log == [f"cannot listen on {address}: address already in use", "(end)"]
            wait_for_pages(scrapers, 5)
            assert first.get("/-/healthy").status_code == 200
    assert 401 not in {request.status for request in api.requests}  # the second has asked for nothing
    check_undisturbed(api, scrapers)


def check_undisturbed(api: RunningSandbox, scrapers: list[Scraper]) -> None:
    figures = truth(api)
    for scraper in scrapers:
        assert not scraper.failed
        assert list(check_scrapes(scraper.scrapes, figures))


def port_of(exporter: RunningExporter) -> int:
    return int(exporter.url.rpartition(":")[2])


def complete_page(exporter: RunningExporter) -> str:
    """Wait until each campaign has been read; return that page."""
    last = f'leadterra_campaign_last_success_timestamp_seconds{{workspace="acme",campaign_id="{CAMPAIGNS[-1]}"'
    exporter.wait_for("/metrics", last)
    exporter.wait_for("/-/ready", "is ready")
    return exporter.wait_for("/metrics", last)


def wait_for_pages(scrapers: list[Scraper], count: int) -> None:
    """Wait until each has got so many more pages."""
    wanted = [(scraper, len(scraper.scrapes) + count) for scraper in scrapers]
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE
    while any(len(scraper.scrapes) < least for scraper, least in wanted):
        assert time.monotonic() < deadline
        pause.wait(0.05)
