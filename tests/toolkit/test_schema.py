"""What a web configuration file may say, and in which words the rest is refused."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import ConfigError
from exporter.toolkit import WebConfigFile
from exporter.toolkit.schema import read
from exporter.toolkit.tls import CLIENT_AUTH
from tests.process import ROOT
from tests.toolkit.conftest import HASH, IF_GIVEN, NO_HASH, TLS, VERIFY
from tests.tools import run

PEM = "PEM in this file is not supported: write it to a file of its own, and its name as"
NEEDS_TYPE = "needs client_auth_type: RequireAndVerifyClientCert; without it, remove client_ca_file"
SANS = "is not supported: remove it, and name a CA of these clients only in client_ca_file"
NO_FILE = "write the path of a PEM file, from the folder of this file on"
AUTH_TYPES = f"is not supported: write one of {', '.join(CLIENT_AUTH)}"
HEADERS = (
    "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection"
)
TLS_KEYS = "cert_file, key_file, client_ca_file, client_auth_type, min_version"
COLON = "put a text with a colon in quotes, and see that keys stand in one column"
SAYS_NOTHING = "write keys below it: "
FAULTY = {
    "junk": [f"1:1: is not a mapping: {SAYS_NOTHING}tls_server_config, http_server_config, basic_auth_users"],
    "a: b: c": [f"1:5: cannot be read as YAML: mapping values are not allowed in this context: {COLON}"],
    "basic_auth_users: [a]\ntls_server_config: true": [
        "1:19: basic_auth_users: is not a mapping: write a line for each user, like name: bcrypt hash",
        f"2:20: tls_server_config: is not a mapping: {SAYS_NOTHING}{TLS_KEYS}",
    ],
    f"{HASH}: a\n{'canary' * 11}: a\ntls_config: {{}}\nrate_limit: {{burst: 1, interval: 1s}}": [
        "1:1: (not shown): unknown key: known here: tls_server_config, http_server_config, basic_auth_users",
        "2:1: (not shown): unknown key: known here: tls_server_config, http_server_config, basic_auth_users",
        '3:1: tls_config: unknown key: did you mean "tls_server_config"?',
        "4:1: rate_limit: is not supported: remove it; docs/limits.md says what is limited, a proxy can do more",
    ],
    f"""\
basic_auth_users:
  alice: {HASH.replace("$2b", "$2")}
  bob:
  carol: [canary]
  '{HASH}': {HASH.replace("$04", "$03")}
  dave: {HASH.replace("$04", "$19")}
  erin: {HASH}x
  'a:b': '{HASH}'
  "a\\tb": '{HASH}'
http_server_config:
  http2: true
  gzip: true
  headers:
    Server: x
    x-frame-options: deny
    X-Frame-Options: DENY
    X-Content-Type-Options: canary
    X-XSS-Protection: "a\\0b"
""": [
        f"2:10: basic_auth_users.alice: {NO_HASH}",
        f"3:7: basic_auth_users.bob: {NO_HASH}",
        "4:10: basic_auth_users.carol: is not text",
        f"5:67: basic_auth_users.(not shown): {NO_HASH}",
        f"6:9: basic_auth_users.dave: {NO_HASH}",
        f"7:9: basic_auth_users.erin: {NO_HASH}",
        '8:3: basic_auth_users["a:b"]: has a colon or a control character, which no user name can have',
        '9:3: basic_auth_users["a\\tb"]: has a colon or a control character, which no user name can have',
        "11:3: http_server_config.http2: is not supported: remove it, every client of HTTP/2 speaks HTTP/1.1 too",
        "12:3: http_server_config.gzip: unknown key: known here: headers",
        f"14:5: http_server_config.headers.Server: unknown key: known here: {HEADERS}",
        '15:5: http_server_config.headers.x-frame-options: unknown key: did you mean "X-Frame-Options"?',
        "16:22: http_server_config.headers.X-Frame-Options: is not supported: write one of deny, sameorigin",
        "17:29: http_server_config.headers.X-Content-Type-Options: is not supported: write one of nosniff",
        "18:23: http_server_config.headers.X-XSS-Protection: has a character that cannot stand in a header",
    ],
    "tls_server_config:\n  cert: canary\n  key: canary\n  client_ca: canary": [
        "2:3: tls_server_config: the key cert_file is missing: write cert_file: and its value",
        "2:3: tls_server_config: the key key_file is missing: write key_file: and its value",
        f"2:3: tls_server_config.cert: {PEM} cert_file",
        f"3:3: tls_server_config.key: {PEM} key_file",
        f"4:3: tls_server_config.client_ca: {PEM} client_ca_file",
    ],
    """\
tls_server_config:
  cert_file: [a]
  key_file:
  ca_file: x
  password: x
  client_auth_type: RequireAnyClientCert
  client_ca_file: [canary]
  min_version: TLS10
  max_version: 1.2
  prefer_server_cipher_suites: 1
  cipher_suites: [canary]
  curve_preferences: ['', CurveP256]
