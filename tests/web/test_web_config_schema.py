"""What a web configuration file may say, and in which words the rest is refused."""

import json
import os
import subprocess
from pathlib import Path

import bcrypt
import pytest

from exporter.document.problems import ConfigError
from exporter.web.tls_names import CIPHER_SUITES, CURVES
from exporter.web.web_config import WebConfigFile
from tests.web.pki import Authority, tool

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "web-config.yaml"
HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
PAIR = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
NO_HASH = "is not a bcrypt hash: make one with `htpasswd -nBC 10 NAME`"
ANY = "is not supported, it accepts any certificate: write RequireAndVerifyClientCert or NoClientCert"
NEEDS_TYPE = "needs client_auth_type: RequireAndVerifyClientCert; without it, remove client_ca_file"
EMPTY = "is empty: write the PEM here, or name its file under the key that ends in _file"
AUTH_TYPES = "NoClientCert, RequestClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
TLS_KEYS = (
    "cert_file, key_file, client_ca_file, cert, key, client_ca, client_auth_type, client_allowed_sans, min_version, "
    "max_version, cipher_suites, prefer_server_cipher_suites, curve_preferences"
)
SECTIONS = "tls_server_config, http_server_config, basic_auth_users, rate_limit"
HEADERS = (
    "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection"
)

