"""When mail is expected to go out, by the clocks of the place."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exporter.config import Sending

OFFICE = Sending(hours=((540, 720), (780, 1020)), timezone="Europe/Berlin")
NIGHT = Sending(days=(4,), hours=((1320, 1800),), timezone="America/New_York")
BERLIN_NIGHT = Sending(days=tuple(range(7)), hours=((120, 180),), timezone="Europe/Berlin")
ROWS = [
    (Sending(), "2026-11-02T00:00+00:00", True),  # a Monday
    (Sending(), "2026-11-01T23:59+00:00", False),
    (Sending(), "2026-11-06T23:59:59+00:00", True),
    (Sending(), "2026-11-07T00:00+00:00", False),
    (OFFICE, "2026-11-02T08:59:59+01:00", False),
    (OFFICE, "2026-11-02T09:00+01:00", True),
    (OFFICE, "2026-11-02T12:00+01:00", False),
    (OFFICE, "2026-11-02T13:00+01:00", True),
    (OFFICE, "2026-11-02T17:00+01:00", False),
    (OFFICE, "2026-07-06T08:59+02:00", False),  # in summer the same hours by the clock
    (OFFICE, "2026-07-06T09:00+02:00", True),
    (NIGHT, "2026-11-06T21:59-05:00", False),
    (NIGHT, "2026-11-06T22:00-05:00", True),
    (NIGHT, "2026-11-07T05:59-05:00", True),  # Saturday's morning belongs to Friday
    (NIGHT, "2026-11-07T06:00-05:00", False),
    (NIGHT, "2026-11-06T05:00-05:00", False),  # and Friday's to Thursday
    (BERLIN_NIGHT, "2026-03-29T01:59:59+01:00", False),
    (BERLIN_NIGHT, "2026-03-29T03:00+02:00", False),  # this night has no hour from 2 to 3
    (BERLIN_NIGHT, "2026-10-25T02:30+02:00", True),  # and this one has it twice
    (BERLIN_NIGHT, "2026-10-25T02:30+01:00", True),
    (BERLIN_NIGHT, "2026-10-25T03:00+01:00", False),
    (Sending(days=(6,), hours=((1380, 1500),)), "2026-11-02T00:30+00:00", True),
]


@pytest.mark.parametrize(("sending", "at", "expected"), ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_mail_is_expected_by_the_clocks_of_the_place(sending: Sending, at: str, expected: bool) -> None:  # noqa: FBT001  # a column
    assert sending.is_expected(datetime.fromisoformat(at).timestamp()) is expected


@pytest.mark.parametrize(("begin", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-02", 24)])
def test_a_whole_day_is_as_long_as_the_clocks_make_it(begin: str, hours: int) -> None:
    always = Sending(days=(datetime.fromisoformat(begin).weekday(),), timezone="Europe/Berlin")
    midnight = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    assert sum(always.is_expected(midnight + minute * 60) for minute in range(-1440, 2 * 1440)) == hours * 60
