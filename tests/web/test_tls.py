"""Real handshakes against a real server; certificates come from the openssl command."""

import asyncio
import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.document.problems import ConfigError
from exporter.web.tls_names import CIPHER_SUITES, CURVES
from exporter.web.web_config import WebConfigFile
from tests.web.pki import REFUSED, Answer, Authority, client, get, replace_file, serving, tool

pytestmark = pytest.mark.slow

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
VERIFY = f"{TLS}  client_ca_file: clients.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
INLINE_KEY = "stands beside key_file: remove one of them"


SANS = "  client_allowed_sans: [somebody]\n"
NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1,email:a@example.org,URI:spiffe://example.org/prometheus"


class Pki:
    """What the tests of a run share: authorities and the pairs that they signed."""

    def __init__(self, folder: Path) -> None:
        self.ca = Authority(folder, "ca")
        self.stranger_ca = Authority(folder, "stranger-ca")
        self.between = Authority(folder, "between", self.ca)
        self.first = self.ca.issue("first")
        self.second = self.ca.issue("second")
        self.scraper = self.ca.issue("scraper")
        self.many_names = self.ca.issue("many-names", f"subjectAltName={NAMES}")
        self.stranger = self.stranger_ca.issue("stranger")
        self.under_between = self.between.issue("under-between")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def config(pki: Pki, tmp_path: Path) -> Path:
    pki.first.install(tmp_path)
    (tmp_path / "clients.pem").write_text(pki.ca.pem)
    file = tmp_path / "web.yml"
    file.write_text(TLS)
    return file


def ask_once(config: Path, tls: ssl.SSLContext, *, with_name: bool = True) -> Answer:
    async def ask() -> Answer:
        async with serving(WebConfigFile(config)) as port:
            return await get(port, tls, with_name=with_name)

    return asyncio.run(ask())


def accepted(config: Path, tls: ssl.SSLContext) -> bool:
    try:
        return ask_once(config, tls).status == 200
    except REFUSED:
        return False


@pytest.mark.parametrize(
    ("client_auth_type", "expected"),  # without a certificate, with one of the clients' CA, with another one
    [
        ("NoClientCert", [True, True, True]),
        ("RequestClientCert", [True, True, True]),
        ("VerifyClientCertIfGiven", [True, True, False]),
        ("RequireAndVerifyClientCert", [False, True, False]),
    ],
)
def test_each_client_auth_type(config: Path, pki: Pki, client_auth_type: str, expected: list[bool]) -> None:
    client_ca = "" if client_auth_type in ("NoClientCert", "RequestClientCert") else "  client_ca_file: clients.pem\n"
    config.write_text(f"{TLS}{client_ca}  client_auth_type: {client_auth_type}\n")
    assert [accepted(config, client(pki.ca, pair)) for pair in (None, pki.scraper, pki.stranger)] == expected


def test_a_certificate_if_given_without_an_authority_is_held_against_the_systems(
    config: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n")
    assert [accepted(config, client(pki.ca, pair)) for pair in (None, pki.scraper)] == [True, False]
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca.pair.certificate))
    assert [accepted(config, client(pki.ca, pair)) for pair in (None, pki.scraper, pki.stranger)] == [True, True, False]


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ("[localhost]", 200),
        ("[other, '127.0.0.1']", 200),
        ("['::1']", 200),
        ("[a@example.org]", 200),
        ("['spiffe://example.org/prometheus']", 200),
        ("[scraper, '*', LOCALHOST]", 403),
    ],
)
def test_client_certificates_with_certain_names(config: Path, pki: Pki, allowed: str, status: int) -> None:
    config.write_text(f"{VERIFY}  client_allowed_sans: {allowed}\n")
    assert ask_once(config, client(pki.ca, pki.many_names)).status == status


def test_the_last_name_is_taken_away_by_a_restart_only(config: Path, pki: Pki) -> None:
    config.write_text(VERIFY + SANS)

    async def change() -> list[int]:
        async with serving(WebConfigFile(config)) as port:
            replace_file(config, VERIFY)
            before = await get(port, client(pki.ca, pki.scraper))
            replace_file(config, VERIFY + SANS.replace("somebody", "localhost"))
            return [before.status, (await get(port, client(pki.ca, pki.scraper))).status]

    with capture_logs() as logs:
        assert asyncio.run(change()) == [403, 200]
    assert "client_allowed_sans: has no name left: that takes a restart" in logs[0]["problems"]