FAULTY = {
    "junk": ["1:1: this text is not a mapping: write its keys below it, like key: value"],
    "- a list": ["1:1: a list is not a mapping: write its keys below it, like key: value"],
    "a: b: c": ["1:5: cannot be read as YAML: mapping values are not allowed in this context"],
    "basic_auth_users: {alice: *canary}": ["1:27: cannot be read as YAML: found undefined alias"],
    "a: '\x07'": ["1:5: has a character that YAML does not allow"],
    "[" * 1000: ["1:20: cannot be read as YAML: it is nested more than 20 levels deep"],
    '"\\UFFFFFFFF"': ["1:4: cannot be read as YAML: found invalid Unicode character escape code"],
    "--- {}\n--- {}": ["1:1: holds more than one document: write one, without a line --- in its middle"],
    "? [a]\n: b": ["1:3: a key must be text"],
    "tls_config: {}\nrate_limit: {burst: -1, interval: 1 s, rate: 1}": [
        '1:1: tls_config: unknown key: did you mean "tls_server_config"?',
        "2:21: rate_limit.burst: write a whole number of requests",
        "2:35: rate_limit.interval: is not a duration: write one like 1s, or 0 for no limit",
        "2:40: rate_limit.rate: unknown key: known here: interval, burst",
    ],
    "basic_auth_users: {}\nbasic_auth_users: {}": [
        "2:1: basic_auth_users: the key stands twice, first in line 1: remove one"
    ],
    "tls_server_config: true": [
        "1:20: tls_server_config: this value is not a mapping: write its keys below it, like key: value"
    ],
    "tls_server_config:\n  min_version: TLS13": [
        "2:3: tls_server_config: the key cert_file is missing: write cert_file: and its value",
        "2:3: tls_server_config: the key key_file is missing: write key_file: and its value",
    ],
    "tls_server_config:\n  cert_file: [a]\n  key_file:": [
        "2:14: tls_server_config.cert_file: a list is not text",
        "3:12: tls_server_config.key_file: names no file: write the path of one",
    ],
    PAIR: [
        "2:3: tls_server_config.cert_file: does not exist",
        "3:3: tls_server_config.key_file: does not exist",
    ],
    f"basic_auth_users: {{\"a\\tb\": '{HASH}'}}": [
        '1:20: basic_auth_users["a\\tb"]: has a colon or a control character, which no user name can have'
    ],
    PAIR.replace("server.key", '"a\\0b"'): [
        "2:3: tls_server_config.cert_file: does not exist",
        "3:3: tls_server_config.key_file: does not exist",
    ],
    PAIR.replace("server.key", "."): [
        "2:3: tls_server_config.cert_file: does not exist",
        "3:3: tls_server_config.key_file: is not a file",
    ],
    PAIR + "  ca_file: x\n  password: x": [
        '4:3: tls_server_config.ca_file: unknown key: did you mean "cert_file"?',
        f"5:3: tls_server_config.password: unknown key: known here: {TLS_KEYS}",
    ],
    PAIR + "  cert: x\n  key: x\n  client_ca: x\n  client_ca_file: x": [
        "4:3: tls_server_config.cert: stands beside cert_file: remove one of them",
        "5:3: tls_server_config.key: stands beside key_file: remove one of them",
        "6:3: tls_server_config.client_ca: stands beside client_ca_file: remove one of them",
        f"6:14: tls_server_config.client_ca: {NEEDS_TYPE.replace('_file', '')}",
        f"7:19: tls_server_config.client_ca_file: {NEEDS_TYPE}",
    ],
    "tls_server_config: {cert: '', key: }": [
        f"1:27: tls_server_config.cert: {EMPTY}",
        f"1:36: tls_server_config.key: {EMPTY}",
    ],
    "tls_server_config:\n  cert: canary\n  key: canary": [
        "2:3: tls_server_config.cert: has no PEM certificate that can be used"
    ],
    PAIR + "  cipher_suites: [canary, TLS_RSA_WITH_AES_128_CBC_SHA]\n  curve_preferences: [X25519, CurveP256]": [
        f"4:19: tls_server_config.cipher_suites[0]: write one of {', '.join(CIPHER_SUITES)}",
        f"4:27: tls_server_config.cipher_suites[1]: write one of {', '.join(CIPHER_SUITES)}",
        "5:22: tls_server_config.curve_preferences: can name one curve only: write the one, or leave it out",
    ],
    PAIR + "  curve_preferences: [CurveP257]": [
        f"4:23: tls_server_config.curve_preferences[0]: write one of {', '.join(CURVES)}"
    ],
    PAIR + "  client_allowed_sans: [a]": [
        f"4:24: tls_server_config.client_allowed_sans: {NEEDS_TYPE.replace('client_ca_file', 'client_allowed_sans')}"
    ],
    "rate_limit: {interval: 1s}": [
        "1:13: rate_limit: lets no request through: write burst: 20, or how many may come at once"
    ],
    PAIR + "  client_auth_type: RequireAndVerifyClientCert": [
        "4:21: tls_server_config.client_auth_type: RequireAndVerifyClientCert needs client_ca_file"
    ],
    PAIR + "  client_auth_type: RequireAnyClientCert": [
        f"4:21: tls_server_config.client_auth_type: RequireAnyClientCert {ANY}"
    ],
    PAIR + "  client_auth_type: canary": [
        f"4:21: tls_server_config.client_auth_type: write one of {AUTH_TYPES}"
    ],
    PAIR + "  client_ca_file: ca.pem": [
        f"4:19: tls_server_config.client_ca_file: {NEEDS_TYPE}"
    ],
    PAIR + "  client_ca_file: ca.pem\n  client_auth_type: NoClientCert": [
        f"4:19: tls_server_config.client_ca_file: {NEEDS_TYPE}"
    ],
    PAIR + "  min_version: TLS10\n  max_version: TLS11": [
        "4:16: tls_server_config.min_version: TLS10 is not supported, it is broken: write TLS12 or TLS13",
        "5:16: tls_server_config.max_version: TLS11 is not supported, it is broken: write TLS12 or TLS13",
    ],
    PAIR + "  min_version: 1.2": ["4:16: tls_server_config.min_version: write one of TLS12, TLS13"],
    PAIR + "  min_version: TLS13\n  max_version: TLS12": ["5:16: tls_server_config.max_version: is below min_version"],
    PAIR + "  prefer_server_cipher_suites: 1": [
        "4:32: tls_server_config.prefer_server_cipher_suites: write true or false"
    ],
    "http_server_config: {http2: maybe, gzip: true}": [
        "1:29: http_server_config.http2: write true or false",
        "1:36: http_server_config.gzip: unknown key: known here: http2, headers",
    ],
    "http_server_config: {headers: {Server: x}}": [
        f"1:32: http_server_config.headers.Server: unknown key: known here: {HEADERS}"
    ],
    "http_server_config: {headers: {x-frame-options: deny}}": [
        '1:32: http_server_config.headers.x-frame-options: unknown key: did you mean "X-Frame-Options"?'
    ],
    "http_server_config: {headers: {X-Frame-Options: DENY, X-Content-Type-Options: }}": [
        "1:49: http_server_config.headers.X-Frame-Options: write deny or sameorigin",
        "1:79: http_server_config.headers.X-Content-Type-Options: write nosniff",
    ],
    'http_server_config: {headers: {X-XSS-Protection: "a\\0b"}}': [
        "1:50: http_server_config.headers.X-XSS-Protection: has a character that cannot stand in a header"
    ],
    "basic_auth_users: [alice]": [
        "1:19: basic_auth_users: a list is not a mapping: write a line for each user, like name: bcrypt hash"
    ],
    "basic_auth_users:\n  alice: canary\n  bob:\n  carol: [canary]": [
        f"2:10: basic_auth_users.alice: {NO_HASH}",
        f"3:7: basic_auth_users.bob: {NO_HASH}",
        "4:10: basic_auth_users.carol: a list is not text",
    ],
    f"basic_auth_users: {{'{HASH}': alice}}": [f"1:84: basic_auth_users.(not shown): {NO_HASH}"],
    f"basic_auth_users: {{alice: {HASH.replace('$04', '$31')}}}": [
        "1:27: basic_auth_users.alice: has a bcrypt cost outside 4 to 18: make a hash of cost 10 or 12"
    ],
    f"basic_auth_users: {{'a:b': '{HASH}'}}": [
        '1:20: basic_auth_users["a:b"]: has a colon or a control character, which no user name can have'
    ],
    "basic_auth_users: canary": [
        "1:19: basic_auth_users: this text is not a mapping: write a line for each user, like name: bcrypt hash"
    ],
    f"{HASH}: alice": ["1:1: (not shown): unknown key: known here: " + SECTIONS],
    "canary" * 11 + ": alice": ["1:1: (not shown): unknown key: known here: " + SECTIONS],
    PAIR + "  client_auth_type: [canary]\n  client_ca_file: [canary]": [
        "4:21: tls_server_config.client_auth_type: a list is not text",
        "5:19: tls_server_config.client_ca_file: a list is not text",
    ],
    PAIR + "  client_ca_file: [canary]": ["4:19: tls_server_config.client_ca_file: a list is not text"],
    PAIR + "  min_version: canary\n  max_version: canary": [
        "4:16: tls_server_config.min_version: write one of TLS12, TLS13",
        "5:16: tls_server_config.max_version: write one of TLS12, TLS13",
    ],
}  # fmt: skip  # a problem a line

