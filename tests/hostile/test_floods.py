"""Many clients at once that mean no good, against the real process, while somebody scrapes it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from exporter.web.connections import FEWEST_READERS, HEAD_WITHIN, MOST_CONNECTIONS, MOST_UNREAD
from tests.certificates import Authority
from tests.hostile.target import METRICS, many_connections, port_of, read_to_end, say, statuses, target
from tests.monitoring import complaints, query, running_prometheus
from tests.process import RunningExporter
from tests.scraper import Scraper
from tests.toolkit.conftest import VERIFY
from tests.tools import wait_until
from tests.web.serving import client, get

pytestmark = pytest.mark.slow  # all of them take a minute, most of it waiting for deadlines

SCRAPE_TIMEOUT = 10.0  # Prometheus' default
SPARE_DESCRIPTORS = 20  # the scraper's connection and the API's
GROWTH = 120.0  # MiB that the allocator may keep, each worker thread its own
PAGES = (b"/", b"/config", b"/api/v1/campaigns")
PASSWORD = "a long way to Tipperary"  # noqa: S105 - of this test only
WEB_CONFIG = f"""{VERIFY}
http_server_config: {{headers: {{Strict-Transport-Security: max-age=31536000}}}}
basic_auth_users: {{prometheus: {bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()}}}
"""


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExporter]:
    folder = tmp_path_factory.mktemp("flooded")
    with target(folder, "--web.enable-lifecycle", campaigns=2000, label=1200) as running:
        page = say(running, METRICS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(page) > 18_000_000
        for path in PAGES * 2:  # what the first answers take stays taken
            say(running, b"GET %s HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n" % path, patience=20)
        with Scraper(port_of(running), encoding="gzip", asks_again=True) as scraper:
            scraper.wait_for(3)
        yield running


@contextmanager
def unharmed(exporter: RunningExporter) -> Iterator[None]:
    """Attack in the block; see that scrapes were answered throughout and that nothing is left of it."""
    before, descriptors, memory = [*exporter.log], len(exporter.descriptors()), exporter.memory()
    with Scraper(port_of(exporter), encoding="gzip", asks_again=True) as scraper:  # as Prometheus does
        scraper.wait_for(1)
        yield
        scraper.wait_for(2)
    longest = max(scrape.seconds for scrape in scraper.scrapes)
    assert (scraper.failed, longest < SCRAPE_TIMEOUT) == (0, True)
    assert all("leadterra_exporter_build_info" in scrape.page for scrape in scraper.scrapes)
    wait_until(lambda: len(exporter.descriptors()) <= descriptors + SPARE_DESCRIPTORS, "descriptors are back")
    wait_until(lambda: exporter.memory() < memory + GROWTH, f"memory is back at {memory:.0f} MiB")
    assert exporter.log == before


def is_closed(client: socket.socket) -> bool:
    """Return whether the other side has ended a connection on which nothing is to be read."""
    client.setblocking(False)  # noqa: FBT003 - the standard library's signature
    try:
        return not client.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def open_ones(clients: list[socket.socket]) -> int:
    return sum(not is_closed(client) for client in clients)


def test_heads_that_come_a_byte_a_second(exporter: RunningExporter) -> None:
    with unharmed(exporter), many_connections(exporter, 300, b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nA: ") as slow:
        pause = threading.Event()
        for _ in range(int(HEAD_WITHIN) - 2):
            for client in slow:
                client.send(b"a")
            pause.wait(1)
        assert open_ones(slow) == 300
        wait_until(lambda: open_ones(slow) == 0, "the end of all")


def test_ten_thousand_connections_that_say_nothing(exporter: RunningExporter) -> None:
    with unharmed(exporter), many_connections(exporter, 10_000) as idle:
        wait_until(lambda: open_ones(idle) <= MOST_CONNECTIONS, "the limit")
        assert len(exporter.descriptors()) <= MOST_CONNECTIONS + SPARE_DESCRIPTORS
        assert is_closed(idle[0])
        assert not is_closed(idle[-1])
        assert exporter.memory() < 400
        wait_until(lambda: open_ones(idle) == 0, "the end of all")


@pytest.mark.parametrize("piled_up", [1, 300])
def test_readers_that_do_not_read(exporter: RunningExporter, piled_up: int) -> None:
    memory, descriptors = exporter.memory(), len(exporter.descriptors())
    with unharmed(exporter), many_connections(exporter, 40, METRICS * piled_up):
        most = max(FEWEST_READERS, MOST_UNREAD // 18_000_000)
        wait_until(lambda: len(exporter.descriptors()) <= descriptors + most + SPARE_DESCRIPTORS, "the end of most")
        assert exporter.memory() < memory + MOST_UNREAD / 2**20 + GROWTH


def test_bodies_that_never_end(exporter: RunningExporter) -> None:
    for path in (*PAGES, b"/metrics", b"/-/reload", b"/nothing"):
        sent, head = 0, b"POST " + path + b" HTTP/1.1\r\nHost: exporter\r\nContent-Length: 10737418240\r\n\r\n"
        with unharmed(exporter), many_connections(exporter, 5, head) as clients:
            for client in clients:
                with suppress(OSError):
                    for _ in range(10_000):
                        sent += client.send(bytes(2**20))
            assert exporter.memory() < 400
        assert sent < 10_000 * 2**20


def test_pages_that_are_asked_for_as_fast_as_they_come(exporter: RunningExporter) -> None:
    asked = b"".join(b"GET %s HTTP/1.1\r\nHost: exporter\r\n\r\n" % path for path in PAGES * 2)
    last = b"GET /nothing HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n"
    with unharmed(exporter), many_connections(exporter, 24, asked + last) as clients, ThreadPoolExecutor(12) as pool:
        for client in clients:
            client.settimeout(30)
        pages = list(pool.map(read_to_end, clients[:12]))  # the others do not read
        assert {len(statuses(page)) for page in pages} == {len(PAGES) * 2 + 1}


def test_prometheus_gets_every_scrape_under_attack_and_over_a_new_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clients")
    scraper = authority.issue("scraper")
    authority.issue("first").install(tmp_path)
    (tmp_path / "web.yaml").write_text(WEB_CONFIG)
    with ExitStack() as stack:
        exporter = stack.enter_context(target(tmp_path, f"--web.config.file={tmp_path}/web.yaml", wait=False))
        port = port_of(exporter)
        tls = {"ca_file": str(authority.pair.certificate), "server_name": "localhost"}
        tls |= {"cert_file": str(scraper.certificate), "key_file": str(scraper.key)}
        job: dict[str, Any] = {"job_name": "exporter", "scheme": "https", "tls_config": tls}
        job["basic_auth"] = {"username": "prometheus", "password": PASSWORD}
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        scrapes = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
        prometheus = stack.enter_context(running_prometheus(tmp_path, json.dumps(scrapes)))

        def shown_certificate() -> str:
            return asyncio.run(get(port, client(authority, scraper))).server

        wait_until(lambda: query(prometheus, "up") == {"": 1.0}, "the first scrape")
        assert shown_certificate() == "first"
        with ExitStack() as attacks:
            silent = attacks.enter_context(many_connections(exporter, 3000))
            half = attacks.enter_context(many_connections(exporter, 300, bytes.fromhex("16030100c8010000c40303")))
            plain = attacks.enter_context(many_connections(exporter, 300, METRICS))
            authority.issue("second").install(tmp_path)
            wait_until(lambda: open_ones([*silent, *half, *plain]) == 0, "the end of all")
        assert shown_certificate() == "second"
        count = query(prometheus, "count_over_time(up[10m])")[""]
        wait_until(lambda: query(prometheus, "count_over_time(up[10m])")[""] > count + 2, "two more scrapes")
        assert query(prometheus, "min_over_time(up[10m])") == {"": 1.0}
        assert query(prometheus, "leadterra_exporter_build_info", "job")["exporter"] == 1.0
        assert not complaints(tmp_path / "prometheus.log")
        told = [line for line in exporter.log if "msg=listening" not in line and "poll failed" not in line]
        assert len(told) <= 2, told  # that the certificate, and then its key, came
        assert not [line for line in told if "Traceback" in line]
