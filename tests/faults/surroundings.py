"""Faults of what is around the exporter: names, certificates, clock, files, descriptors, the log's reader."""

import fcntl
import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.certificates import Pair, replace_file
from tests.faults.world import KEY, NEXT_KEY, Process, Workspace
from tests.tools import need


def host_unknown(here: Workspace) -> Iterator[None]:
    (here.config_file.parent / "resolves").unlink()
    here.api.keeps_connections = False  # one that is open needs no name
    here.api.do(here.api.drop_connections())
    yield
    here.api.keeps_connections = True
    (here.config_file.parent / "resolves").touch()


def refused(here: Workspace) -> Iterator[None]:
    here.api.do(here.api.refuse())
    yield
    here.api.do(here.api.listen())


def presented(here: Workspace, certificate: str) -> Iterator[None]:
    """Make the API present another certificate than the good one."""
    present(here, certificate)
    yield
    present(here, "good")


def authority_changed(here: Workspace) -> Iterator[None]:
    both = [(here.folder / name).read_text() for name in ("authority.pem", "other.pem")]
    replace_file(here.folder / "authority.pem", "\n".join(both))
    yield
    present(here, "stranger")


def present(here: Workspace, name: str) -> None:
    here.api.do(here.api.present(Pair(here.folder / f"{name}.pem", here.folder / f"{name}.key")))


def key_file(here: Workspace, text: str | None) -> Iterator[None]:
    """Write this text to the key's file, or remove it, and afterwards the next key, which is used."""
    here.key_file.unlink()
    if text is not None:
        here.key_file.write_text(text)
    yield
    replace_file(here.key_file, NEXT_KEY)
    here.wait_for_requests(1, NEXT_KEY)


def storm_of_keys(here: Workspace) -> Iterator[None]:
    """Replace the file by two good keys in turn."""
    stop = threading.Event()

    def storm() -> None:
        while not stop.wait(0.001):
            for key in (KEY, NEXT_KEY):
                replace_file(here.key_file, key)

    with ThreadPoolExecutor(1) as pool:
        storming = pool.submit(storm)
        yield
        stop.set()
        storming.result()
    here.wait_for_requests(4, NEXT_KEY)


def descriptors_exhausted(here: Workspace) -> Iterator[None]:
    pid = here.exporter.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    here.api.do(here.api.drop_connections())
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert here.ask("/-/healthy") == 200  # over a new connection


def config_is_a_directory(here: Workspace) -> Iterator[None]:
    aside = here.config_file.rename(here.config_file.with_name("aside.yaml"))
    here.config_file.mkdir()
    assert here.reload() == 500
    yield
    assert "leadterra_exporter_config_last_reload_successful 0.0" in here.scraper.scrapes[-1].page
    here.config_file.rmdir()
    aside.rename(here.config_file)
    assert here.reload() == 200


# libfaketime shifts what the exporter reads of the wall clock while it runs; a time namespace cannot, and setting the
# machine's clock is not a test's business. The monotonic clock stays, as it does when a real clock is set.
_FAKETIME = next((str(file) for file in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), "")

FAKE_CLOCK = Process(
    prepare=lambda root: (root / "shift").write_text(need("faketime") and "+0"),
    environment={
        "LD_PRELOAD": _FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": "{folder}/shift",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it, threads that wait for Python's lock wait for seconds
        "NO_FAKE_STAT": "1",
    },
)


def clock_shifted(here: Workspace, seconds: int) -> Iterator[None]:
    """Shift the wall clock; the readings' times follow it, and people still get their page."""
    shift = here.config_file.with_name("shift")
    replace_file(shift, f"{seconds:+}")
    yield
    last_success = here.scraper.scrapes[-1].campaigns[here.campaigns[0]].last_success
    assert last_success is not None
    assert abs(last_success - time.time() - seconds) < 10
    assert (here.ask("/"), here.ask("/api/v1/campaigns")) == (200, 200)
    replace_file(shift, "+0")


def much_logged(here: Workspace) -> Iterator[None]:
    """Log some 10 kB; no socket gets stderr's number."""
    for _ in range(80):
        assert here.reload() == 200
    yield
    assert "socket" not in str(Path(f"/proc/{here.exporter.process.pid}/fd/2").readlink())


_ONE_LINE = 'head -n 1 <"{folder}/log" >"{folder}/read" & exec "$@" 2>"{folder}/log"'
LOG_READER_GONE = Process(lambda root: os.mkfifo(root / "log"), _ONE_LINE)
LOG_READER_HANGS = Process(lambda root: os.mkfifo(root / "log"), 'exec "$@" 2<>"{folder}/log"')


def pipe_filled(here: Workspace) -> Iterator[None]:
    """Log more than fits into the pipe that nobody reads."""
    pipe = os.open(here.config_file.with_name("log"), os.O_RDWR)
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    yield from much_logged(here)
    os.close(pipe)
