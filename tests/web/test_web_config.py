"""Users and headers against a real server, and what changes of them without a restart."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from structlog.testing import capture_logs

from exporter import log
from exporter.web.web_config import WebConfigFile
from tests.web.pki import basic, get, replace_file, serving

pytestmark = pytest.mark.slow

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
OTHER_HASH = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: a, key_file: b}\n"
NO_HASH = "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"


async def statuses(port: int, *authorizations: str) -> list[int]:
    return [(await get(port, authorization=authorization)).status for authorization in authorizations]


def users(**hashes: str) -> str:
    return "basic_auth_users:\n" + "".join(f"  {name}: {hashed}\n" for name, hashed in hashes.items())


def test_who_is_let_in_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("")

    async def change() -> list[int]:
        async with serving(WebConfigFile(file)) as port:
            before = await statuses(port, "")
            replace_file(file, users(alice=HASH))
            first = await statuses(port, "", basic("alice:right"), basic("alice:wrong"), basic("bob:other"))
            file.write_text(users(alice=OTHER_HASH, bob=OTHER_HASH))  # in place
            return before + first + await statuses(port, *map(basic, ("alice:right", "alice:other", "bob:other")))

    logged = io.StringIO()
    log.configure("info", "logfmt", logged)
    assert asyncio.run(change()) == [200, 401, 200, 401, 401, 401, 200, 200]
    assert logged.getvalue().count("level=info") == len(logged.getvalue().splitlines()) == 2
    assert "$2" not in logged.getvalue()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda file: replace_file(file, ""), "1:1: basic_auth_users: has no user left: that takes a restart"),
        (lambda file: replace_file(file, users(alice="canary")), f"2:10: basic_auth_users.alice: {NO_HASH}"),
        (lambda file: file.unlink(), "1:1: cannot be read: No such file or directory"),
        (lambda file: (file.unlink(), file.mkdir()), "1:1: is not a file"),
        (
            lambda file: replace_file(file, users(alice=HASH) + TLS),
            "3:1: tls_server_config: TLS is switched on or off by a restart only",
        ),
    ],
)
def test_a_bad_change_keeps_the_users_and_is_logged_once(
    tmp_path: Path, change: Callable[[Path], object], problem: str
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(users(alice=HASH))

    async def break_it() -> list[int]:
        async with serving(WebConfigFile(file)) as port:
            change(file)
            return await statuses(port, basic("alice:right"), basic("alice:canary"))

    with capture_logs() as logs:
        assert asyncio.run(break_it()) == [200, 401]
    assert [(line["log_level"], line["problems"]) for line in logs] == [("error", f"{file}:{problem}")]


def test_headers_follow_the_file_and_stand_on_every_answer(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    file.write_text(headers)

    async def change() -> None:
        async with serving(WebConfigFile(file)) as port:
            assert "X-Frame-Options: deny" in (await get(port)).head  # not the page's own
            replace_file(file, headers + users(alice=HASH))
            refusal = await get(port)
            assert refusal.status == 401
            assert "X-Frame-Options: deny" in refusal.head
            assert "WWW-Authenticate: Basic\r\n" in refusal.head

    asyncio.run(change())


def test_requests_beyond_the_rate_are_turned_away_before_their_password_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    limit = "rate_limit: {interval: 1h, burst: 2}\n"
    file.write_text(limit)

    async def change() -> list[int]:
        async with serving(WebConfigFile(file)) as port:
            first = await statuses(port, "", "", "")
            replace_file(file, limit + users(alice=HASH))  # the same limit goes on
            second = await statuses(port, basic("alice:right"))
            replace_file(file, users(alice=HASH) + "rate_limit: {interval: 0}\n")
            return first + second + await statuses(port, basic("alice:right"), "")

    assert asyncio.run(change()) == [200, 200, 429, 429, 200, 401]
