"""A web configuration file before a real server: handshakes, users and headers, and what changes without a restart."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter import log
from exporter.config import ConfigError
from exporter.toolkit import WebConfigFile
from tests.certificates import Authority, replace_file
from tests.toolkit.conftest import HASH, IF_GIVEN, NO_HASH, TLS, VERIFY, Pki
from tests.web.serving import REFUSED, basic, client, get, serving

OTHER_HASH = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
DENY = "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 1, Strict-Transport-Security: }}\n"
FOLDED = "http_server_config:\n  headers:\n    Content-Security-Policy: |\n      a\n      b\n"
ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----"
LESS = "1:1: to protect less than before takes a restart: "


def users(**hashes: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {hashed}\n" for name, hashed in hashes.items())


ALL = VERIFY + users(alice=HASH)


async def _page(_: web.Request) -> web.Response:
    return web.Response(headers={"X-Frame-Options": "sameorigin"})


@asynccontextmanager
async def protected(file: Path, text: str) -> AsyncIterator[tuple[int, Callable[[str | None], list[Any]]]]:
    """Serve a page behind a file with that text; yield the port, and what changes the text and says what is logged."""
    file.write_text(text)
    app, config = web.Application(), WebConfigFile(file)
    app.router.add_get("/", _page)

    def change(text: str | None) -> list[Any]:
        replace_file(file, text or "")
        if text is None:
            file.unlink()
        with capture_logs() as logs:
            config.refresh()
        return [(line["log_level"], line.get("problems")) for line in logs]

    async with serving(app, config) as listener:
        yield listener.port, change


async def statuses(port: int, *pairs: str) -> list[int]:
    return [(await get(port, authorization=basic(pair))).status for pair in pairs]


async def test_who_may_sign_in_and_the_headers_follow_the_file(tmp_path: Path) -> None:
    log.configure("info", "logfmt")
    async with protected(tmp_path / "web.yml", DENY) as (port, change):
        page = await get(port)
        assert "X-Frame-Options: deny\r\n" in page.head  # not the page's own
        assert "X-XSS-Protection: 1\r\n" in page.head
        assert "Strict-Transport-Security" not in page.head
        assert change(DENY + users(alice=HASH)) == [("info", None)]
        refusal = await get(port)
        assert refusal.status == 401
        assert "X-Frame-Options: deny" in refusal.head
        assert "WWW-Authenticate: Basic\r\n" in refusal.head
        assert await statuses(port, "alice:right", "alice:wrong", "bob:other") == [200, 401, 401]
        assert change(FOLDED + users(alice=OTHER_HASH, bob=OTHER_HASH)) == [("info", None)]
        assert "Content-Security-Policy: a b\r\n" in (await get(port)).head
        assert await statuses(port, "alice:right", "alice:other", "bob:other") == [401, 200, 200]
        assert change(users(bob=OTHER_HASH)) == [("info", None)]
        assert await statuses(port, "alice:other", "bob:other") == [401, 200]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "1:1: cannot be read: No such file or directory"),
        ("", f"{LESS}tls_server_config, tls_server_config.client_auth_type, basic_auth_users"),
        (VERIFY, f"{LESS}basic_auth_users"),
        (IF_GIVEN + users(alice=HASH), f"{LESS}tls_server_config.client_auth_type"),
        (VERIFY + users(alice="canary"), f"7:10: basic_auth_users.alice: {NO_HASH}"),
        (VERIFY + users(bob=HASH), "4:3: tls_server_config.client_ca_file: has no PEM certificate that can be used"),
    ],
)
async def test_a_bad_change_keeps_what_protects(config: Path, pki: Pki, text: str | None, problem: str) -> None:
    tls = client(pki.ca, pki.scraper)
    async with protected(config, ALL) as (port, change):
        if "client_ca_file" in problem:
            replace_file(config.parent / "clients.pem", "")
        assert change(text) == [("error", f"{config}:{problem}")]
        answers = [await get(port, tls, authorization=basic(pair)) for pair in ("alice:right", "alice:canary")]
        assert [(each.status, each.server) for each in answers] == [(200, "first"), (401, "first")]
        with pytest.raises(REFUSED):
            await get(port, client(pki.ca))


@pytest.mark.parametrize("text", [TLS, "junk"])
async def test_a_new_certificate_is_used_from_the_next_handshake_on(config: Path, pki: Pki, text: str) -> None:
    """Also while the file itself has a problem: certificates end, whatever somebody wrote there last."""
    async with protected(config, TLS) as (port, change):
        change(text)
        assert (await get(port, client(pki.ca))).server == "first"
        pki.second.install(config.parent)
        change(text)
        assert (await get(port, client(pki.ca))).server == "second"


async def test_what_is_asked_of_clients_can_be_tightened_and_its_authority_exchanged(config: Path, pki: Pki) -> None:
    async with protected(config, "") as (port, change):
        assert (await get(port)).status == 200
        change(TLS)
        assert (await get(port, client(pki.ca))).status == 200
        change(VERIFY)
        with pytest.raises(REFUSED):
            await get(port, client(pki.ca))
        assert (await get(port, client(pki.ca, pki.scraper))).status == 200
        replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
        change(VERIFY)
        assert (await get(port, client(pki.ca, pki.stranger))).status == 200


async def test_a_session_does_not_outlive_the_client_ca_that_let_it_in(config: Path, pki: Pki) -> None:
    tls = client(pki.ca, pki.scraper)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # its session is there as soon as the handshake is over

    def connect(port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            tls.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
        ):
            return secured.session, secured.session_reused

    async with protected(config, VERIFY) as (port, change):
        session, _ = await asyncio.to_thread(connect, port, None)
        assert (await asyncio.to_thread(connect, port, session))[1], "the session can be taken up again"
        replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
        change(VERIFY)
        with pytest.raises(REFUSED):
            await asyncio.to_thread(connect, port, session)


def test_the_files_it_depends_on_are_also_those_of_a_change_that_was_refused(config: Path, pki: Pki) -> None:
    folder = config.parent
    first, late = ({config, folder / f"{name}.pem", folder / f"{name}.key"} for name in ("server", "late"))
    config.write_text(TLS)
    file = WebConfigFile(config)
    assert file.files() == first
    replace_file(config, TLS.replace("server.", "late."))
    file.refresh()
    assert file.files() == first | late
    (folder / "late.pem").write_text(pki.second.certificate.read_text())
    (folder / "late.key").write_text(pki.second.key.read_text())
    file.refresh()
    assert file.files() == late
    config.write_text("junk")
    file.refresh()
    assert file.files() == late


async def accepted(config: Path, tls: ssl.SSLContext) -> bool:
    """Return whether a server with this web configuration answers."""
    async with serving(web.Application(), WebConfigFile(config)) as listener:
        try:
            return bool(await get(listener.port, tls))
        except REFUSED:
            return False


@pytest.mark.parametrize(
    ("section", "expected"),  # without a certificate, with one of the clients' CA, with another one
    [
        (f"{TLS}  client_auth_type: NoClientCert", [True, True, True]),
        (f"{TLS}  client_auth_type: RequestClientCert", [True, True, True]),
        (f"{TLS}  client_auth_type: VerifyClientCertIfGiven", [True, False, False]),  # the system's authorities
        (IF_GIVEN, [True, True, False]),
    ],
)
async def test_each_client_auth_type(config: Path, pki: Pki, section: str, expected: list[bool]) -> None:
    config.write_text(section)
    assert [await accepted(config, client(pki.ca, pair)) for pair in (None, pki.scraper, pki.stranger)] == expected


async def test_whose_clients_are_trusted(config: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an authority the system's, and an intermediate one needs no root beside it."""
    config.write_text(f"{TLS}  client_auth_type: VerifyClientCertIfGiven")
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca.pair.certificate))
    assert [await accepted(config, client(pki.ca, pair)) for pair in (pki.scraper, pki.stranger)] == [True, False]
    config.write_text(VERIFY)
    between = Authority(config.parent, "clients", pki.ca)
    assert await accepted(config, client(pki.ca, between.issue("under-between")))
    assert not await accepted(config, client(pki.ca, pki.scraper))


