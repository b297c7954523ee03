"""The schema of exporter-toolkit's web configuration file: YAML to settings, or every problem with its place."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

from exporter.config import durations
from exporter.document.item import Item, SecretItem
from exporter.document.problems import ConfigError, Problem
from exporter.document.reading import read as read_items
from exporter.document.shapes import Check, Each, Leaf, Section, Shape, Table, checked, optional
from exporter.web.basic_auth import hash_problem
from exporter.web.rate_limit import Rate
from exporter.web.tls import ClientAuth, TlsSettings
from exporter.web.tls_names import CIPHER_SUITES, CURVES, VERSIONS

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


def _pem(item: Item) -> str | None:
    return _text(item) or None


def _needed_pem(item: Item) -> str:
    if (pem := _pem(item)) is None:
        raise ValueError("is empty: write the PEM here, or name its file under the key that ends in _file")
    return pem


def _flag(item: Item) -> bool:
    if item.value is not True and item.value is not False:
        raise ValueError("write true or false")
    return item.value


def _choice(choices: Mapping[str, Any], refused: Mapping[str, str] = MappingProxyType({})) -> Check:
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
    if problem := hash_problem(_text(item)):
        raise ValueError(problem)
    return item.text


def _or_nothing(shape: Shape) -> Shape:
    """Let a section or a list be there without saying anything."""
    return lambda item, problems: item.checked(None) if item.value in (None, {}, []) else shape(item, problems)


def _interval(item: Item) -> float:
    seconds = 0.0 if item.text == "0" else durations.parse(_text(item))
    if seconds is None:
        raise ValueError("is not a duration: write one like 1s, or 0 for no limit")
    return seconds


def _count(item: Item) -> int:
    if isinstance(item.value, bool) or not isinstance(item.value, int) or item.value < 0:
        raise ValueError("write a whole number of requests")
    return item.value


_VERSION = Leaf(
    _choice(VERSIONS, dict.fromkeys(("TLS10", "TLS11"), "is not supported, it is broken: write TLS12 or TLS13"))
)
_CHECKS_NOTHING = "is not supported, it accepts any certificate: write RequireAndVerifyClientCert or NoClientCert"
_UNVERIFIED = dict.fromkeys(("RequireAnyClientCert", "RequireClientCert"), _CHECKS_NOTHING)
_TLS = Section(
    {
        "cert_file": Leaf(_needed_file),
        "key_file": Leaf(_needed_file),
        "client_ca_file": Leaf(_file),
        "cert": Leaf(_needed_pem),
        "key": Leaf(_needed_pem),
        "client_ca": Leaf(_pem),
        "client_auth_type": Leaf(_choice(ClientAuth.__members__, _UNVERIFIED)),
        "client_allowed_sans": _or_nothing(Each("name", Leaf(_text))),
        "min_version": _VERSION,
        "max_version": _VERSION,
        "cipher_suites": _or_nothing(Each("cipher suite", Leaf(_choice(CIPHER_SUITES)))),
        "prefer_server_cipher_suites": Leaf(optional(_flag)),
        "curve_preferences": _or_nothing(Each("curve", Leaf(_choice(CURVES)))),
    }
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
        "rate_limit": _or_nothing(Section({"interval": Leaf(_interval), "burst": Leaf(_count)})),
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what a web configuration file asks for; `document` knows where each key stands."""

    tls: TlsSettings | None
    client_allowed_sans: frozenset[str]
    headers: Mapping[str, str]
    users: Mapping[str, str] = field(repr=False)
    rate: Rate | None
    document: Item = field(repr=False)

    def problem(self, message: str, *keys: str) -> Problem:
        """Place a problem at the key that these lead to, or at the last of them that is there."""
        at = reduce(Item.child, keys, self.document)
        return Problem(at.file, *at.key_place, ".".join(keys), message)


def read(file: Path) -> Settings:
    """Read a web configuration file, not the files that it names. Raises ConfigError."""
    problems: list[Problem] = []
    items = read_items(file, problems, SecretItem, largest=_LARGEST_FILE)
    document = checked(items, _or_nothing(_FILE), problems)
    section = document.child("tls_server_config")
    tls, rate = _said(section), _said(document.child("rate_limit"))
    problems += [*_missing(section), *_contradictions(section, tls), *_shut(document.child("rate_limit"), rate)]
    if problems:
        raise ConfigError(problems)
    return Settings(
        _tls_settings(tls) if tls else None,
        frozenset(tls.get("client_allowed_sans", ())),
        _said(document.child("http_server_config").child("headers")),
        _said(document.child("basic_auth_users")),
        Rate(**rate) if rate.get("interval") else None,
        document,
    )


def _said(section: Item) -> dict[str, Any]:
    values = {key: [entry.value for entry in item.entries] or item.value for key, item in section.mapping.items()}
    return {key: value for key, value in values.items() if value is not None}


def _tls_settings(tls: Mapping[str, Any]) -> TlsSettings:
    suites = tls.get("cipher_suites")
    same = ("min_version", "max_version", "prefer_server_cipher_suites")
    return TlsSettings(
        cert=tls.get("cert_file") or tls["cert"],
        key=tls.get("key_file") or tls["key"],
        client_ca=tls.get("client_ca_file") or tls.get("client_ca"),
        client_auth=tls.get("client_auth_type", ClientAuth.NoClientCert),
        ciphers=None if suites is None else ":".join(filter(None, suites)),
        curve=tls["curve_preferences"][0] if "curve_preferences" in tls else None,
        **{key: tls[key] for key in same if key in tls},
    )


def _missing(section: Item) -> Iterator[Problem]:
    """Find what a section needs as soon as it says anything, and what it says twice."""
    for key in ("cert", "key", "client_ca"):
        given = [name for name in (f"{key}_file", key) if name in section.mapping]
        if len(given) > 1:
            yield section.child(key).key_problem(f"stands beside {key}_file: remove one of them")
        if section.mapping and not given and key != "client_ca":
            yield section.problem(f"the key {key}_file is missing: write {key}_file: and its value")


def _contradictions(section: Item, tls: Mapping[str, Any]) -> Iterator[Problem]:
    client_auth = tls.get("client_auth_type", ClientAuth.NoClientCert)
    for key in ("client_ca_file", "client_ca", "client_allowed_sans"):
        if client_auth == ClientAuth.NoClientCert and key in tls and not section.child(key).is_invalid:
            message = f"needs client_auth_type: RequireAndVerifyClientCert; without it, remove {key}"
            yield section.child(key).problem(message)
    if client_auth == ClientAuth.RequireAndVerifyClientCert and not {"client_ca_file", "client_ca"} & tls.keys():
        yield section.child("client_auth_type").problem(f"{client_auth.name} needs client_ca_file")
    if tls.get("min_version", ssl.TLSVersion.TLSv1_2) > tls.get("max_version", ssl.TLSVersion.TLSv1_3):
        yield section.child("max_version").problem("is below min_version")
    if len(section.child("curve_preferences").entries) > 1:
        yield section.child("curve_preferences").problem("can name one curve only: write the one, or leave it out")


def _shut(section: Item, rate: Mapping[str, Any]) -> Iterator[Problem]:
    if rate.get("interval", 0) > 0 and not rate.get("burst"):
        yield section.problem("lets no request through: write burst: 20, or how many may come at once")
