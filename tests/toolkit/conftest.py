"""Authorities, pairs that they signed, and a configuration file beside them."""

from pathlib import Path

import bcrypt
import pytest

from tests.certificates import Authority

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
NO_HASH = "is not a bcrypt hash of a cost from 4 to 18: make one with `htpasswd -nBC 10 NAME`"
TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
VERIFY = f"{TLS}  client_ca_file: clients.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
IF_GIVEN = VERIFY.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")


class Pki:
    def __init__(self, folder: Path) -> None:
        self.ca = Authority(folder, "ca")
        self.stranger_ca = Authority(folder, "stranger-ca")
        self.first = self.ca.issue("first")
        self.second = self.ca.issue("second")
        self.scraper = self.ca.issue("scraper")
        self.stranger = self.stranger_ca.issue("stranger")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def config(pki: Pki, tmp_path: Path) -> Path:
    """Return a web configuration file beside its certificate, key and client CA."""
    pki.first.install(tmp_path)
    (tmp_path / "clients.pem").write_text(pki.ca.pem)
    return tmp_path / "web.yml"