@pytest.mark.parametrize(("least", "with_12"), [("TLS12", True), ("TLS13", False)])
async def test_versions(config: Path, pki: Pki, least: str, with_12: bool) -> None:
    config.write_text(f"{TLS}  min_version: {least}\n")
    for version, expected in ((ssl.TLSVersion.TLSv1_2, with_12), (ssl.TLSVersion.TLSv1_3, True)):
        tls = client(pki.ca)
        tls.minimum_version = tls.maximum_version = version
        assert await accepted(config, tls) == expected, version


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("server.pem", "junk", ":2:3: tls_server_config.cert_file: has no PEM certificate that can be used"),
        ("server.key", "junk", ":3:3: tls_server_config.key_file: has no PEM private key that can be used"),
        ("server.key", "second", ":3:3: tls_server_config.key_file: is not the key of cert_file"),
        ("server.key", ENCRYPTED, ":3:3: tls_server_config.key_file: is encrypted: write the key without a passphrase"),
    ],
)
def test_files_that_cannot_be_used(config: Path, pki: Pki, file: str, content: str, problem: str) -> None:
    (config.parent / file).write_text(pki.second.key.read_text() if content == "second" else content)
    config.write_text(VERIFY)
    with pytest.raises(ConfigError) as error:
        WebConfigFile(config)
    assert str(error.value) == f"{config}{problem}"
