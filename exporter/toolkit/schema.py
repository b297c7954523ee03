"""The schema of exporter-toolkit's web configuration file: YAML to values, or every problem with its place."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exporter.document.item import ConfigError, Item, Problem
from exporter.document.reading import read as read_items
from exporter.document.shapes import Leaf, Section, Table, checked
from exporter.toolkit.basic_auth import HASH
from exporter.toolkit.tls import CLIENT_AUTH, VERSIONS

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def _text(item: Item) -> str:
    """Return any one value as the text that it is written as."""
    if isinstance(item.value, dict | list):
        raise ValueError("is not text")  # noqa: TRY004  # a check has one kind of error
    return item.text


def _file(item: Item) -> Path:
    return Path(item.file).parent / _text(item)


def _choice(choices: Mapping[str, Any]) -> Leaf:
    def check(item: Item) -> Any:
        if _text(item) not in choices:
            raise ValueError(f"is not supported: write one of {', '.join(choices)}")
        return choices[item.text]

    return Leaf(check)


def _header(item: Item) -> str:
    value = " ".join(_text(item).splitlines()).strip()
    if not value.isprintable():
        raise ValueError("has a character that cannot stand in a header")
    return value


def _user_name(name: str) -> None:
    if ":" in name or not name.isprintable():
        raise ValueError("has a colon or a control character, which no user name can have")


def _hash(item: Item) -> str:
    if not HASH.fullmatch(_text(item)):
        raise ValueError("is not a bcrypt hash of a cost from 4 to 18: make one with `htpasswd -nBC 10 NAME`")
    return item.text


_PEM = "PEM in this file is not supported: write it to a file of its own, and its name as {}_file"
_HTTP2 = "is not supported: remove it, every client of HTTP/2 speaks HTTP/1.1 too"
_TLS = Section(
    {
        "cert_file": Leaf(_file),
        "key_file": Leaf(_file),
        "client_ca_file": Leaf(_file),
        "client_auth_type": _choice(CLIENT_AUTH),
        "min_version": _choice(VERSIONS),
    },
    refused={
        "cipher_suites": "is not supported: remove it; TLS 1.3 leaves no choice",
        "curve_preferences": "is not supported: remove it, OpenSSL chooses as Go does",
        "client_allowed_sans": "is not supported: remove it, and name a CA of these clients only in client_ca_file",
        "max_version": "is not supported: remove it, whoever speaks TLS 1.2 is served",
        "prefer_server_cipher_suites": "is not supported: remove it, Go passes over it, too",
        **{key: _PEM.format(key) for key in ("cert", "key", "client_ca")},
    },
    required=("cert_file", "key_file"),
)
_HEADERS = Section(
    {
        "Content-Security-Policy": Leaf(_header),
        "Strict-Transport-Security": Leaf(_header),
        "X-Content-Type-Options": _choice({"nosniff": "nosniff"}),
        "X-Frame-Options": _choice({"deny": "deny", "sameorigin": "sameorigin"}),
        "X-XSS-Protection": Leaf(_header),
    }
)
_FILE = Section(
    {
        "tls_server_config": _TLS,
        "http_server_config": Section({"headers": _HEADERS}, refused={"http2": _HTTP2}),
        "basic_auth_users": Table(_user_name, Leaf(_hash), "a line for each user, like name: bcrypt hash"),
    },
    refused={
        "rate_limit": "is not supported: remove it; docs/limits.md says what is limited, a proxy can do more",
    },
)


def read(file: Path) -> Item:
    """Read a web configuration file, not the files that it names. Raises ConfigError."""
    problems: list[Problem] = []
    document = read_items(file, problems, largest=64 * 1024)
    if document.value in _NOTHING:
        document.value = {}
    _leave_out_what_says_nothing(document, _FILE)
    document = checked(document, _FILE, problems)
    problems += _contradictions(document.child("tls_server_config"))
    if problems:
        raise ConfigError(problems)
    return document


def _leave_out_what_says_nothing(item: Item, section: Section) -> None:
    """Remove the keys that are there without a value, as exporter-toolkit passes over them."""
    for key, child in list(item.mapping.items()):
        below = section.keys.get(key)
        if (below or key in section.refused) and child.value in _NOTHING:
            del item.value[key]
        elif isinstance(below, Section):
            _leave_out_what_says_nothing(child, below)


def _contradictions(tls: Item) -> Iterator[Problem]:
    client_auth, ca_file = tls.child("client_auth_type"), tls.child("client_ca_file")
    if ca_file.value and not client_auth.value:
        yield ca_file.problem("needs client_auth_type: RequireAndVerifyClientCert; without it, remove client_ca_file")
    if client_auth.value == ssl.CERT_REQUIRED and not ca_file.value:
        yield client_auth.problem("RequireAndVerifyClientCert needs client_ca_file")
