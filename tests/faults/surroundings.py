"""Faults of what is around the exporter: names, clock, files, descriptors, the log's reader."""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.world import ACME, KEY, NEXT_KEY, Setting, World
from tests.tools import need
from tests.web.pki import Authority, Pair, replace_file

# The process' own resolver, with one name added that is known while a file is there: no test may ask a real server.
_RESOLVER = """\
import pathlib, socket
resolve = socket.getaddrinfo
def getaddrinfo(host, *rest, **options):
    if host == "api.test":
        if not pathlib.Path(__file__).with_name("resolves").exists():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        host = "127.0.0.1"
    return resolve(host, *rest, **options)
socket.getaddrinfo = getaddrinfo
"""


def prepare_resolver(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(_RESOLVER)
    (folder / "resolves").touch()


def forget_host(world: World) -> None:
    (world.folder / "resolves").unlink()
    world.acme.keeps_connections = False  # one that is open needs no name
    world.acme.drop_connections()


def know_host(world: World) -> None:
    world.acme.keeps_connections = True
    (world.folder / "resolves").touch()


def _prepare_certificates(folder: Path) -> Pair:
    authority, here = Authority(folder, "authority"), "subjectAltName=IP:127.0.0.1"
    Authority(folder, "other").issue("stranger", here)
    authority.issue_expired("expired", here)
    return authority.issue("good", here)


TLS = Setting(prepare=_prepare_certificates, api_options=', ca_file: "{folder}/authority.pem"')


def present(name: str) -> Callable[[World], None]:
    def present_(world: World) -> None:
        world.acme.present(Pair(name, world.folder / f"{name}.pem", world.folder / f"{name}.key"))

    return present_


# libfaketime shifts what the exporter reads of the wall clock while it runs; a time namespace cannot, and setting the
# machine's clock is not a test's business. The monotonic clock stays, as it does when a real clock is set.
_FAKETIME = next((str(file) for file in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), "")
_SHIFT = "shift"


def _prepare_clock(folder: Path) -> None:
    need("faketime")
    replace_file(folder / _SHIFT, "+0")


FAKE_CLOCK = Setting(
    prepare=_prepare_clock,
    environment={
        "LD_PRELOAD": _FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": f"{{folder}}/{_SHIFT}",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it, threads that wait for Python's lock wait for seconds
        "NO_FAKE_STAT": "1",
    },
)


def shift_clock(seconds: int) -> Callable[[World], None]:
    return lambda world: replace_file(world.folder / _SHIFT, f"{seconds:+}")


def shows_clock(shift: int) -> Callable[[World], None]:
    """Check that the readings' times follow the clock and that people still get their page."""

    def check(world: World) -> None:
        shown = world.watcher.sightings[-1].campaigns[ACME[0]]
        assert shown.last_success is not None
        assert abs(shown.last_success - time.time() - shift) < 10
        assert (world.ask("/"), world.ask("/api/v1/campaigns")) == (200, 200)

    return check


def remove_key(world: World) -> None:
    world.key_file.unlink()


def empty_key(world: World) -> None:
    world.key_file.write_text("")


def rotate_key(world: World) -> None:
    """Put the next key where the last one was, and see it used."""
    replace_file(world.key_file, NEXT_KEY)
    world.wait_for_requests(1, NEXT_KEY)


def storm_of_keys(world: World) -> None:
    """Replace the file by two good keys in turn, as fast as it goes."""
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            for key in (KEY, NEXT_KEY):
                replace_file(world.key_file, key)

    thread = threading.Thread(target=storm)
    thread.start()
    world.at_end(lambda: world.wait_for_requests(4, NEXT_KEY))
    world.at_end(thread.join)
    world.at_end(stop.set)


def end(world: World) -> None:
    world.end()


def half_key(world: World) -> None:
    world.key_file.write_text(NEXT_KEY[: len(NEXT_KEY) // 2])


def whole_key(world: World) -> None:
    with world.key_file.open("a") as file:
        file.write(NEXT_KEY[len(NEXT_KEY) // 2 :])


def exhaust_descriptors(world: World) -> None:
    world.limit_descriptors(3)
    world.acme.drop_connections()
    world.globex.drop_connections()


def grant_descriptors(world: World) -> None:
    world.end()
    assert world.ask("/-/healthy") == 200  # over a new connection


def make_config_a_directory(world: World) -> None:
    world.config_file.rename(world.folder / "aside.yaml")
    world.config_file.mkdir()
    assert world.reload() == 500


def reload_failed(world: World) -> None:
    assert "leadterra_exporter_config_last_reload_successful 0.0" in world.watcher.sightings[-1].page


def restore_config(world: World) -> None:
    world.config_file.rmdir()
    (world.folder / "aside.yaml").rename(world.config_file)
    assert world.reload() == 200


def log_much(world: World) -> None:
    """Let some 10 kB be logged."""
    for _ in range(80):
        assert world.reload() == 200


def stderr_is_null(world: World) -> None:
    """Check that no socket got stderr's number."""
    assert Path(f"/proc/{world.pid}/fd/2").readlink() == Path(os.devnull)


def _prepare_pipe(folder: Path) -> None:
    os.mkfifo(folder / "log")


_ONE_LINE = 'head -n 1 <"{folder}/log" >"{folder}/read" & exec "$@" 2>"{folder}/log"'
LOG_READER_GONE = Setting(prepare=_prepare_pipe, command=_ONE_LINE)


LOG_READER_HANGS = Setting(prepare=_prepare_pipe, command='exec "$@" 2<>"{folder}/log"')


def fill_pipe(world: World) -> None:
    """Let more be logged than fits into the pipe that nobody reads."""
    pipe = os.open(world.folder / "log", os.O_RDWR)
    world.at_end(lambda: os.close(pipe))
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    log_much(world)