def test_names_do_not_keep_out_who_needs_no_certificate(config: Path, pki: Pki) -> None:
    config.write_text(f"{VERIFY.replace('RequireAndVerifyClientCert', 'VerifyClientCertIfGiven')}{SANS}")
    assert [ask_once(config, client(pki.ca, pair)).status for pair in (None, pki.scraper)] == [200, 403]


def test_what_stands_in_the_file_itself(config: Path, pki: Pki) -> None:
    pair, authority = pki.second, json.dumps(pki.ca.pem)
    cert, key = (json.dumps(file.read_text()) for file in (pair.certificate, pair.key))
    config.write_text(
        f"tls_server_config: {{cert: {cert}, key: {key}, client_ca: {authority}, "
        "client_auth_type: RequireAndVerifyClientCert}\n"
    )
    assert ask_once(config, client(pki.ca, pki.scraper)).server == "second"
    assert not accepted(config, client(pki.ca))
    assert fault_of(config, f"tls_server_config: {{cert: {cert}, key: {json.dumps(pki.first.key.read_text())}}}") == (
        f":1:{len(cert) + 29}: tls_server_config.key: is not the key of cert"
    )


@pytest.mark.parametrize(
    ("limits", "cipher"),
    [
        (
            "max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            f"max_version: TLS12, cipher_suites: [{', '.join(reversed(CIPHER_SUITES))}]",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        ("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]", "TLS_AES_256_GCM_SHA384"),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", "TLS_AES_256_GCM_SHA384"),
    ],
)
def test_cipher_suites(config: Path, pki: Pki, limits: str, cipher: str) -> None:
    config.write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.key, {limits}}}\n")
    assert ask_cipher(config, client(pki.ca)) == cipher


def test_no_cipher_suite_of_tls_1_2_is_no_tls_1_2(config: Path, pki: Pki) -> None:
    config.write_text(f"{TLS}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n")
    tls = client(pki.ca)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not accepted(config, tls)


@pytest.mark.parametrize("chosen", CURVES)
def test_a_curve(config: Path, pki: Pki, chosen: str) -> None:
    config.write_text(f"{TLS}  curve_preferences: [{chosen}]\n")
    for curve, name in CURVES.items():
        tls = client(pki.ca)
        tls.set_ecdh_curve(name)
        assert accepted(config, tls) == (curve == chosen), curve


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
    ],
)
def test_versions(config: Path, pki: Pki, limits: str, *, with_12: bool, with_13: bool) -> None:
    config.write_text(TLS + limits)
    for version, expected in ((ssl.TLSVersion.TLSv1_2, with_12), (ssl.TLSVersion.TLSv1_3, with_13)):
        tls = client(pki.ca)
        tls.minimum_version = tls.maximum_version = version
        assert accepted(config, tls) == expected, version


@pytest.mark.parametrize("preferred", ["true", "false"])
def test_who_chooses_the_cipher(config: Path, pki: Pki, preferred: str) -> None:
    config.write_text(f"{TLS}  max_version: TLS12\n  prefer_server_cipher_suites: {preferred}\n")
    ciphers = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    tls = client(pki.ca)
    tls.set_ciphers(":".join(ciphers))  # the server's own order is the reverse
    assert ask_cipher(config, tls) == ciphers[preferred == "true"]


def ask_cipher(config: Path, tls: ssl.SSLContext) -> str:
    def cipher(port: int) -> str:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            tls.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return (secured.cipher() or ("",))[0]

    async def ask() -> str:
        async with serving(WebConfigFile(config)) as port:
            return await asyncio.to_thread(cipher, port)

    return asyncio.run(ask())


@pytest.mark.parametrize("with_name", [True, False])
def test_a_new_certificate_is_used_from_the_next_handshake_on(config: Path, pki: Pki, *, with_name: bool) -> None:
    async def swap() -> list[str]:
        async with serving(WebConfigFile(config)) as port:
            before = await get(port, client(pki.ca), with_name=with_name)
            pki.second.install(config.parent)
            after = await get(port, client(pki.ca), with_name=with_name)
            return [before.server, after.server]

    assert asyncio.run(swap()) == ["first", "second"]


def test_a_new_client_ca_is_used_from_the_next_handshake_on(config: Path, pki: Pki) -> None:
    config.write_text(VERIFY)

    async def swap() -> None:
        async with serving(WebConfigFile(config)) as port:
            assert (await get(port, client(pki.ca, pki.scraper))).status == 200
            replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
            assert (await get(port, client(pki.ca, pki.stranger))).status == 200
            with pytest.raises(REFUSED):
                await get(port, client(pki.ca, pki.scraper))

    asyncio.run(swap())


