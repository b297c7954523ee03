"""What changes without a restart: users, headers and certificates against a real server."""

import asyncio
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from exporter import log
from exporter.toolkit import WebConfigFile
from tests.certificates import replace_file
from tests.toolkit.conftest import IF_GIVEN, TLS, VERIFY, Pki
from tests.web.serving import REFUSED, Served, basic, client, served

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
OTHER_HASH = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
NO_HASH = "is not a bcrypt hash of a cost from 4 to 18: make one with `htpasswd -nBC 10 NAME`"
DENY = "http_server_config: {headers: {X-Frame-Options: deny}}\n"
SANS = "  client_allowed_sans: [somebody]\n"
ALL_OF_TLS = "tls_server_config, tls_server_config.client_auth_type, tls_server_config.client_allowed_sans"
LESS = "1:1: to protect less than before takes a restart: "


def users(**hashes: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {hashed}\n" for name, hashed in hashes.items())


async def _page(_: web.Request) -> web.Response:
    return web.Response(headers={"X-Frame-Options": "sameorigin"})


@contextmanager
def protected(file: Path, text: str) -> Iterator[tuple[Served, Callable[[str | None], None]]]:
    """Serve a page behind a file with that text; return the server, and what replaces text or file and refreshes."""
    file.write_text(text)
    app, config = web.Application(), WebConfigFile(file)
    app.router.add_get("/", _page)

    def change(text: str | None) -> None:
        if text is None:
            file.unlink()
        else:
            replace_file(file, text)
        config.refresh()

    with served(app, config) as server:
        yield server, change


def statuses(server: Served, *pairs: str) -> list[int]:
    return [server.get(authorization=basic(pair) if pair else "").status for pair in pairs]


def test_who_may_sign_in_and_the_headers_follow_the_file(tmp_path: Path) -> None:
    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    with protected(tmp_path / "web.yml", DENY) as (server, change):
        assert "X-Frame-Options: deny" in server.get().head  # not the page's own
        change(DENY + users(alice=HASH))
        refusal = server.get()
        assert refusal.status == 401
        assert "X-Frame-Options: deny" in refusal.head
        assert "WWW-Authenticate: Basic\r\n" in refusal.head
        assert statuses(server, "alice:right", "alice:wrong", "bob:other") == [200, 401, 401]
        change(users(alice=OTHER_HASH, bob=OTHER_HASH))
        assert statuses(server, "alice:right", "alice:other", "bob:other") == [401, 200, 200]
    assert logged.getvalue().count("level=info") == len(logged.getvalue().splitlines()) == 2
    assert "$2" not in logged.getvalue()


@contextmanager
def logged(file: Path, problem: str) -> Iterator[None]:
    with capture_logs() as logs:
        yield
    assert [(line["log_level"], line["problems"]) for line in logs] == [("error", f"{file}:{problem}")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"{LESS}basic_auth_users"),
        (users(alice="canary"), f"2:10: basic_auth_users.alice: {NO_HASH}"),
        ("junk", "1:1: this text is not a mapping: write its keys below it, like key: value"),
        (None, "1:1: cannot be read: No such file or directory"),
    ],
)
def test_a_bad_change_keeps_the_users(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "web.yml"
    with protected(file, users(alice=HASH)) as (server, change), logged(file, problem):
        change(text)
        assert statuses(server, "alice:right", "alice:canary") == [200, 401]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("server.pem", "junk", "2:3: tls_server_config.cert_file: has no PEM certificate that can be used"),
        ("clients.pem", "", "4:3: tls_server_config.client_ca_file: has no PEM certificate that can be used"),
        ("", IF_GIVEN + SANS, f"{LESS}tls_server_config.client_auth_type"),
        ("", VERIFY, f"{LESS}tls_server_config.client_allowed_sans"),
        ("", "", f"{LESS}{ALL_OF_TLS}"),
    ],
)
def test_a_bad_change_keeps_tls(config: Path, pki: Pki, file: str, text: str, problem: str) -> None:
    with protected(config, VERIFY + SANS) as (server, change), logged(config, problem):
        if file:
            replace_file(config.parent / file, text)
        change(VERIFY + SANS if file else text)
        answer = server.get(client(pki.ca, pki.scraper))
        assert (answer.status, answer.server) == (403, "first")
        with pytest.raises(REFUSED):
            server.get(client(pki.ca))


@pytest.mark.parametrize("text", [TLS, "junk"])
def test_a_new_certificate_is_used_from_the_next_handshake_on(config: Path, pki: Pki, text: str) -> None:
    """Also while the file itself has a problem: certificates end, whatever somebody wrote there last."""
    with protected(config, TLS) as (server, change):
        change(text)
        assert server.get(client(pki.ca)).server == "first"
        pki.second.install(config.parent)
        change(text)
        assert server.get(client(pki.ca)).server == "second"


def test_what_is_asked_of_clients_can_be_tightened_and_its_authority_exchanged(config: Path, pki: Pki) -> None:
    with protected(config, "") as (server, change):
        assert server.get().status == 200
        change(TLS)
        assert server.get(client(pki.ca)).status == 200
        change(VERIFY)
        with pytest.raises(REFUSED):
            server.get(client(pki.ca))
        assert server.get(client(pki.ca, pki.scraper)).status == 200
        replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
        change(VERIFY)
        assert server.get(client(pki.ca, pki.stranger)).status == 200
        with pytest.raises(REFUSED):
            server.get(client(pki.ca, pki.scraper))


def test_a_session_does_not_outlive_the_client_ca_that_let_it_in(config: Path, pki: Pki) -> None:
    tls = client(pki.ca, pki.scraper)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # its session is there as soon as the handshake is over

    def connect(port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            tls.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
        ):
            return secured.session, secured.session_reused

    with protected(config, VERIFY) as (server, change):
        session, _ = server.run(asyncio.to_thread(connect, server.port, None))
        assert server.run(asyncio.to_thread(connect, server.port, session))[1], "the session can be taken up again"
        replace_file(config.parent / "clients.pem", pki.stranger_ca.pem)
        change(VERIFY)
        with pytest.raises(REFUSED):
            server.run(asyncio.to_thread(connect, server.port, session))


def test_the_files_it_depends_on_are_also_those_of_a_change_that_was_refused(config: Path, pki: Pki) -> None:
    folder = config.parent
    first, late = ({config, folder / f"{name}.pem", folder / f"{name}.key"} for name in ("server", "late"))
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
