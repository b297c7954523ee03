"""The schema of exporter-toolkit's web configuration file: YAML to settings, or every fault with its place."""

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.web.basic_auth import hash_fault
from exporter.web.placed_yaml import START, Fault, Place, Section, WebConfigError, compose
from exporter.web.tls import ClientAuth, TlsSettings

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSIONS = dict.fromkeys(("TLS10", "TLS11"), "is not supported, it is broken: write TLS12 or TLS13")
_CHECKS_NOTHING = "is not supported, it accepts any certificate: write RequireAndVerifyClientCert or NoClientCert"
_UNVERIFIED = dict.fromkeys(("RequestClientCert", "RequireAnyClientCert", "RequireClientCert"), _CHECKS_NOTHING)
_HEADERS: Mapping[str, Collection[str]] = {  # and the values that a header is limited to
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_REFUSED = {
    "rate_limit": "is not supported: limit requests in a proxy in front of the exporter",
    "tls_server_config.cert": "is not supported: write the PEM to a file and name it in cert_file",
    "tls_server_config.key": "is not supported: write the PEM to a file and name it in key_file",
    "tls_server_config.client_ca": "is not supported: write the PEM to a file and name it in client_ca_file",
    "tls_server_config.client_allowed_sans": "is not supported: name a CA in client_ca_file that signs only the "
    "clients you let in",
    "tls_server_config.cipher_suites": "is not supported: leave it out, or write min_version: TLS13",
    "tls_server_config.curve_preferences": "is not supported: leave it out",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what a web configuration file asks for; `places` tells where each key stands."""

    tls: TlsSettings | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    places: Mapping[str, Place] = field(default_factory=dict, repr=False)

    def fault(self, key: str, message: str) -> Fault:
        """Place a fault at a key, or at the start of the file where it has no such key."""
        return Fault(self.places.get(key, START), key, message)


def read(file: Path) -> Settings:
    """Read a web configuration file, not the files that it names. Raises WebConfigError."""
    document = Section("", compose(file), {}, set())
    settings = _settings(document, file.parent)
    if document.faults:
        raise WebConfigError(file, document.faults)
    return settings


def _settings(document: Section, folder: Path) -> Settings:
    document.allow("tls_server_config", "http_server_config", "basic_auth_users", refused=_REFUSED)
    http = document.section("http_server_config")
    http.allow("http2", "headers")
    http.flag("http2")  # has no effect: true allows HTTP/2, and nobody has to speak it
    return Settings(
        _tls(document.section("tls_server_config"), folder),
        _headers(http.section("headers")),
        _users(document.section("basic_auth_users")),
        document.places,
    )


def _tls(section: Section, folder: Path) -> TlsSettings | None:
    if not section.nodes:
        return None
    section.allow(
        *("cert_file", "key_file", "client_ca_file", "client_auth_type"),
        *("min_version", "max_version", "prefer_server_cipher_suites"),
        refused=_REFUSED,
    )
    client_auth, client_ca = _client_auth(section)
    lowest, highest = _versions(section)
    return TlsSettings(
        folder / section.required("cert_file"),
        folder / section.required("key_file"),
        folder / client_ca if client_ca else None,
        client_auth,
        lowest,
        highest,
        section.flag("prefer_server_cipher_suites") is not False,
    )


def _client_auth(section: Section) -> tuple[ClientAuth, str]:
    client_auth = section.choice("client_auth_type", ClientAuth.__members__, _UNVERIFIED)
    client_ca = section.text("client_ca_file")
    if client_auth and not client_ca:
        section.fault("client_auth_type", f"{client_auth.name} needs client_ca_file")
    elif client_ca and not section.text("client_auth_type"):
        section.fault("client_ca_file", "needs client_auth_type: RequireAndVerifyClientCert")
    elif client_ca and client_auth == ClientAuth.NoClientCert:
        section.fault("client_ca_file", "is not used with client_auth_type NoClientCert: take one of them out")
    return client_auth or ClientAuth.NoClientCert, client_ca


def _versions(section: Section) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    lowest = section.choice("min_version", _VERSIONS, _OLD_VERSIONS) or ssl.TLSVersion.TLSv1_2
    highest = section.choice("max_version", _VERSIONS, _OLD_VERSIONS) or ssl.TLSVersion.TLSv1_3
    if lowest > highest:
        section.fault("max_version", "is below min_version")
    return lowest, highest


def _headers(section: Section) -> dict[str, str]:
    section.allow(*_HEADERS)
    headers = {}
    for name in (name for name in _HEADERS if name in section.nodes):
        value = " ".join(section.text(name).splitlines()).strip()
        if _HEADERS[name] and value not in _HEADERS[name]:
            section.fault(name, f"write {' or '.join(_HEADERS[name])}")
        elif not value.isprintable():
            section.fault(name, "has a character that cannot stand in a header")
        elif value:
            headers[name] = value
    return headers


def _users(section: Section) -> dict[str, str]:
    users = {name: section.text(name) for name in section.nodes}
    for name, hashed in users.items():
        if ":" in name or not name.isprintable():
            section.fault(name, "has a colon or a control character, which no user name can have")
        elif fault := hash_fault(hashed):
            section.fault(name, fault)
    return users
