"""The real Prometheus, through TLS with a client's certificate and a password, while others attack."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.certificates import Authority, Pair
from tests.hostile.target import METRICS, Scraper, Target, many_connections, target
from tests.hostile.test_floods import comes, open_ones
from tests.monitoring import complaints, query, running_prometheus, wait_until
from tests.web.serving import client, get

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

    def certificate(self, exporter: Target) -> str:
        """Return the name in the certificate that the next handshake shows."""
        return asyncio.run(get(exporter.address[1], client(self.authority, self.scraper))).server

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
def exporter(secured: Secured) -> Iterator[Target]:
    with target(secured.folder, f"--web.config.file={secured.web_config}", wait=False) as running:
        yield running


def test_prometheus_gets_every_scrape_under_attack_and_over_a_new_certificate(
    secured: Secured, exporter: Target, tmp_path: Path
) -> None:
    host, port = exporter.address
    with running_prometheus(tmp_path, secured.scrape_config(f"{host}:{port}")) as prometheus:
        wait_until(lambda: query(prometheus, "up") == {"": 1.0}, "the first scrape")
        assert secured.certificate(exporter) == "first"
        with ExitStack() as attacks:
            silent = attacks.enter_context(many_connections(exporter, 3000))
            half = attacks.enter_context(many_connections(exporter, 300, CLIENT_HELLO))
            plain = attacks.enter_context(many_connections(exporter, 300, METRICS))
            secured.authority.issue("second").install(secured.folder)
            comes(lambda: open_ones([*silent, *half, *plain]) == 0, "the end of all")
        assert secured.certificate(exporter) == "second"
        scrapes = query(prometheus, "count_over_time(up[10m])")[""]
        wait_until(lambda: query(prometheus, "count_over_time(up[10m])")[""] > scrapes + 2, "two more scrapes")
        assert query(prometheus, "min_over_time(up[10m])") == {"": 1.0}
        assert query(prometheus, "leadterra_exporter_build_info", "job")["exporter"] == 1.0
        assert not complaints(tmp_path / "prometheus.log")
    told = [line for line in exporter.log if "msg=listening" not in line]
    assert len(told) <= 2, told  # that the certificate, and then its key, came
    assert not [line for line in told if "Traceback" in line]


def test_guesses_of_a_password_do_not_keep_who_knows_it(secured: Secured, exporter: Target) -> None:
    tls = client(secured.authority, secured.scraper)
    url = f"https://localhost:{exporter.address[1]}"

    def guess(number: int) -> int:
        one = Scraper(url)
        with one.running(verify=tls, auth=(f"prometheus{number % 2 or ''}", f"guess {number}")):
            one.wait_for(5)
        return sum(failure.startswith(("401", "503")) for failure in one.failures)

    with Scraper(url).running(verify=tls, auth=("prometheus", PASSWORD)) as scraper:
        scraper.wait_for(1)
        with ThreadPoolExecutor(20) as pool:
            assert min(pool.map(guess, range(20))) >= 5
        scraper.wait_for(2)
    assert scraper.was_served(), scraper.failures
