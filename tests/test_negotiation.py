"""Which format and encoding a client gets for what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import Format, accepts_gzip, choose_format

NAMED = "application/openmetrics-text"
TEXT, OPENMETRICS = "text/plain; version=0.0.4; charset=utf-8", f"{NAMED}; version=1.0.0; charset=utf-8"

# fmt: off
AS_TEXT = (
    "", "*/*", "text/plain", "text/*", "application/*", "application/json",
    "x/y," * 1000 + NAMED,  # nobody means it, and reading a million of them would take a second
    f"text/plain;version=0.0.4;q=0.6,{NAMED};version=1.0.0;q=0.5,*/*;q=0.2",  # Prometheus, where text is preferred
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",  # Firefox
    f"{NAMED};q=0", f"{NAMED};version=1.0.0;q=0,*/*", f"{NAMED};q=0.4,text/plain;q=0.5",
    *(f"{NAMED};q={weight}" for weight in ("abc", "", "nan", "inf", "-1")),
    f"{NAMED};version=1.0.0;q=0.1,{NAMED};q=0.9,text/plain;q=0.5",  # the more exact range counts, wherever it stands
    *(f"{NAMED};version={version}" for version in ("0.0.1", "9.9.9", "abc", "")), "text/plain;version=9.9.9",
    "/;q=0.1", ";;;,,,===", 'text/plain;x="a,b;c": "', "\x00\xff",
)
AS_OPENMETRICS = (
    # Prometheus 2.42, 3, and where protobuf is preferred
    f"{NAMED};version=1.0.0,{NAMED};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    (f"{NAMED};version=1.0.0;escaping=allow-utf-8;q=0.6,{NAMED};version=0.0.1;q=0.5,"
     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
    ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
     f"{NAMED};version=1.0.0;q=0.5,{NAMED};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
    f"{NAMED};q=0.5,text/plain;q=0.5", f"{NAMED};q=0.5,text/plain;q=0.4", f"text/plain;q=0,{NAMED}",
    f"{NAMED};q=7,text/plain", f"{NAMED};q=0.1,{NAMED};version=1.0.0;q=0.9,text/plain;q=0.5",
    NAMED, NAMED.upper(), f"  {NAMED} ; version = 1.0.0 ; q = 1 ", f'{NAMED}; version="1.0.0"; charset="utf-8"',
    f"junk,{NAMED}",
)
AS_GZIP = ("gzip", "GZIP", "gzip, deflate, br, zstd", "*", "*;q=0, gzip", "gzip;q=0.001")
NOT_AS_GZIP = (
    "", "identity", "deflate, br", "*;q=0", "gzip;q=0, *", "gzip;q=0.000", "gzip;q=x", "x-gzip", ";,=",
)
# fmt: on


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [*((accept, TEXT) for accept in AS_TEXT), *((accept, OPENMETRICS) for accept in AS_OPENMETRICS)],
)
def test_format_is_chosen_and_named_as_prometheus_3_demands(accept: str, chosen: str) -> None:
    assert choose_format(accept).value == chosen


def test_encoding() -> None:
    assert {each: accepts_gzip(each) for each in AS_GZIP + NOT_AS_GZIP} == {
        **dict.fromkeys(AS_GZIP, True),
        **dict.fromkeys(NOT_AS_GZIP, False),
    }


PIECES = st.sampled_from([*";,=*/\"' q", "q=", "version=", "text/plain", NAMED, "gzip", "1.0.0", "0.5", "1e999", "٣"])


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_header_gets_an_answer(header: str) -> None:
    assert choose_format(header) in Format
    assert accepts_gzip(header) in (True, False)