ACCEPTED = {
    "empty": "",
    "comment": "# nothing\n",
    "empty sections": "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\n",
    "pair": PAIR,
    "no client certificate": PAIR + "  client_auth_type: NoClientCert\n",
    "blank client_auth_type": PAIR + "  client_auth_type:\n  client_ca_file: ''\n",
    "client certificate if given": PAIR
    + "  client_ca_file: clients.pem\n  client_auth_type: VerifyClientCertIfGiven\n",
    "client certificate": PAIR + "  client_ca_file: clients.pem\n  client_auth_type: RequireAndVerifyClientCert\n",
    "versions": PAIR + "  min_version: TLS12\n  max_version: TLS13\n  prefer_server_cipher_suites: false\n",
    "http2": "http_server_config: {http2: true}\n",
    "no http2": "http_server_config: {http2: off, headers: }\n",
    "client certificate if given, of any authority that the system trusts": PAIR
    + "  client_auth_type: VerifyClientCertIfGiven\n",
    "client certificate that is not looked at": PAIR + "  client_auth_type: RequestClientCert\n",
    "empty lists": PAIR + "  cipher_suites: []\n  curve_preferences: []\n",
    "cipher suites": PAIR + f"  cipher_suites: [{', '.join(CIPHER_SUITES)}]\n",
    "cipher suites of TLS 1.3 only": PAIR + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
    "a curve": PAIR + "  curve_preferences: [CurveP521]\n",
    "headers": "http_server_config: {headers: {X-XSS-Protection: 1, X-Frame-Options: sameorigin,"
    " Content-Security-Policy: , Strict-Transport-Security: max-age=1; preload, X-Content-Type-Options: nosniff}}\n",
    "folded header": "http_server_config:\n  headers:\n    Content-Security-Policy: |\n      a\n      b\n",
    "users": f"basic_auth_users: {{alice: '{HASH}', 12: '{HASH}', '': '{HASH}'}}\n",
    "users by reference": f"basic_auth_users: {{alice: &hash '{HASH}', bob: *hash}}\n",
    "the documented example": EXAMPLE.read_text(),
}
NEWER = {  # than the promtool of some distributions
    "client_allowed_sans": PAIR
    + "  client_ca_file: clients.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
    + "  client_allowed_sans: [localhost, 127.0.0.1]\n",
    "rate_limit": "rate_limit: {interval: 1s, burst: 20}\n",
    "rate_limit that is off": "rate_limit: {interval: 0, burst: 0}\n",
    "cert": "tls_server_config: {cert: CERT, key_file: server.key}\n",
    "key": "tls_server_config: {cert_file: server.pem, key: KEY}\n",
    "client_ca": PAIR + "  client_ca: CERT\n  client_auth_type: RequireAndVerifyClientCert\n",
}


