"""Where a key comes from, what is said of one that is none, and that it is never shown."""

import copy
import os
import pickle
from pathlib import Path

import pytest

from exporter.config import Api
from exporter.secret import KeySource, KeyUnavailableError, Secret

KEY = "sk_canary_1"
ENV = "LEADTERRA_TEST_SECRET"
LEAVE = ": leave only the key"
MISTAKES = {
    "is empty": ("", " \r\n"),
    "begins with a byte order mark (BOM): save it as UTF-8 without one": (f"\ufeff{KEY}",),
    f"has more than one line{LEAVE}": (f"{KEY}\n{KEY}", f"# the key\r\n{KEY}"),
    f"has quotes in it{LEAVE}": (f'"{KEY}"', f"'{KEY}'", f"\u201c{KEY}\u201d"),
    f"has Bearer in front of the key{LEAVE}": (f"Bearer {KEY}", f"Authorization: bearer {KEY}"),
    f"has a name in front of the key{LEAVE}": (f"LEADTERRA_API_KEY={KEY}", f"export KEY={KEY}", f"api_key: {KEY}"),
    "holds an address, not a key": (f"https://app.leadterra.co/{KEY}", f"op://vault/{KEY}"),
    "holds a path, not a key: api_key_file names a file": (
        "./api_key",
        "C:\\keys\\acme",
        "/run/secrets/api_key",
        "file:/run/secrets/api_key",
    ),
    "is masked: copy the whole key": ("sk_live_****1234", "sk_live_\u2026"),
    "is a placeholder, not a key": (
        "${API_KEY}",
        "sk_live_YOUR_KEY",
        "<key>",
        "YOUR-API-KEY",
        "undefined",
        "sk_live_REPLACE_ME",
        "sk_live_xxxx",
    ),
    "is still encrypted: decrypt it": ("ENC[AES256_GCM,data:canary]",),
    f"has a comma or semicolon in it{LEAVE}": (f"{KEY};", f"{KEY},{KEY}"),
    f"has a backslash in it{LEAVE}": (f"{KEY}\\n",),
    "is still in Base64: decode it": ("c2tfY2FuYXJ5XzE=",),
    f"has a blank in it{LEAVE}": (f"{KEY} {KEY}", f"sk_\xa0{KEY}"),
    "has a character that cannot stand in a key": (f"{KEY}\u200b", f"{KEY}\0", f"{KEY}\x7f", f"{KEY}\xe9"),
    "is longer than 1000 characters, which no key is": ("k" * 1001,),
}


@pytest.mark.parametrize("content", [KEY, f"{KEY}\n", f"  {KEY}\r\n\n", f"\xa0{KEY}"])
def test_a_file_holds_the_key_and_white_space(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, "utf-8")
    assert KeySource(file=file).read() == Secret(KEY)


@pytest.mark.parametrize("key", [KEY, "a-B_c.d~e/f+g==", "0123456789abcdef", "user:password"])
def test_a_variable_holds_the_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(ENV, f"{key}\n")
    assert KeySource(env=ENV).read().reveal() == key


@pytest.mark.parametrize(("said", "content"), [(said, each) for said, of in MISTAKES.items() for each in of], ids=ascii)
def test_what_is_no_key_is_refused_by_place_and_says_what_it_is(tmp_path: Path, said: str, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content, "utf-8")
    with pytest.raises(KeyUnavailableError) as raised:
        KeySource(file=file).read()
    assert str(raised.value) == f"file {file} {said}"
    assert "canary" not in str(raised.value)


def test_what_is_not_there_is_refused_by_place(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes("sk_".encode("utf-16"))
    os.mkfifo(tmp_path / "pipe")
    expected = {
        KeySource(file=tmp_path / "none"): f"file {tmp_path / 'none'}: No such file or directory",
        KeySource(file=tmp_path): f"file {tmp_path} is not a file",
        KeySource(file=tmp_path / "pipe"): f"file {tmp_path / 'pipe'} is not a file",
        KeySource(file=tmp_path / "binary"): f"file {tmp_path / 'binary'} is not UTF-8 text",
        KeySource(env=ENV): f"environment variable {ENV} is not set",
    }
    for source, message in expected.items():
        with pytest.raises(KeyUnavailableError) as raised:
            source.read()
        assert str(raised.value) == message
        assert raised.value.__cause__ is None


def test_nothing_shows_a_key_or_a_proxys_password_and_it_is_not_spread() -> None:
    secret = Secret(KEY)
    assert {repr(secret), str(secret), f"{secret}", f"{secret!r}"} == {"<secret>"}
    assert (secret, hash(secret)) == (Secret(KEY), hash(Secret(KEY)))
    assert secret != Secret(f"{KEY}2")
    assert "canary" not in repr(Api(proxy_url="http://user:canary@proxy"))
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a secret is neither copied nor written anywhere"):
            spread(secret)