""": [
        "2:3: tls_server_config: the key key_file is missing: write key_file: and its value",
        "2:14: tls_server_config.cert_file: is not text",
        '4:3: tls_server_config.ca_file: unknown key: did you mean "cert_file"?',
        f"5:3: tls_server_config.password: unknown key: known here: {TLS_KEYS}",
        f"6:21: tls_server_config.client_auth_type: {AUTH_TYPES}",
        "7:19: tls_server_config.client_ca_file: is not text",
        "8:16: tls_server_config.min_version: is not supported: write one of TLS12, TLS13",
        "9:3: tls_server_config.max_version: is not supported: remove it, whoever speaks TLS 1.2 is served",
        "10:3: tls_server_config.prefer_server_cipher_suites: is not supported: remove it, Go passes over it, too",
        "11:3: tls_server_config.cipher_suites: is not supported: remove it; TLS 1.3 leaves no choice",
        "12:3: tls_server_config.curve_preferences: is not supported: remove it, OpenSSL chooses as Go does",
    ],
    TLS + "  client_allowed_sans: [a]\n  client_ca_file: ca.pem": [
        f"4:3: tls_server_config.client_allowed_sans: {SANS}",
        f"5:19: tls_server_config.client_ca_file: {NEEDS_TYPE}",
    ],
    TLS + "  client_auth_type: RequireAndVerifyClientCert": [
        "4:21: tls_server_config.client_auth_type: RequireAndVerifyClientCert needs client_ca_file"
    ],
    TLS.replace("server.pem", ".").replace("server.key", '"a\\0b"'): [
        f"2:3: tls_server_config.cert_file: is not a file: {NO_FILE}",
        f"3:3: tls_server_config.key_file: does not exist: {NO_FILE}",
    ],
}

ACCEPTED = {
    "empty": "# nothing\n",
    "empty sections": "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\n",
    "no client certificate": TLS + "  client_auth_type: NoClientCert\n",
    "blank client_auth_type": TLS + "  client_auth_type:\n  client_ca_file: ''\n",
    "client certificate if given": IF_GIVEN,
    "client certificate if given, of any authority that the system trusts": IF_GIVEN.replace("clients.pem", "''"),
    "client certificate": VERIFY,
    "versions": TLS + "  min_version: TLS12\n",
    "no headers": "http_server_config: {headers: }\n",
    "client certificate that is not looked at": TLS + "  client_auth_type: RequestClientCert\n",
    "client_allowed_sans of nobody": TLS + "  client_allowed_sans: []\n",
    "headers": "http_server_config: {headers: {X-XSS-Protection: 1, X-Frame-Options: sameorigin,"
    " Content-Security-Policy: , Strict-Transport-Security: max-age=1; preload, X-Content-Type-Options: nosniff}}\n",
    "folded header": "http_server_config:\n  headers:\n    Content-Security-Policy: |\n      a\n      b\n",
    "users": f"basic_auth_users: {{12: '{HASH.replace('b', 'y', 1)}', '': '{HASH.replace('$04', '$18')}'}}\n",
    "users by reference": f"basic_auth_users: {{alice: &hash '{HASH}', bob: *hash}}\n",
    "the documented example": (ROOT / "docs" / "examples" / "web-config.yaml").read_text(),
}


def refused(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        WebConfigFile(file)
    assert str(error.value).splitlines() == list(map(str, error.value.problems))
    assert "canary" not in str(error.value)
    assert HASH[7:] not in str(error.value)
    return [str(problem).removeprefix(f"{file}:") for problem in error.value.problems]


@pytest.mark.parametrize("text", FAULTY, ids=range(len(FAULTY)))
def test_every_problem_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "web.yml"
    file.write_text(text)
    assert refused(file) == FAULTY[text]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("#" * 65537)
    assert refused(file) == ["1:1: is larger than 64 KiB"]
    assert refused(tmp_path) == ["1:1: is not a file"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_passes_promtool_too(config: Path, name: str) -> None:
    config.write_text(ACCEPTED[name])
    assert (WebConfigFile(config).ssl_context is not None) == ("cert_file" in ACCEPTED[name])
    verdict = run("promtool", "check", "web-config", config)
    key = name.partition(" ")[0]
    assert verdict.returncode == 0 or f"field {key} not found" in verdict.stderr, verdict.stderr  # an old promtool


LINES = sorted({line for text in (*FAULTY, *ACCEPTED.values()) for line in text.splitlines()})
SCALARS = st.sampled_from(
    ["", "null", "true", "-1", "1e999", "'", '"\\ud800"', "[]", "{a: b}", "&a [*a]", "!!x y", "\t"]
)


@given(st.lists(st.sampled_from(LINES) | st.builds("{}: {}".format, st.sampled_from(LINES), SCALARS) | st.text()))
def test_any_file_is_read_or_refused_with_places(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_text("\n".join(lines), errors="surrogateescape")
    try:
        read(file)
    except ConfigError as error:
        told = str(error)
        file_line_column = re.compile(re.escape(str(file)) + r":[1-9]\d*:[1-9]\d*: .")
        assert all(map(file_line_column.match, told.splitlines()))
        assert "canary" not in told
        assert HASH[7:] not in told
