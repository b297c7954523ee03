"""Who may sign in, at what price, and what is remembered."""

import asyncio
import threading

import bcrypt
import pytest
from aiohttp import web

from exporter.toolkit.basic_auth import BasicAuth
from tests.web.serving import basic

CHEAP = bcrypt.hashpw(b"cheap", b"$2b$04$" + b"." * 22).decode()  # a fixed salt: the hash stands in names of tests
DEAR = bcrypt.hashpw(b"dear", bcrypt.gensalt(5)).decode()


class Asked:
    """Three users, and what bcrypt was asked to check for them."""

    def __init__(self) -> None:
        self.checks: list[str] = []
        self.auth = BasicAuth(self._check)
        self.auth.configure({"alice": CHEAP, "bob": DEAR, "Ü": CHEAP})

    def _check(self, password: bytes, hashed: bytes) -> bool:
        self.checks.append(hashed.decode())
        return bcrypt.checkpw(password, hashed)

    def __call__(self, *pairs: str) -> list[bool]:
        return allowed(self.auth, *map(basic, pairs))


def allowed(auth: BasicAuth, *authorizations: str | None) -> list[bool]:
    async def ask() -> list[bool]:
        return [await auth.allows(authorization) for authorization in authorizations]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("alice:cheap", True),
        ("bob:dear", True),
        ("Ü:cheap", True),
        *((pair, False) for pair in ("alice:dear", "alice:", "eve:cheap", "eve:dear", ":cheap", "alice:" + "x" * 5000)),
    ],
)
def test_passwords(pair: str, expected: bool) -> None:
    asked = Asked()
    assert asked(pair) == [expected]
    assert len(asked.checks) == 1
    assert allowed(asked.auth, basic(pair).replace("Basic", "bAsIc")) == [expected]


def test_what_is_no_pair_of_name_and_password_costs_nothing_and_lets_in_where_there_are_no_users() -> None:
    asked = Asked()
    junk = (None, "", "Basic", "Basic ", "Basic =", "Basic \udcff", "Bearer x", "Basic  YTpi", "Basic YTpi!")
    assert not any(allowed(asked.auth, *junk, basic("alice")))
    assert asked.checks == []
    assert all(allowed(BasicAuth(), *junk, basic("alice:cheap")))


def test_an_unknown_user_costs_as_much_as_the_dearest_known_one() -> None:
    asked = Asked()
    assert asked("bob:wrong", "eve:wrong", "eve:dear") == [False] * 3
    assert asked.checks == [DEAR] * 3


def test_72_bytes_of_a_password_count_as_in_htpasswd() -> None:
    asked = Asked()
    asked.auth.configure({"alice": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()})
    assert asked("alice:" + "x" * 80, "alice:" + "x" * 71) == [True, False]


def test_a_right_password_is_checked_once_whatever_is_guessed_and_none_is_kept() -> None:
    asked = Asked()
    assert asked("alice:cheap", *(f"alice:canary{number}" for number in range(20))).count(True) == 1
    asked.checks.clear()
    assert asked("alice:cheap", "alice:cheap") == [True, True]
    assert asked.checks == []
    kept = repr(vars(asked.auth))
    assert ["alice" in kept, "cheap" in kept, "canary" in kept, CHEAP in repr(asked.auth)] == [True, *[False] * 3]


def test_names_and_passwords_do_not_run_into_each_other() -> None:
    auth = BasicAuth(lambda password, _: password == b"b" + CHEAP.encode())
    auth.configure({"a": CHEAP, f"a{CHEAP}b": CHEAP})
    assert allowed(auth, basic(f"a{CHEAP}b:"), basic(f"a:b{CHEAP}")) == [False, True]


async def test_the_loop_turns_while_one_password_is_checked_and_few_others_wait() -> None:
    opened, running = threading.Event(), []

    def check(password: bytes, _: bytes) -> bool:
        running.append(password)
        assert opened.wait(10)  # on the event loop it would never be opened
        return running.count(password) == 1

    auth = BasicAuth(check)
    auth.configure({"alice": CHEAP})

    asked = [asyncio.create_task(auth.allows(basic(f"alice:{number}"))) for number in range(16)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(running) <= 1
    with pytest.raises(web.HTTPServiceUnavailable) as busy:
        await auth.allows(basic("alice:one too many"))
    assert busy.value.headers["Retry-After"] == "5"
    opened.set()
    assert all(await asyncio.gather(*asked))
    assert await auth.allows(basic("alice:others"))
    assert len(running) == 17