def test_a_session_does_not_outlive_the_client_ca_that_let_it_in(config: Path, pki: Pki) -> None:
    config.write_text(VERIFY)
    tls = client(pki.ca, pki.scraper)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # its session is there as soon as the handshake is over

    def connect(port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            tls.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
        ):
            return secured.session, secured.session_reused

    async def swap() -> None:
        async with serving(WebConfigFile(config)) as port:
            session, _ = await asyncio.to_thread(connect, port, None)
            assert (await asyncio.to_thread(connect, port, session))[1], "the session can be taken up again"
            replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
            with pytest.raises(REFUSED):
                await asyncio.to_thread(connect, port, session)

    asyncio.run(swap())


def test_client_certificates_can_be_demanded_without_a_restart(config: Path, pki: Pki) -> None:
    async def tighten() -> None:
        async with serving(WebConfigFile(config)) as port:
            assert (await get(port, client(pki.ca))).status == 200
            replace_file(config, VERIFY)
            with pytest.raises(REFUSED):
                await get(port, client(pki.ca))
            assert (await get(port, client(pki.ca, pki.scraper))).status == 200

    asyncio.run(tighten())


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("server.pem", "junk", ":2:3: tls_server_config.cert_file: has no PEM certificate that can be used"),
        ("server.key", "junk", ":3:3: tls_server_config.key_file: has no PEM private key that can be used"),
        ("clients.pem", "", ":4:3: tls_server_config.client_ca_file: has no PEM certificate that can be used"),
        ("web.yml", TLS, ":1:1: tls_server_config.client_auth_type: asks less of clients: that takes a restart"),
        ("web.yml", "", ":1:1: tls_server_config: TLS is switched on or off by a restart only"),
        ("web.yml", f"{VERIFY}  key: x\n", f":6:3: tls_server_config.key: {INLINE_KEY}"),
    ],
)
def test_a_bad_change_keeps_what_was_and_is_logged_once(
    config: Path, pki: Pki, file: str, text: str, problem: str
) -> None:
    config.write_text(VERIFY)

    async def swap() -> None:
        async with serving(WebConfigFile(config)) as port:
            replace_file(config.parent / file, text)
            for _ in range(2):
                assert (await get(port, client(pki.ca, pki.scraper))).server == "first"
            with pytest.raises(REFUSED):
                await get(port, client(pki.ca))

    with capture_logs() as logs:
        asyncio.run(swap())
    assert [(line["log_level"], line["problems"]) for line in logs] == [("error", f"{config}{problem}")]


def test_a_bad_file_does_not_keep_the_certificate_from_being_renewed(config: Path, pki: Pki) -> None:
    async def swap() -> list[str]:
        async with serving(WebConfigFile(config)) as port:
            replace_file(config, "junk")
            before = await get(port, client(pki.ca))
            pki.second.install(config.parent)
            after = await get(port, client(pki.ca))
            return [before.server, after.server]

    assert asyncio.run(swap()) == ["first", "second"]


def test_a_file_that_was_missing_is_noticed_when_it_comes(config: Path, pki: Pki) -> None:
    async def swap() -> list[str]:
        async with serving(WebConfigFile(config)) as port:
            replace_file(config, TLS.replace("server.", "late."))
            before = await get(port, client(pki.ca))
            replace_file(config.parent / "late.pem", pki.second.certificate.read_text())
            replace_file(config.parent / "late.key", pki.second.key.read_text())
            after = await get(port, client(pki.ca))
            return [before.server, after.server]

    assert asyncio.run(swap()) == ["first", "second"]


def test_files_that_cannot_be_used_stop_the_start(config: Path, pki: Pki) -> None:
    locked = config.parent / "locked.key"
    subprocess.run(
        [tool("openssl"), "ec", "-aes256", "-passout", "pass:canary", "-in", str(pki.first.key), "-out", str(locked)],
        check=True,
        capture_output=True,
        timeout=20,
    )
    assert fault_of(config, TLS.replace("server.key", "locked.key")) == (
        ":3:3: tls_server_config.key_file: is encrypted: write the key without a passphrase"
    )
    (config.parent / "server.key").write_text(pki.second.key.read_text())
    assert fault_of(config, TLS) == ":3:3: tls_server_config.key_file: is not the key of cert_file"


def fault_of(config: Path, text: str) -> str:
    config.write_text(text)
    with pytest.raises(ConfigError) as error:
        WebConfigFile(config)
    return str(error.value).removeprefix(str(config))
