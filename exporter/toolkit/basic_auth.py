"""Basic authentication against bcrypt hashes: checked in a thread, and what was found out is remembered."""

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping

import bcrypt
from aiohttp import web

# The last character of a salt carries two bits only; bcrypt refuses the others.
HASH = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-8])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
"""A hash that can be used; one check at cost 18 takes about 20 seconds, and each step more doubles it."""
_BCRYPT_READS = 72  # bytes of a password: htpasswd ignores the rest in silence, the bcrypt package raises
_CHECKS_AT_ONCE = 16  # one runs, the others wait for it


class BasicAuth:
    """Check names and passwords against bcrypt hashes. Without users everybody may sign in.

    `check` takes a password and a hash. It runs in a thread, one at a time, so that guessing takes one core at most. A
    right password is remembered for as long as its user and hash stay, as a digest under a key of this process.
    """

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._check = check
        self._checking = asyncio.Lock()
        self._asked = 0
        self._digest_key = secrets.token_bytes(32)
        self._hashes: dict[bytes, bytes] = {}
        self._right: dict[bytes, bytes] = {}

    def configure(self, hashes: Mapping[str, str]) -> None:
        """Replace the users and their bcrypt hashes, in whatever thread this is called."""
        self._hashes = {name.encode(): hashed.encode() for name, hashed in hashes.items()}

    async def allows(self, authorization: str | None) -> bool:
        """Return whether an Authorization header names a user with the right password. Raises HTTPException."""
        hashes, credentials = self._hashes, _credentials(authorization)
        if not hashes or credentials is None:
            return not hashes
        name, password = credentials
        hashed = hashes.get(name, b"")
        digest = hashlib.blake2b(repr((name, hashed, password)).encode(), key=self._digest_key).digest()
        if digest == self._right.get(name):
            return True
        if self._asked >= _CHECKS_AT_ONCE:
            text = "Too many passwords are being checked.\n"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "5"})
        # An unknown user's password is checked too: an answer must not come sooner than for a known one.
        against = hashed or max(hashes.values(), key=lambda each: each[4:6])
        self._asked += 1
        try:
            async with self._checking:
                right = await asyncio.to_thread(self._check, password[:_BCRYPT_READS], against)
        finally:
            self._asked -= 1
        if right and hashed:
            self._right[name] = digest
        return right and hashed != b""


def _credentials(authorization: str | None) -> tuple[bytes, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except ValueError:
        return None
    return (name, password) if colon and scheme.lower() == "basic" else None
