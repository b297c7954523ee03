"""Who may sign in, at what price, and what is remembered."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import bcrypt
import pytest

from exporter.web.basic_auth import BasicAuth, BusyError, hash_problem
from tests.web.pki import basic

CHEAP = bcrypt.hashpw(b"cheap", bcrypt.gensalt(4)).decode()
DEAR = bcrypt.hashpw(b"dear", bcrypt.gensalt(5)).decode()


class Checks:
    """A check that counts what it is asked for, and lets bcrypt answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.asked.append((password, hashed))
        return bcrypt.checkpw(password, hashed)


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
def auth(checks: Checks) -> BasicAuth:
    auth = BasicAuth(checks)
    auth.configure({"alice": CHEAP, "bob": DEAR, "Ü": CHEAP})
    return auth


def allowed(auth: BasicAuth, *authorizations: str | None) -> list[bool]:
    async def ask() -> list[bool]:
        return [await auth.allows(authorization) for authorization in authorizations]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (basic("alice:cheap"), True),
        (basic("bob:dear"), True),
        (basic("Ü:cheap"), True),
        (basic("alice:cheap").replace("Basic", "bAsIc"), True),
        (basic("alice:dear"), False),
        (basic("alice:"), False),
        (basic("eve:cheap"), False),
        (basic("eve:dear"), False),
        (basic(":cheap"), False),
        (basic("alice:" + "x" * 5000), False),
    ],
)
def test_passwords(auth: BasicAuth, checks: Checks, authorization: str, expected: bool) -> None:  # noqa: FBT001 - a row
    assert allowed(auth, authorization) == [expected]
    assert len(checks.asked) == 1


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic ", "Basic =", "Basic \udcff", "Bearer x", basic("alice"), "Basic  YTpi", "Basic YTpi!"],
)
def test_what_is_no_pair_of_name_and_password_costs_nothing(
    auth: BasicAuth, checks: Checks, authorization: str | None
) -> None:
    assert allowed(auth, authorization) == [False]
    assert checks.asked == []


def test_everybody_may_come_in_where_there_are_no_users() -> None:
    assert allowed(BasicAuth(), None, "junk", basic("alice:cheap")) == [True, True, True]


def test_an_unknown_user_costs_as_much_as_the_dearest_known_one(auth: BasicAuth, checks: Checks) -> None:
    assert allowed(auth, basic("bob:wrong"), basic("eve:wrong"), basic("eve:dear")) == [False] * 3
    assert [hashed for _, hashed in checks.asked] == [DEAR.encode()] * 3


def test_72_bytes_of_a_password_count_as_in_htpasswd(checks: Checks) -> None:
    auth = BasicAuth(checks)
    auth.configure({"alice": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()})
    assert allowed(auth, basic("alice:" + "x" * 80), basic("alice:" + "x" * 71)) == [True, False]


def test_right_and_wrong_are_checked_once(auth: BasicAuth, checks: Checks) -> None:
    both = [basic("alice:cheap"), basic("alice:wrong"), basic("eve:wrong")]
    assert allowed(auth, *both, *both) == [True, False, False] * 2
    assert len(checks.asked) == 3


def test_guesses_do_not_push_out_a_right_password(auth: BasicAuth, checks: Checks) -> None:
    guesses = [basic(f"alice:{number}") for number in range(101)]
    allowed(auth, basic("alice:cheap"), *guesses)
    checks.asked.clear()
    allowed(auth, basic("alice:cheap"), guesses[-1], guesses[1])
    assert checks.asked == []
    allowed(auth, guesses[0])  # the oldest of more than a hundred
    assert len(checks.asked) == 1


def test_a_changed_hash_makes_what_is_remembered_worthless(auth: BasicAuth) -> None:
    assert allowed(auth, basic("alice:cheap"), basic("alice:dear"), basic("eve:dear")) == [True, False, False]
    auth.configure({"alice": DEAR, "eve": DEAR})
    assert allowed(auth, basic("alice:cheap"), basic("alice:dear"), basic("eve:dear")) == [False, True, True]
    auth.configure({"eve": DEAR})
    assert allowed(auth, basic("alice:dear")) == [False]


def test_names_and_passwords_do_not_run_into_each_other() -> None:
    auth = BasicAuth(lambda password, _: password == b"b" + CHEAP.encode())
    auth.configure({"a": CHEAP, f"a{CHEAP}b": CHEAP})
    assert allowed(auth, basic(f"a{CHEAP}b:"), basic(f"a:b{CHEAP}")) == [False, True]


class Gate:
    """A check that ends when the test lets it: on the event loop it would never end."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.calls = 0

    def __call__(self, _password: bytes, _hashed: bytes) -> bool:
        self.calls += 1
        return self.opened.wait(10)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def test_the_loop_turns_while_a_password_is_checked(gate: Gate) -> None:
    auth = BasicAuth(gate)
    auth.configure({"alice": CHEAP})

    async def turn() -> None:
        checking = asyncio.ensure_future(auth.allows(basic("alice:x")))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not checking.done()
        gate.opened.set()
        assert await checking

    asyncio.run(turn())


def test_the_same_question_is_asked_once_and_the_number_of_others_is_bounded(gate: Gate) -> None:
    auth = BasicAuth(gate)
    auth.configure({"alice": CHEAP})

    async def crowd() -> None:
        same = [asyncio.ensure_future(auth.allows(basic("alice:x"))) for _ in range(50)]
        others = [asyncio.ensure_future(auth.allows(basic(f"alice:{number}"))) for number in range(15)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await asyncio.wait_for(auth.allows(basic("alice:one too many")), 5)
        same[0].cancel()  # the others still get their answer
        gate.opened.set()
        assert all(await asyncio.gather(*same[1:], *others))

    asyncio.run(crowd())
    assert gate.calls == 16


def test_no_password_is_kept(auth: BasicAuth) -> None:
    assert allowed(auth, basic("alice:cheap"), basic("bob:canary")) == [True, False]
    kept = repr(vars(auth))
    assert "alice" in kept
    assert "cheap" not in kept
    assert "canary" not in kept
    assert CHEAP not in repr(auth)


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("$2b", "$2y")])
def test_hashes_that_can_be_used(change: Callable[[str], str]) -> None:
    assert hash_problem(change(CHEAP)) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"),
        (CHEAP[:-1], "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"),
        (CHEAP + "\n", "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"),
        (CHEAP.replace("$2b", "$2"), "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"),
        (CHEAP.replace("$04", "$03"), "has a bcrypt cost outside 4 to 18: make a hash of cost 10 or 12"),
        (CHEAP.replace("$04", "$19"), "has a bcrypt cost outside 4 to 18: make a hash of cost 10 or 12"),
    ],
)
def test_hashes_that_cannot_be_used(text: str, problem: str) -> None:
    assert hash_problem(text) == problem