def refused(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        WebConfigFile(file)
    assert str(error.value).splitlines() == list(map(str, error.value.problems))
    assert "canary" not in str(error.value)
    assert HASH[7:] not in str(error.value)
    return [str(problem).removeprefix(f"{file}:") for problem in error.value.problems]


@pytest.mark.parametrize("text", FAULTY, ids=range(len(FAULTY)))
def test_every_fault_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "web.yml"
    file.write_text(text)
    assert refused(file) == FAULTY[text]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    assert refused(file) == ["1:1: cannot be read: No such file or directory"]
    file.write_bytes(b"\xff")
    assert refused(file) == ["1:1: is not UTF-8 text"]
    file.write_text("#" * 65537)
    assert refused(file) == ["1:1: is larger than 64 KiB"]
    assert refused(tmp_path) == ["1:1: is not a file"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # reading it would wait for ever
    assert refused(pipe) == ["1:1: is not a file"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accepted")
    authority = Authority(folder, "clients")
    authority.issue("server")
    return folder


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_passes_promtool_too(folder: Path, name: str) -> None:
    file = folder / "web.yml"
    file.write_text(ACCEPTED[name])
    config = WebConfigFile(file)
    assert (config.ssl_context() is not None) == ("cert_file" in ACCEPTED[name])
    check = [tool("promtool"), "check", "web-config", str(file)]
    verdict = subprocess.run(check, capture_output=True, text=True, check=False, timeout=20)
    assert verdict.returncode == 0, verdict.stderr


@pytest.mark.parametrize("name", NEWER)
def test_what_is_accepted_passes_a_promtool_that_knows_it(folder: Path, name: str) -> None:
    file = folder / "newer.yml"
    text = NEWER[name].replace("CERT", json.dumps((folder / "server.pem").read_text()))
    file.write_text(text.replace("KEY", json.dumps((folder / "server.key").read_text())))
    assert (WebConfigFile(file).ssl_context() is not None) == ("tls_server_config" in text)
    check = [tool("promtool"), "check", "web-config", str(file)]
    verdict = subprocess.run(check, capture_output=True, text=True, check=False, timeout=20)
    unknown = f"field {name.split(maxsplit=1)[0]} not found"
    assert verdict.returncode == 0 or unknown in verdict.stderr + verdict.stdout, verdict.stderr


def test_header_values(folder: Path) -> None:
    file = folder / "headers.yml"
    file.write_text(ACCEPTED["headers"])
    assert dict(WebConfigFile(file).headers) == {
        "X-XSS-Protection": "1",
        "X-Frame-Options": "sameorigin",
        "Strict-Transport-Security": "max-age=1; preload",
        "X-Content-Type-Options": "nosniff",
    }
    file.write_text(ACCEPTED["folded header"])
    assert dict(WebConfigFile(file).headers) == {"Content-Security-Policy": "a b"}
