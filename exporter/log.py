"""One line an event on stderr, as logfmt or JSON; libraries' own log lines come the same way."""

import contextlib
import logging
import select
import sys
from typing import Any, Literal, TextIO

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_QUIET = {
    "httpx": logging.WARNING,  # logs each URL
    "apscheduler": logging.ERROR,  # two lines a run, and a sweep that overruns is told of by ours
    "asyncio": logging.WARNING,
    "aiohttp": logging.WARNING,
}


def configure(level: str, log_format: Literal["logfmt", "json"], stream: TextIO | None = None) -> None:
    """Send all events of at least `level` to `stream`, by default stderr."""
    render = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], drop_missing=True)
    )
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(_Unfailing(stream or sys.stderr)),  # type: ignore[arg-type]  # a file
    )
    logging.basicConfig(handlers=[_Forward()], level=LEVELS[level], force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, LEVELS[level]))


class _Unfailing:
    """Write to a stream that may be closed, full or read by nobody: what can't be told must not stop the program."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            if _has_room(self._stream):
                self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _has_room(stream: TextIO) -> bool:
    """Return whether a line can be written without waiting: a pipe may be full because its reader hangs."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # not a file, or closed
        return True
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return bool(poll.poll(0))


class _Forward(logging.Handler):
    """Pass what libraries log on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the arguments do not fit the text
            message = str(record.msg)
        exception: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        level = max((level for level in LEVELS.values() if level <= record.levelno), default=logging.DEBUG)
        structlog.get_logger().log(level, message, logger=record.name, **exception)
