"""One event, one line, whatever is in it."""

import io
import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from exporter import log

Format = Literal["logfmt", "json"]
NAMES = ["debug", "info", "warning", "error"]


def lines(log_format: Format, tell: Callable[[], Any], level: str = "debug") -> list[str]:
    stream = io.StringIO()
    log.configure(level, log_format, stream)
    tell()
    return stream.getvalue().splitlines()


def test_an_event_is_one_line_in_either_format() -> None:
    values: dict[str, Any] = {"workspace": "acme", "count": 3, "detail": 'ü "b"\nc=d'}

    def event() -> None:
        structlog.get_logger().warning("poll failed", **values)

    (line,) = lines("logfmt", event)
    assert re.fullmatch(
        r'ts=20\S+Z level=warning msg="poll failed" workspace=acme count=3 detail="ü \\"b\\"\\nc=d"', line
    )
    (line,) = lines("json", event)
    told = json.loads(line)
    assert told.pop("ts").endswith("Z")
    assert told == {"level": "warning", "msg": "poll failed", **values}
    assert "ü" in line


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_an_exception_is_one_line(log_format: Format) -> None:
    def tell(logger: Any) -> None:
        try:
            int("first\nsecond")
        except ValueError:
            logger.exception("internal error")

    for logger in (structlog.get_logger(), logging.getLogger("library")):
        (line,) = lines(log_format, partial(tell, logger))
        assert "Traceback (most recent call last)" in line
        assert "ValueError: invalid literal" in line


@pytest.mark.parametrize(
    ("level", "told"),
    [("debug", NAMES), ("info", NAMES[1:]), ("warn", NAMES[2:]), ("error", NAMES[3:])],
)
@pytest.mark.parametrize("get", [structlog.get_logger, lambda: logging.getLogger("library")])
def test_the_level_holds_for_us_and_for_libraries(get: Callable[[], Any], level: str, told: list[str]) -> None:
    def tell() -> None:
        logger = get()
        for name in NAMES:
            getattr(logger, name)("event")

    assert [json.loads(line)["level"] for line in lines("json", tell, level)] == told


def test_a_library_is_told_of_by_name_and_one_that_talks_is_quiet_even_at_debug() -> None:
    def tell() -> None:
        logging.getLogger("httpx").info("GET https://...")
        logging.getLogger("apscheduler.executors.default").warning("skipped")
        logging.getLogger("aiohttp.access").info("GET /")
        logging.getLogger("asyncio").debug("Using selector")
        logging.getLogger("some.library").warning("%d %s", 100, "%")

    (line,) = lines("logfmt", tell)
    assert line.endswith('level=warning msg="100 %" logger=some.library')


def test_a_stream_that_cannot_be_written_and_an_odd_event_end_nothing() -> None:
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - it is closed below
    log.configure("info", "logfmt", full)
    structlog.get_logger().info("told to nobody")
    with suppress(OSError):
        full.close()
    logging.getLogger("library").warning("told to nobody")
    for level, message, *argument in ((15, "a level of the library's own"), (30, "%d is no number", "x")):
        lines("logfmt", partial(logging.getLogger("library").log, level, message, *argument))
