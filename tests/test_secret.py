"""Where a key comes from, when it is read again, and that it is never shown."""

import copy
import os
import pickle
import resource
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from exporter import log
from exporter.config import Api
from exporter.secret import ApiKey, KeySource, KeyUnavailableError

KEY = "sk_canary_1"
NEW = "sk_canary_2"
ENV = "LEADTERRA_TEST_SECRET"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(KEY)
    return file


@pytest.mark.parametrize("content", [KEY, f"{KEY}\n", f"  {KEY}\r\n\n"])
def test_a_file_holds_the_key_and_white_space(file: Path, content: str) -> None:
    file.write_text(content)

    assert KeySource(file=file).read() == KEY


def test_a_variable_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, f"{KEY}\n")

    assert ApiKey(KeySource(env=ENV)).value() == KEY


@pytest.mark.parametrize(
    "content", ["", " \n", "two words", "sk_\nX-Header: 1", "sk_\x00", "sk_é", "sk_\x7f", "\ufeffsk_"]
)
def test_what_cannot_be_a_key_is_refused_by_place(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")

    with pytest.raises(KeyUnavailableError) as raised:
        KeySource(file=file).read()

    problem = "holds a character that cannot stand in a key" if content.strip() else "is empty"
    assert str(raised.value) == f"file {file} {problem}"


def test_what_is_not_there_is_refused_by_place(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    expected = {
        KeySource(file=tmp_path / "none"): f"file {tmp_path / 'none'}: No such file or directory",
        KeySource(file=tmp_path): f"file {tmp_path} is not a file",
        KeySource(file=tmp_path / "binary"): f"file {tmp_path / 'binary'} is not text",
        KeySource(env=ENV): f"environment variable {ENV} is not set",
    }

    for source, message in expected.items():
        with pytest.raises(KeyUnavailableError) as raised:
            ApiKey(source).value()
        assert str(raised.value) == message
        assert raised.value.__cause__ is None


def test_a_key_that_comes_later_is_found(tmp_path: Path) -> None:
    key = ApiKey(KeySource(file=tmp_path / "key"))
    with pytest.raises(KeyUnavailableError):
        key.value()

    (tmp_path / "key").write_text(KEY)

    assert key.value() == KEY


def test_a_file_written_over_is_read_again(file: Path) -> None:
    key = ApiKey(KeySource(file=file))
    assert key.value() == KEY

    file.write_text("sk_of_another_length")

    assert key.value() == "sk_of_another_length"


def test_a_file_moved_over_it_is_read_again_though_size_and_time_are_the_same(file: Path, tmp_path: Path) -> None:
    """Kubernetes and careful scripts replace a secret this way."""
    key = ApiKey(KeySource(file=file))
    assert key.value() == KEY

    beside = tmp_path / "new"
    beside.write_text(NEW)
    os.utime(beside, ns=(0, file.stat().st_mtime_ns))
    beside.replace(file)

    assert key.value() == NEW


def test_a_file_written_over_is_read_again_though_size_and_time_are_the_same(file: Path) -> None:
    """The same happens where an unreadable file is made readable later: only its ctime changes."""
    key = ApiKey(KeySource(file=file))
    assert key.value() == KEY
    before = file.stat().st_mtime_ns

    file.write_text(NEW)
    os.utime(file, ns=(0, before))

    assert key.value() == NEW


@pytest.mark.parametrize("broken", ["", "two words"])
def test_a_file_that_breaks_keeps_the_old_key_until_it_is_whole_again(file: Path, broken: str) -> None:
    key = ApiKey(KeySource(file=file))
    assert key.value() == KEY

    file.write_text(broken)
    assert key.value() == KEY
    file.unlink()
    assert key.value() == KEY
    file.write_text(NEW)
    assert key.value() == NEW


def test_nothing_shows_the_key(file: Path) -> None:
    key = ApiKey(KeySource(file=file))
    key.value()

    shown = [repr(key), str(key), f"{key}", repr(key.source), str(key.source)]
    assert KEY not in "".join(shown)
    assert shown[0] == f"<ApiKey from file {file}>"
    assert str(KeySource(env=ENV)) == f"environment variable {ENV}"


@pytest.mark.parametrize("spread", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_not_spread(file: Path, spread: Callable[[ApiKey], object]) -> None:
    key = ApiKey(KeySource(file=file))
    key.value()

    with pytest.raises(TypeError, match="a key is neither copied nor written anywhere"):
        spread(key)


def test_nothing_shows_a_proxys_password() -> None:
    assert "canary" not in repr(Api(proxy_url="http://user:canary@proxy"))


def test_a_pipe_is_no_key_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KeyUnavailableError, match="pipe is not a file"):
        KeySource(file=tmp_path / "pipe").read()


def test_a_file_that_is_gone_is_told_of_once_and_so_is_its_return(file: Path) -> None:
    told = StringIO()
    log.configure("info", "logfmt", told)
    key = ApiKey(KeySource(file=file))
    key.value()

    file.unlink()
    assert [key.value() for _ in range(3)] == [KEY] * 3
    file.write_text("")
    assert [key.value() for _ in range(3)] == [KEY] * 3
    file.write_text(NEW)
    assert [key.value() for _ in range(3)] == [NEW] * 3

    kept = "the API key cannot be read, the last one stays in use"
    assert [line.partition(" ")[2] for line in told.getvalue().splitlines()] == [
        f'level=warning msg="{kept}" detail="file {file}: No such file or directory"',
        f'level=info msg="the API key was read again" source="file {file}"',
    ]


def test_a_new_key_that_could_not_be_opened_is_read_as_soon_as_it_can(file: Path) -> None:
    key = ApiKey(KeySource(file=file))
    key.value()
    file.write_text("sk_of_another_length")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # stat() still says that there is a new file
    try:
        kept = key.value()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert (kept, key.value()) == (KEY, "sk_of_another_length")
