"""Serving: the exporter, its pages and the signals it obeys, from the first connection to the last."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from exporter import __version__
from exporter.app import Exporter
from exporter.options import WebOptions
from exporter.web.endpoints import application
from exporter.web.server import Listener, Server

if TYPE_CHECKING:
    from exporter.toolkit import WebConfigFile

log = structlog.get_logger()

T = TypeVar("T")

_COLLECT_EVERY = 300.0
"""Seconds."""


class OutputError(Exception):
    """Report that stdout takes nothing, and why."""


def write(data: bytes) -> None:
    """Write to stdout at once. Raises OutputError, as where the disk is full or the reader has gone."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"stdout cannot be written to: {error.strerror}") from None


def say(*lines: str) -> None:
    """Print lines on stdout at once. Raises OutputError."""
    write("".join(f"{line}\n" for line in lines).encode(sys.stdout.encoding, "backslashreplace"))


def run(program: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end, in a process that does little beside it."""
    # So long a thread that computes keeps the event loop waiting, at each system call anew: Python's 5 ms add up.
    sys.setswitchinterval(0.0001)
    # A full collection stops everything, with 10,000 campaigns for 25 ms, with 50,000 for 140 ms: it comes when
    # collect_garbage says so, not in the midst of a reload.
    gc.set_threshold(*gc.get_threshold()[:2], 1000)
    gc.enable()
    return asyncio.Runner().run(program)  # to close it would wait for threads, of which one may hang in a name lookup


async def serve(exporter: Exporter, given: WebOptions, listeners: Sequence[Listener], hangups: Sequence[int]) -> None:
    """Poll and serve until SIGTERM or SIGINT; SIGHUP reloads, also one that came before this was called."""
    stop = stop_on_signals()
    web_config = read_web_config(given)
    app = application(exporter, telemetry_path=given.web_telemetry_path, lifecycle=given.web_enable_lifecycle)
    for listener in listeners:
        log.info("listening", address=str(listener), version=__version__)
    if web_config:
        exporter.follow_web_config(web_config)
    server = Server(app, listeners, web_config)
    await server.start()
    await exporter.start()
    exporter.run_in_background("collecting garbage", collect_garbage())
    _reload_on_hangup(exporter, is_due=bool(hangups))
    _tell_systemd_that_it_is_ready()
    await stop.wait()
    log.info("stopping")
    await server.close_listeners()  # first, so that nobody new is let down
    await exporter.stop()
    await server.close()


async def collect_garbage() -> None:
    """Free what refers to itself: asyncio's closed connections do, and thousands of them may come in an hour."""
    while True:
        await asyncio.sleep(_COLLECT_EVERY)
        gc.collect()


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _reload_on_hangup(exporter: Exporter, *, is_due: bool) -> None:
    hangup = asyncio.Event()

    async def run() -> None:
        while True:
            await hangup.wait()
            hangup.clear()
            await exporter.reload()

    exporter.run_in_background("reloading at SIGHUP", run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup.set)
    if is_due:
        hangup.set()


def _tell_systemd_that_it_is_ready() -> None:
    """Do what sd_notify(3) does, for a unit with `Type=notify`."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", f"\0{address[1:]}" if address.startswith("@") else address)


def read_web_config(given: WebOptions) -> "WebConfigFile | None":
    """Return what the web configuration file says, None where there is none. Raises ConfigError."""
    if given.web_config_file is None:
        return None
    from exporter.toolkit import WebConfigFile  # noqa: PLC0415 - without such a file nobody pays for it

    return WebConfigFile(given.web_config_file)
