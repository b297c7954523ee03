"""Which format and encoding a client gets for what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import Format, accepts_gzip, choose_format

TEXT, OPENMETRICS = Format.TEXT, Format.OPENMETRICS
NAMED = "application/openmetrics-text"

ACCEPTS = {
    "": TEXT,
    "x/y," * 1000 + NAMED: TEXT,  # nobody means it, and reading a million of them would take a second
    "*/*": TEXT,  # curl
    "text/plain": TEXT,
    "text/*": TEXT,
    "application/*": TEXT,
    "application/json": TEXT,
    # Prometheus 2.42
    f"{NAMED};version=1.0.0,{NAMED};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1": OPENMETRICS,
    # Prometheus 3, and where the text format or protobuf is preferred
    f"{NAMED};version=1.0.0;escaping=allow-utf-8;q=0.6,{NAMED};version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2": OPENMETRICS,
    f"text/plain;version=0.0.4;q=0.6,{NAMED};version=1.0.0;q=0.5,*/*;q=0.2": TEXT,
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    f"{NAMED};version=1.0.0;q=0.5,{NAMED};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2": OPENMETRICS,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": TEXT,  # Firefox
    # weights
    f"{NAMED};q=0": TEXT,
    f"{NAMED};version=1.0.0;q=0,*/*": TEXT,
    f"{NAMED};q=0.5,text/plain;q=0.5": OPENMETRICS,
    f"{NAMED};q=0.4,text/plain;q=0.5": TEXT,
    f"{NAMED};q=0.5,text/plain;q=0.4": OPENMETRICS,
    f"text/plain;q=0,{NAMED}": OPENMETRICS,
    f"{NAMED};q=abc": TEXT,
    f"{NAMED};q=": TEXT,
    f"{NAMED};q=nan": TEXT,
    f"{NAMED};q=inf": TEXT,
    f"{NAMED};q=-1": TEXT,
    f"{NAMED};q=7,text/plain": OPENMETRICS,
    # the more exact range counts, wherever it stands
    f"{NAMED};q=0.1,{NAMED};version=1.0.0;q=0.9,text/plain;q=0.5": OPENMETRICS,
    f"{NAMED};version=1.0.0;q=0.1,{NAMED};q=0.9,text/plain;q=0.5": TEXT,
    # versions that we do not speak
    f"{NAMED};version=0.0.1": TEXT,
    f"{NAMED};version=9.9.9": TEXT,
    f"{NAMED};version=abc": TEXT,
    f"{NAMED};version=": TEXT,
    "text/plain;version=9.9.9": TEXT,
    # spelling
    NAMED: OPENMETRICS,
    NAMED.upper(): OPENMETRICS,
    f"  {NAMED} ; version = 1.0.0 ; q = 1 ": OPENMETRICS,
    f'{NAMED}; version="1.0.0"; charset="utf-8"': OPENMETRICS,
    # junk
    "/;q=0.1": TEXT,
    ";;;,,,===": TEXT,
    f"junk,{NAMED}": OPENMETRICS,
    'text/plain;x="a,b;c": "': TEXT,
    "\x00\xff": TEXT,
}

ENCODINGS = {
    "": False,
    "identity": False,
    "gzip": True,
    "GZIP": True,
    "gzip, deflate, br, zstd": True,
    "deflate, br": False,
    "*": True,
    "*;q=0": False,
    "*;q=0, gzip": True,
    "gzip;q=0, *": False,
    "gzip;q=0.001": True,
    "gzip;q=0.000": False,
    "gzip;q=x": False,
    "x-gzip": False,
    ";,=": False,
}


@pytest.mark.parametrize(("accept", "chosen"), ACCEPTS.items())
def test_format(accept: str, chosen: Format) -> None:
    assert choose_format(accept) is chosen


@pytest.mark.parametrize(("accept_encoding", "gzip"), ENCODINGS.items())
def test_encoding(accept_encoding: str, gzip: bool) -> None:
    assert accepts_gzip(accept_encoding) is gzip


PIECES = st.sampled_from([*";,=*/\"' q", "q=", "version=", "text/plain", NAMED, "gzip", "1.0.0", "0.5", "1e999", "٣"])


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_header_gets_an_answer(header: str) -> None:
    assert choose_format(header) in Format
    assert accepts_gzip(header) in (True, False)


def test_a_format_is_named_as_prometheus_3_demands() -> None:
    assert [page_format.value for page_format in Format] == [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ]
