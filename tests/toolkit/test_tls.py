"""Real handshakes against a real server."""

import ssl
from pathlib import Path

import pytest
from aiohttp import web

from exporter.config import ConfigError
from exporter.toolkit import WebConfigFile
from exporter.toolkit.tls import CIPHER_SUITES
from tests.toolkit.conftest import IF_GIVEN, TLS, VERIFY, Pki
from tests.web.serving import REFUSED, Answer, client, served


def ask(config: Path, tls: ssl.SSLContext) -> Answer:
    """Return the answer of a server with this web configuration."""
    with served(web.Application(), WebConfigFile(config)) as server:
        return server.get(tls)


def accepted(config: Path, tls: ssl.SSLContext) -> bool:
    try:
        return bool(ask(config, tls))
    except REFUSED:
        return False


@pytest.mark.parametrize(
    ("section", "expected"),  # without a certificate, with one of the clients' CA, with another one
    [
        (f"{TLS}  client_auth_type: NoClientCert", [True, True, True]),
        (f"{TLS}  client_auth_type: RequestClientCert", [True, True, True]),
        (f"{TLS}  client_auth_type: VerifyClientCertIfGiven", [True, False, False]),  # the system's authorities
        (IF_GIVEN, [True, True, False]),
        (VERIFY, [False, True, False]),
    ],
)
def test_each_client_auth_type(config: Path, pki: Pki, section: str, expected: list[bool]) -> None:
    config.write_text(section)
    assert [accepted(config, client(pki.ca, pair)) for pair in (None, pki.scraper, pki.stranger)] == expected


def test_without_a_ca_the_systems_are_trusted(config: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(f"{TLS}  client_auth_type: VerifyClientCertIfGiven")
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca.pair.certificate))
    assert [accepted(config, client(pki.ca, pair)) for pair in (pki.scraper, pki.stranger)] == [True, False]


@pytest.mark.parametrize(
    ("section", "allowed", "status"),
    [
        *((VERIFY, name, 404) for name in ("[localhost]", "[other, '127.0.0.1']", "['::1']", "[a@example.org]")),
        (VERIFY, "[scraper, '*', LOCALHOST]", 403),
        (IF_GIVEN, "[other]", 403),
    ],
)
def test_certain_names_of_clients(config: Path, pki: Pki, section: str, allowed: str, status: int) -> None:
    config.write_text(f"{section}  client_allowed_sans: {allowed}\n")
    assert ask(config, client(pki.ca, pki.scraper)).status == status
    assert accepted(config, client(pki.ca)) == (section == IF_GIVEN)  # who needs no certificate needs no name


AES128, AES256 = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"


@pytest.mark.parametrize(
    ("limits", "cipher"),
    [
        (f"max_version: TLS12, cipher_suites: [{', '.join(CIPHER_SUITES)}]", AES128),
        ("max_version: TLS12, prefer_server_cipher_suites: false", AES256),
        ("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]", "TLS_AES_256_GCM_SHA384"),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", "TLS_AES_256_GCM_SHA384"),
    ],
)
def test_cipher_suites(config: Path, pki: Pki, limits: str, cipher: str) -> None:
    config.write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.key, {limits}}}\n")
    tls = client(pki.ca)
    tls.set_ciphers(f"{AES128}:{AES256}")  # the server's own order is the reverse
    assert ask(config, tls).cipher == cipher


def test_an_intermediate_authority_needs_no_root_beside_it(config: Path, pki: Pki) -> None:
    config.write_text(VERIFY)
    (config.parent / "clients.pem").write_text(pki.between.pem)
    assert accepted(config, client(pki.ca, pki.under_between))
    assert not accepted(config, client(pki.ca, pki.scraper))


@pytest.mark.parametrize(
    ("limits", "with_12", "with_13"),
    [
        ("", True, True),
        ("  min_version: TLS12\n", True, True),
        ("  min_version: TLS13\n", False, True),
        ("  max_version: TLS12\n", True, False),
        ("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", False, True),  # none of TLS 1.2
    ],
)
def test_versions(config: Path, pki: Pki, limits: str, *, with_12: bool, with_13: bool) -> None:
    config.write_text(TLS + limits)
    for version, expected in ((ssl.TLSVersion.TLSv1_2, with_12), (ssl.TLSVersion.TLSv1_3, with_13)):
        tls = client(pki.ca)
        tls.minimum_version = tls.maximum_version = version
        assert accepted(config, tls) == expected, version


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("server.pem", "junk", ":2:3: tls_server_config.cert_file: has no PEM certificate that can be used"),
        ("server.key", "junk", ":3:3: tls_server_config.key_file: has no PEM private key that can be used"),
        ("clients.pem", "", ":4:3: tls_server_config.client_ca_file: has no PEM certificate that can be used"),
        ("server.key", "second", ":3:3: tls_server_config.key_file: is not the key of cert_file"),
        (
            "server.key",
            "encrypted",
            ":3:3: tls_server_config.key_file: is encrypted: write the key without a passphrase",
        ),
    ],
)
def test_files_that_cannot_be_used(config: Path, pki: Pki, file: str, content: str, problem: str) -> None:
    made = {"second": pki.second.key.read_text(), "encrypted": "-----BEGIN ENCRYPTED PRIVATE KEY-----"}
    (config.parent / file).write_text(made.get(content, content))
    config.write_text(VERIFY)
    with pytest.raises(ConfigError) as error:
        WebConfigFile(config)
    assert str(error.value) == f"{config}{problem}"
