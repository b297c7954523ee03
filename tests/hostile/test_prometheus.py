"""The real Prometheus, through TLS with a client's certificate and a password, while others attack."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.certificates import Authority
from tests.hostile.target import METRICS, many_connections, port_of, target
from tests.hostile.test_floods import open_ones
from tests.monitoring import complaints, query, running_prometheus
from tests.toolkit.conftest import VERIFY
from tests.tools import wait_until
from tests.web.serving import client, get

PASSWORD = "a long way to Tipperary"  # noqa: S105 - of this test only
WEB_CONFIG = f"""{VERIFY}
http_server_config: {{headers: {{Strict-Transport-Security: max-age=31536000}}}}
basic_auth_users: {{prometheus: {bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()}}}
"""
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303")


@pytest.mark.slow
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
            half = attacks.enter_context(many_connections(exporter, 300, CLIENT_HELLO))
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
