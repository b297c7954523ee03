"""The real Prometheus, through TLS with a client's certificate and a password, while others attack."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from tests.certificates import Authority, Pair
from tests.hostile.target import METRICS, many_connections, port_of, target
from tests.hostile.test_floods import SCRAPE_TIMEOUT, open_ones
from tests.monitoring import complaints, query, running_prometheus
from tests.process import RunningExporter
from tests.scraper import Scraper
from tests.tools import wait_until
from tests.web.serving import basic, client, get

pytestmark = pytest.mark.slow  # 40 s, most of it waiting for deadlines

PASSWORD = "a long way to Tipperary"  # noqa: S105 - of this test only
WEB_CONFIG = f"""\
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: clients.pem
  client_auth_type: RequireAndVerifyClientCert
http_server_config:
  headers: {{Strict-Transport-Security: max-age=31536000}}
basic_auth_users:
  prometheus: {bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()}
"""
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303")


class Secured:
    """A process behind a web configuration file, and what a client needs to get in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.scraper: Pair = self.authority.issue("scraper")
        self.authority.issue("first").install(folder)
        (folder / "clients.pem").write_text(self.authority.pem)
        self.web_config = folder / "web.yaml"
        self.web_config.write_text(WEB_CONFIG)

    def certificate(self, exporter: RunningExporter) -> str:
        """Return the name in the certificate that the next handshake shows."""
        return asyncio.run(get(port_of(exporter), client(self.authority, self.scraper))).server

    def scrape_config(self, address: str) -> str:
        tls = {"ca_file": str(self.folder / "authority.pem"), "server_name": "localhost"}
        tls |= {"cert_file": str(self.scraper.certificate), "key_file": str(self.scraper.key)}
        job: dict[str, Any] = {"job_name": "exporter", "scheme": "https", "tls_config": tls}
        job["basic_auth"] = {"username": "prometheus", "password": PASSWORD}
        job["static_configs"] = [{"targets": [address]}]
        return json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]})


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("secured"))


@pytest.fixture(scope="module")
def exporter(secured: Secured) -> Iterator[RunningExporter]:
    with target(secured.folder, f"--web.config.file={secured.web_config}", wait=False) as running:
        yield running


def test_prometheus_gets_every_scrape_under_attack_and_over_a_new_certificate(
    secured: Secured, exporter: RunningExporter, tmp_path: Path
) -> None:
    with running_prometheus(tmp_path, secured.scrape_config(f"127.0.0.1:{port_of(exporter)}")) as prometheus:
        wait_until(lambda: query(prometheus, "up") == {"": 1.0}, "the first scrape")
        assert secured.certificate(exporter) == "first"
        with ExitStack() as attacks:
            silent = attacks.enter_context(many_connections(exporter, 3000))
            half = attacks.enter_context(many_connections(exporter, 300, CLIENT_HELLO))
            plain = attacks.enter_context(many_connections(exporter, 300, METRICS))
            secured.authority.issue("second").install(secured.folder)
            wait_until(lambda: open_ones([*silent, *half, *plain]) == 0, "the end of all")
        assert secured.certificate(exporter) == "second"
        scrapes = query(prometheus, "count_over_time(up[10m])")[""]
        wait_until(lambda: query(prometheus, "count_over_time(up[10m])")[""] > scrapes + 2, "two more scrapes")
        assert query(prometheus, "min_over_time(up[10m])") == {"": 1.0}
        assert query(prometheus, "leadterra_exporter_build_info", "job")["exporter"] == 1.0
        assert not complaints(tmp_path / "prometheus.log")
    told = [line for line in exporter.log if "msg=listening" not in line and "poll failed" not in line]
    assert len(told) <= 2, told  # that the certificate, and then its key, came
    assert not [line for line in told if "Traceback" in line]


def test_guesses_of_a_password_do_not_keep_who_knows_it(secured: Secured, exporter: RunningExporter) -> None:
    tls = client(secured.authority, secured.scraper)
    port = port_of(exporter)

    def guess(number: int) -> bool:
        user = (f"prometheus{number % 2 or ''}", f"guess {number}")
        with httpx.Client(verify=tls, auth=user, timeout=SCRAPE_TIMEOUT) as one:
            answers = [one.get(f"https://localhost:{port}/metrics").status_code for _ in range(5)]
        return set(answers) <= {401, 503}

    known = basic(f"prometheus:{PASSWORD}")
    with Scraper(port, encoding="gzip", asks_again=True, tls=tls, authorization=known) as scraper:
        scraper.wait_for(1)
        with ThreadPoolExecutor(20) as pool:
            assert all(pool.map(guess, range(20)))
        scraper.wait_for(2)
    assert scraper.failed == 0
    assert max(scrape.seconds for scrape in scraper.scrapes) < SCRAPE_TIMEOUT
