"""The schema of exporter-toolkit's web configuration file: YAML to settings, or every fault with its place."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from exporter.document.faults import ConfigError, Fault
from exporter.document.item import Item, SecretItem
from exporter.document.reading import read as read_items
from exporter.document.shapes import Check, Leaf, Refused, Section, Shape, Table, checked, optional
from exporter.web.basic_auth import hash_fault
from exporter.web.tls import ClientAuth, TlsSettings

_LARGEST_FILE = 64 * 1024


def _text(item: Item) -> str:
    """Take any one value as the text that it is written as, null as none."""
    if isinstance(item.value, dict | list):
        raise ValueError(f"{item.shown} is not text")  # noqa: TRY004  # a check has one kind of error
    return "" if item.value is None else item.text


def _file(item: Item) -> Path | None:
    name = _text(item)
    return item.file.parent / name if name else None


def _needed_file(item: Item) -> Path:
    if (file := _file(item)) is None:
        raise ValueError("names no file: write the path of one")
    return file


def _flag(item: Item) -> bool:
    if item.value is not True and item.value is not False:
        raise ValueError("write true or false")
    return item.value


def _choice(choices: Mapping[str, Any], refused: Mapping[str, str]) -> Check:
    def check(item: Item) -> Any:
        word = _text(item)
        if word in refused:
            raise ValueError(f"{word} {refused[word]}")
        if word and word not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return choices.get(word)

    return check


def _header(*allowed: str) -> Leaf:
    def check(item: Item) -> str | None:
        value = " ".join(_text(item).splitlines()).strip()
        if allowed and value not in allowed:
            raise ValueError(f"write {' or '.join(allowed)}")
        if not value.isprintable():
            raise ValueError("has a character that cannot stand in a header")
        return value or None

    return Leaf(check)


def _user_name(name: str) -> None:
    if ":" in name or not name.isprintable():
        raise ValueError("has a colon or a control character, which no user name can have")


def _hash(item: Item) -> str:
    if fault := hash_fault(_text(item)):
        raise ValueError(fault)
    return item.text


def _or_nothing(shape: Shape) -> Shape:
    """Let a section be there without saying anything."""
    return lambda item, faults: item if item.value in (None, {}) else shape(item, faults)


_VERSION = Leaf(
    _choice(
        {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3},
        dict.fromkeys(("TLS10", "TLS11"), "is not supported, it is broken: write TLS12 or TLS13"),
    )
)
_CHECKS_NOTHING = "is not supported, it accepts any certificate: write RequireAndVerifyClientCert or NoClientCert"
_UNVERIFIED = dict.fromkeys(("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"), _CHECKS_NOTHING)
_TLS = Section(
    {
        "cert_file": Leaf(_needed_file),
        "key_file": Leaf(_needed_file),
        "client_ca_file": Leaf(_file),
        "client_auth_type": Leaf(_choice(ClientAuth.__members__, _UNVERIFIED)),
        "min_version": _VERSION,
        "max_version": _VERSION,
        "prefer_server_cipher_suites": Leaf(optional(_flag)),
        "cert": Refused("is not supported: write the PEM to a file and name it in cert_file"),
        "key": Refused("is not supported: write the PEM to a file and name it in key_file"),
        "client_ca": Refused("is not supported: write the PEM to a file and name it in client_ca_file"),
        "client_allowed_sans": Refused(
            "is not supported: name a CA in client_ca_file that signs only the clients you let in"
        ),
        "cipher_suites": Refused("is not supported: leave it out, or write min_version: TLS13"),
        "curve_preferences": Refused("is not supported: leave it out"),
    },
    required=("cert_file", "key_file"),
)
_HEADERS = Section(
    {
        "Content-Security-Policy": _header(),
        "Strict-Transport-Security": _header(),
        "X-Content-Type-Options": _header("nosniff"),
        "X-Frame-Options": _header("deny", "sameorigin"),
        "X-XSS-Protection": _header(),
    }
)
_HTTP = Section(
    {
        "http2": Leaf(optional(_flag)),  # has no effect: true allows HTTP/2, and nobody has to speak it
        "headers": _or_nothing(_HEADERS),
    }
)
_FILE = Section(
    {
        "tls_server_config": _or_nothing(_TLS),
        "http_server_config": _or_nothing(_HTTP),
        "basic_auth_users": _or_nothing(Table(_user_name, Leaf(_hash), "a line for each user, like name: bcrypt hash")),
        "rate_limit": Refused("is not supported: limit requests in a proxy in front of the exporter"),
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what a web configuration file asks for; `document` knows where each key stands."""

    tls: TlsSettings | None
    headers: Mapping[str, str]
    users: Mapping[str, str] = field(repr=False)
    document: Item = field(repr=False)

    def fault(self, message: str, *keys: str) -> Fault:
        """Place a fault at the key that these lead to, or at the last of them that is there."""
        at = reduce(Item.child, keys, self.document)
        return Fault(at.file, *at.key_place, ".".join(keys), message)


def read(file: Path) -> Settings:
    """Read a web configuration file, not the files that it names. Raises ConfigError."""
    faults: list[Fault] = []
    items = read_items(file, faults, SecretItem, largest=_LARGEST_FILE)
    document = checked(items, _or_nothing(_FILE), faults)
    section = document.child("tls_server_config")
    tls = _said(section)
    faults += _contradictions(section, tls)
    if faults:
        raise ConfigError(faults)
    client_auth = tls.pop("client_auth_type", ClientAuth.NoClientCert)
    headers = _said(document.child("http_server_config").child("headers"))
    users = _said(document.child("basic_auth_users"))
    return Settings(TlsSettings(**tls, client_auth=client_auth) if tls else None, headers, users, document)


def _said(section: Item) -> dict[str, Any]:
    return {key: item.value for key, item in section.mapping.items() if item.value is not None}


def _contradictions(section: Item, tls: Mapping[str, Any]) -> Iterator[Fault]:
    client_auth, client_ca = tls.get("client_auth_type", ClientAuth.NoClientCert), tls.get("client_ca_file")
    if client_auth > ClientAuth.NoClientCert and client_ca is None:
        yield section.child("client_auth_type").fault(f"{client_auth.name} needs client_ca_file")
    if client_auth == ClientAuth.NoClientCert and isinstance(client_ca, Path):
        message = "needs client_auth_type: RequireAndVerifyClientCert; without it, remove client_ca_file"
        yield section.child("client_ca_file").fault(message)
    if tls.get("min_version", ssl.TLSVersion.TLSv1_2) > tls.get("max_version", ssl.TLSVersion.TLSv1_3):
        yield section.child("max_version").fault("is below min_version")
