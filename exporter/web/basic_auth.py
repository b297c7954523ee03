"""Basic authentication against bcrypt hashes: checked in a thread, and what was found out is remembered."""

import asyncio
import base64
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

# The last character of a salt carries two bits only; bcrypt refuses the others.
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_LEAST_COST, _GREATEST_COST = 4, 18  # one check at 18 takes about 20 seconds, and each step more doubles it
_BCRYPT_READS = 72  # bytes of a password: htpasswd ignores the rest in silence, the bcrypt package raises
_WRONG_REMEMBERED = 100
_CHECKS_AT_ONCE = 16  # one runs, the others wait for it


class BusyError(Exception):
    """Say that too many passwords wait for their check."""


def hash_problem(text: str) -> str | None:
    """Say what is wrong with a bcrypt hash without repeating it; None where it can be used."""
    match = _HASH.fullmatch(text)
    if match is None:
        return "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"
    if not _LEAST_COST <= int(match[1]) <= _GREATEST_COST:
        return f"has a bcrypt cost outside {_LEAST_COST} to {_GREATEST_COST}: make a hash of cost 10 or 12"
    return None


class BasicAuth:
    """Know who may sign in. Without users everybody may.

    `check` takes a password and a hash; it runs in one thread of its own, so that guessing takes one core at most.
    A right password is remembered for as long as its user and hash stay, of the wrong ones the last hundred. Both are
    kept as digests under a key of this process.
    """

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._check = check
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bcrypt")
        self._digest_key = secrets.token_bytes(32)
        self._hashes: dict[bytes, bytes] = {}
        self._decoy = b""
        self._right: dict[bytes, bytes] = {}
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._running: dict[bytes, asyncio.Future[bool]] = {}

    def configure(self, hashes: Mapping[str, str]) -> None:
        """Take a new list of users and their bcrypt hashes."""
        self._hashes = {name.encode(): hashed.encode() for name, hashed in hashes.items()}
        # What an unknown user's password is held against: an answer must not come sooner than for a known one.
        self._decoy = max(self._hashes.values(), key=_cost, default=b"")

    async def allows(self, authorization: str | None) -> bool:
        """Tell whether an Authorization header opens the door. Raises BusyError."""
        if not self._hashes:
            return True
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        name, password = credentials
        hashed = self._hashes.get(name, b"")
        digest = self._digest(name, hashed, password)
        if digest == self._right.get(name):
            return True
        if digest in self._wrong:
            return False
        right = await self._compare(digest, password, hashed or self._decoy) and hashed != b""
        self._remember(name, digest, right=right)
        return right

    async def _compare(self, digest: bytes, password: bytes, hashed: bytes) -> bool:
        running = self._running.get(digest)
        if running is None:
            if len(self._running) >= _CHECKS_AT_ONCE:
                raise BusyError
            running = asyncio.get_running_loop().run_in_executor(
                self._thread, self._check, password[:_BCRYPT_READS], hashed
            )
            self._running[digest] = running
            running.add_done_callback(lambda _: self._running.pop(digest))
        return await asyncio.shield(running)  # others may wait for the same check

    def _remember(self, name: bytes, digest: bytes, *, right: bool) -> None:
        if right:
            self._right[name] = digest
            return
        self._wrong[digest] = None
        if len(self._wrong) > _WRONG_REMEMBERED:
            self._wrong.popitem(last=False)

    def _digest(self, *parts: bytes) -> bytes:
        digest = hashlib.blake2b(key=self._digest_key)
        for part in parts:
            digest.update(b"%d:" % len(part) + part)  # with its length, or a part could run into the next
        return digest.digest()


def _cost(hashed: bytes) -> bytes:
    return hashed[4:6]


def _credentials(authorization: str | None) -> tuple[bytes, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        return None
    return (name, password) if colon else None
