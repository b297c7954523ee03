"""How long a Retry-After header says to wait."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api import Client
from exporter.api.client import seconds_to_wait
from exporter.errors import PollError
from tests import build

NOW = 1_750_000_000.0  # Sun, 15 Jun 2025 15:06:40 GMT


@pytest.fixture
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "EST5EDT")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("999999999999999999", 1e18),
        ("Sun, 15 Jun 2025 15:07:40 GMT", 60.0),
        ("Sunday, 15-Jun-25 15:07:40 GMT", 60.0),
        ("Sun, 15 Jun 2025 17:07:40 +0200", 60.0),
        ("Sun Jun 15 15:07:40 2025", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_652_300_799.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Sun, 31 Feb 2025 15:07:40 GMT", None),
        *((header, None) for header in ("", "-1", "1.5", "1e3", "٣", "9" * 5000, "60, 120", "soon")),
    ],
)
@pytest.mark.usefixtures("_in_new_york")
def test_retry_after(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@given(st.one_of(st.text(), st.text("0123456789 ,:+-GMTSunJ.", max_size=40)))
def test_no_retry_after_breaks_the_reading_of_it(header: str) -> None:
    seconds = seconds_to_wait(header, NOW)

    assert seconds is None or seconds >= 0


def test_retry_after_travels_with_the_failure() -> None:
    headers = {"Retry-After": "Sun, 15 Jun 2025 15:07:40 GMT"}
    transport = httpx.MockTransport(lambda _: httpx.Response(503, headers=headers))
    asked = Client(build.access(), transport=transport, wall=lambda: NOW)

    with pytest.raises(PollError) as raised:
        asyncio.run(asked.get("camp_123"))

    assert (raised.value.failure.reason, raised.value.failure.retry_after) == ("server_error", 60.0)
