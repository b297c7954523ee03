"""TLS for the listening sockets: built from files, and another for each handshake where the files have changed."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any


class ClientAuth(IntEnum):
    """Say what is asked of a client, the mildest first."""

    NoClientCert = 0
    VerifyClientCertIfGiven = 1
    RequireAndVerifyClientCert = 2


_VERIFY = {
    ClientAuth.NoClientCert: ssl.CERT_NONE,
    ClientAuth.VerifyClientCertIfGiven: ssl.CERT_OPTIONAL,
    ClientAuth.RequireAndVerifyClientCert: ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Name the files and limits of a TLS server; `client_ca_file` is there where client certificates are verified."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth: ClientAuth = ClientAuth.NoClientCert
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    prefer_server_cipher_suites: bool = True

    @property
    def files(self) -> dict[str, Path]:
        """Give the files that are read, by their key in the configuration."""
        files = {"cert_file": self.cert_file, "key_file": self.key_file}
        return files | ({"client_ca_file": self.client_ca_file} if self.client_ca_file else {})


class TlsFilesError(Exception):
    """Say which files cannot be used, by their key in the configuration, without repeating what is in them."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(", ".join(f"{key} {fault}" for key, fault in faults.items()))
        self.faults = faults


def build(settings: TlsSettings) -> ssl.SSLContext:
    """Read the files and return a server's context. Raises TlsFilesError."""
    faults = {key: fault for key, file in settings.files.items() if (fault := _unreadable(file))}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if not faults:
        faults = _load_pair(context, settings) | _load_client_ca(context, settings)
    if faults:
        raise TlsFilesError(faults)
    context.minimum_version = settings.min_version
    context.maximum_version = settings.max_version
    context.verify_mode = _VERIFY[settings.client_auth]
    # Whatever stands in client_ca_file is trusted, as in exporter-toolkit: an intermediate needs no root beside it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


def _unreadable(file: Path) -> str | None:
    try:
        if not file.is_file():  # opening a pipe would wait for its writer
            return "is not a file" if file.exists() else "does not exist"
        file.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _load_pair(context: ssl.SSLContext, settings: TlsSettings) -> dict[str, str]:
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_passphrase)
    except _EncryptedError:
        return {"key_file": "is encrypted: write the key without a passphrase"}
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return {"key_file": "is not the key of cert_file"}
        if not _has_certificate(settings.cert_file):
            return {"cert_file": "has no PEM certificate that can be used"}
        return {"key_file": "has no PEM private key that can be used"}
    except OSError as error:  # gone since it was looked at
        return {"cert_file": f"cannot be read: {error.strerror}"}
    return {}


def _load_client_ca(context: ssl.SSLContext, settings: TlsSettings) -> dict[str, str]:
    if settings.client_ca_file is not None:
        try:
            context.load_verify_locations(settings.client_ca_file)
        except OSError:  # SSLError is one
            return {"client_ca_file": "has no PEM certificate that can be used"}
    return {}


def _has_certificate(file: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except OSError:
        return False
    return True


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
