"""TLS for the listening sockets: built from files, and another for each handshake where the files have changed."""

import ipaddress
import os
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeAlias

Pem: TypeAlias = Path | str
"""A PEM file, or what would stand in it."""


class ClientAuth(IntEnum):
    """Say what is asked of a client, the mildest first."""

    NoClientCert = 0
    RequestClientCert = 0  # looks at none either, and lets everybody in
    VerifyClientCertIfGiven = 1
    RequireAndVerifyClientCert = 2


_VERIFY = {
    ClientAuth.NoClientCert: ssl.CERT_NONE,
    ClientAuth.VerifyClientCertIfGiven: ssl.CERT_OPTIONAL,
    ClientAuth.RequireAndVerifyClientCert: ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Say what a TLS server works with; without `client_ca` the system's authorities are trusted to sign clients'."""

    cert: Pem
    key: Pem
    client_ca: Pem | None = None
    client_auth: ClientAuth = ClientAuth.NoClientCert
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    prefer_server_cipher_suites: bool = True
    ciphers: str | None = None
    """Of TLS 1.2, as OpenSSL writes them; "" for none."""
    curve: str | None = None

    @property
    def pems(self) -> Mapping[str, Pem]:
        """Give what is read, by its key in the configuration."""
        pems = {"cert": self.cert, "key": self.key} | ({"client_ca": self.client_ca} if self.client_ca else {})
        return {f"{key}_file" if isinstance(pem, Path) else key: pem for key, pem in pems.items()}

    @property
    def files(self) -> Mapping[str, Path]:
        """Give the files among them."""
        return {key: pem for key, pem in self.pems.items() if isinstance(pem, Path)}


class TlsFilesError(Exception):
    """Say which files cannot be used, by their key in the configuration, without repeating what is in them."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(f"{key} {problem}" for key, problem in problems.items()))
        self.problems = problems


def build(settings: TlsSettings) -> ssl.SSLContext:
    """Read the files and return a server's context. Raises TlsFilesError."""
    problems = {key: problem for key, file in settings.files.items() if (problem := _unreadable(file))}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if not problems:
        problems = _load_pair(context, settings) | _load_client_ca(context, settings)
    if problems:
        raise TlsFilesError(problems)
    context.verify_mode = _VERIFY[settings.client_auth]
    # Whatever stands in client_ca_file is trusted, as in exporter-toolkit: an intermediate needs no root beside it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _limit(context, settings)
    return context


def _limit(context: ssl.SSLContext, settings: TlsSettings) -> None:
    only_13 = settings.ciphers == ""
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if only_13 else settings.min_version
    context.maximum_version = settings.max_version
    if settings.ciphers:
        context.set_ciphers(settings.ciphers)
    if settings.curve:
        context.set_ecdh_curve(settings.curve)
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


def _unreadable(file: Path) -> str | None:
    try:
        if not file.is_file():  # opening a pipe would wait for its writer
            return "is not a file" if file.exists() else "does not exist"
        file.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _load_pair(context: ssl.SSLContext, settings: TlsSettings) -> dict[str, str]:
    cert_key, key_key, *_ = settings.pems
    try:
        with ExitStack() as stack:
            cert, key = (stack.enter_context(_as_file(pem)) for pem in (settings.cert, settings.key))
            context.load_cert_chain(cert, key, password=_no_passphrase)
    except _EncryptedError:
        return {key_key: "is encrypted: write the key without a passphrase"}
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return {key_key: f"is not the key of {cert_key}"}
        if not _has_certificate(settings.cert):
            return {cert_key: "has no PEM certificate that can be used"}
        return {key_key: "has no PEM private key that can be used"}
    except OSError as error:  # gone since it was looked at
        return {cert_key: f"cannot be read: {error.strerror}"}
    return {}


@contextmanager
def _as_file(pem: Pem) -> Iterator[str]:
    """Give a name under which OpenSSL can read it: what stands in the configuration itself never goes to a disk."""
    if isinstance(pem, Path):
        yield str(pem)
        return
    if sys.platform != "linux":
        raise OSError(0, "", "only Linux can read it from here: write it to a file and name that")
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, pem.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _load_client_ca(context: ssl.SSLContext, settings: TlsSettings) -> dict[str, str]:
    if settings.client_ca is None:
        if settings.client_auth is not ClientAuth.NoClientCert:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return {}
    try:
        _trust(context, settings.client_ca)
    except (OSError, ValueError):  # SSLError is an OSError; ValueError: no text that could be PEM
        return {list(settings.pems)[-1]: "has no PEM certificate that can be used"}
    return {}


def _has_certificate(pem: Pem) -> bool:
    try:
        _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pem)
    except (OSError, ValueError):
        return False
    return True


def _trust(context: ssl.SSLContext, pem: Pem) -> None:
    if isinstance(pem, Path):
        context.load_verify_locations(pem)
    else:
        context.load_verify_locations(cadata=pem)


def alternative_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Give the alternative names in a certificate of `getpeercert`, addresses as Go writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        yield str(ipaddress.ip_address(name.strip())) if kind == "IP Address" else name


class _EncryptedError(Exception):
    pass


def _no_passphrase() -> str:
    raise _EncryptedError  # without this OpenSSL would ask for it on the terminal


class PerHandshakeContext(ssl.SSLContext):
    """Stand in for whatever context `current` gives when a handshake begins.

    asyncio keeps one context a listening socket and calls its `wrap_bio` for each connection. Handing out the whole
    context there, not in an SNI callback, also changes what OpenSSL copies into a connection before SNI is known
    (whether clients need a certificate, the versions), and ends the sessions that the old context let in.
    """

    current: Callable[[], ssl.SSLContext]

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection with the current context."""
        return self.current().wrap_bio(*args, **kwargs)


def per_handshake(current: Callable[[], ssl.SSLContext]) -> PerHandshakeContext:
    """Return a context that asks `current` at each handshake."""
    context = PerHandshakeContext(ssl.PROTOCOL_TLS_SERVER)
    context.current = current
    return context
