"""What the tests of a run share: authorities, and pairs that they signed."""

from pathlib import Path

import pytest

from tests.certificates import Authority

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
VERIFY = f"{TLS}  client_ca_file: clients.pem\n  client_auth_type: RequireAndVerifyClientCert\n"

IF_GIVEN = VERIFY.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")


class Pki:
    """Authorities, and pairs that they signed."""

    def __init__(self, folder: Path) -> None:
        self.ca = Authority(folder, "ca")
        self.stranger_ca = Authority(folder, "stranger-ca")
        self.between = Authority(folder, "between", self.ca)
        self.first = self.ca.issue("first")
        self.second = self.ca.issue("second")
        self.scraper = self.ca.issue("scraper")
        self.stranger = self.stranger_ca.issue("stranger")
        self.under_between = self.between.issue("under-between")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def config(pki: Pki, tmp_path: Path) -> Path:
    """Return a web configuration file beside its certificate, key and client CA."""
    pki.first.install(tmp_path)
    (tmp_path / "clients.pem").write_text(pki.ca.pem)
    file = tmp_path / "web.yml"
    file.write_text(TLS)
    return file
