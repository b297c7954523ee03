"""Certificates for tests, written to files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import trustme


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: Path
    key: Path

    def install(self, folder: Path) -> None:
        """Put both where the tests' configurations look for them."""
        replace_file(folder / "server.pem", self.certificate.read_text())
        replace_file(folder / "server.key", self.key.read_text())


class Authority:
    """A certificate authority; `signer` is the one above it."""

    def __init__(self, folder: Path, name: str, signer: "Authority | None" = None) -> None:
        self._folder = folder
        self._ca: trustme.CA = signer._ca.create_child_ca() if signer else trustme.CA()  # noqa: SLF001 - of this class
        self.pair = self._write(name, self._ca.cert_pem, self._ca.private_key_pem)
        self.pem = self.pair.certificate.read_text()

    def issue(self, name: str, *identities: str, is_expired: bool = False) -> Pair:
        """Sign a certificate for a new key, by default one for localhost, or one that ended yesterday."""
        until = datetime.now(UTC) - timedelta(days=1) if is_expired else None
        leaf = self._ca.issue_cert(*(identities or ("localhost",)), common_name=name, not_after=until)
        return self._write(name, leaf.cert_chain_pems[0], leaf.private_key_pem)

    def _write(self, name: str, certificate: trustme.Blob, key: trustme.Blob) -> Pair:
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        certificate.write_to_path(str(pair.certificate))
        key.write_to_path(str(pair.key))
        return pair


def replace_file(file: Path, text: str) -> None:
    """Write a file as a careful operator does: beside it, then over it."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(text)
    beside.replace(file)
