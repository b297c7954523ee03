"""TLS for the listening sockets, built from PEM files."""

import ssl
from collections.abc import Iterator

from exporter.document.item import ConfigError, Item, Problem

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_NONE,  # looks at none either, and lets everybody in
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
"""Both: what exporter-toolkit, and so Go, calls a version and what is asked of a client."""


def files(tls: Item) -> list[Item]:
    """Return the files that a `tls_server_config` names."""
    return [item for key in ("cert_file", "key_file", "client_ca_file") if (item := tls.child(key)).value]


def build(tls: Item) -> ssl.SSLContext:
    """Read the files of a `tls_server_config` and return a server's context. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if problems := list(_unreadable(tls)) or list(_load(context, tls)):
        raise ConfigError(problems)
    context.verify_mode = tls.child("client_auth_type").value or ssl.CERT_NONE
    # Whatever stands in client_ca_file is trusted, as in exporter-toolkit: an intermediate needs no root beside it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if context.verify_mode and not tls.child("client_ca_file").value:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = tls.child("min_version").value or ssl.TLSVersion.TLSv1_2
    return context


def _unreadable(tls: Item) -> Iterator[Problem]:
    for item in files(tls):
        try:
            if not item.value.is_file():  # opening a pipe would wait for its writer
                what = "is not a file" if item.value.exists() else "does not exist"
                yield item.key_problem(f"{what}: write the path of a PEM file, from the folder of this file on")
            elif b"ENCRYPTED" in item.value.read_bytes():
                yield item.key_problem("is encrypted: write the key without a passphrase")
        except OSError as error:
            yield item.key_problem(f"cannot be read: {error.strerror}")


def _load(context: ssl.SSLContext, tls: Item) -> Iterator[Problem]:
    certificate, key, *authorities = files(tls)
    none_in = "has no PEM certificate that can be used"
    try:
        context.load_cert_chain(certificate.value, key.value, password="")  # or OpenSSL might ask on the terminal
    except OSError as error:  # SSLError is one
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            yield key.key_problem("is not the key of cert_file")
        elif _trusts(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate):
            yield key.key_problem("has no PEM private key that can be used")
        else:
            yield certificate.key_problem(none_in)
    yield from (item.key_problem(none_in) for item in authorities if not _trusts(context, item))


def _trusts(context: ssl.SSLContext, item: Item) -> bool:
    try:
        context.load_verify_locations(item.value)
    except OSError:
        return False
    return True
