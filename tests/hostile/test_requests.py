"""Requests that no good client sends, over raw sockets to the real process, which goes on as ever and logs nothing."""

import socket
import struct
from collections.abc import Iterator

import pytest

from exporter.web.connections import LARGEST_BODY
from tests.hostile.target import connect, read_to_end, say, statuses, target
from tests.process import RunningExporter

pytestmark = pytest.mark.slow  # all of them take 3 s

HOST = b"Host: exporter\r\n"
RELOAD = b"POST /-/reload HTTP/1.1\r\n" + HOST
END = b"Connection: close\r\n\r\n"
NEXT = b"GET /-/ready HTTP/1.1\r\n" + HOST + END
"""Asked for behind the request: served where both sides agree on the end of the first, and never otherwise."""


def get(path: bytes, *, version: bytes = b"HTTP/1.1", headers: bytes = HOST, method: bytes = b"GET") -> bytes:
    return b"%s %s %s\r\n%s\r\n" % (method, path, version, headers)


def chunked(body: bytes, field: bytes = b"Transfer-Encoding: chunked") -> bytes:
    return RELOAD + field + b"\r\n\r\n" + body


def sized(length: bytes) -> bytes:
    return RELOAD + b"Content-Length: " + length + b"\r\n\r\n"


LENGTHS = (
    b"0, 0", b"-1", b"+0", b"0x0", b"9" * 30, b"", b"1073741824", b"9000000000000000000", b"%d" % (LARGEST_BODY + 1),
    b"0 0", b"0\r\nContent-Length: 5", b"0\r\nContent-Length: 0", b"4\r\nTransfer-Encoding: chunked",
)  # fmt: skip
ENCODINGS = (
    b":\tchunked", b": \x0bchunked", b" : chunked", b": xchunked", b": chunked\r\nTransfer-Encoding: identity",
    b": gzip, chunked", b": identity", b": chunked\r\nContent-Length: 4",
)  # fmt: skip
CHUNKS = (
    b"0\r\n\r\n", b"5;a=b\r\nabcde\r\n0\r\n\r\n", b"5;" + b"a" * 100_000 + b"\r\nabcde\r\n0\r\n\r\n",
    b"5;a\nabcde\r\n0\r\n\r\n", b"-5\r\nabcde\r\n0\r\n\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n",
    b"F" * 18 + b"\r\nabcde\r\n0\r\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n",
)  # fmt: skip
HEADERS = (
    b"", HOST * 2, HOST + b"A: b\nC: d\r\n", HOST + b"A: b\rC: d\r\n", b"Host : exporter\r\n", HOST + b"A: b\r\n c\r\n",
    b" " + HOST, HOST + b": b\r\n", HOST + b"A\r\n", HOST + b"A: \x00\r\n", HOST + b"A: " + b"b" * 1_000_000 + b"\r\n",
    HOST + b"a" * 1_000_000 + b": b\r\n", HOST + b"A: b\r\n" * 50_000,
)  # fmt: skip
SMUGGLED = (  # two programs could be of two minds about where these end
    *map(sized, LENGTHS),
    *(chunked(b"0\r\n\r\n", b"Transfer-Encoding" + encoding) for encoding in ENCODINGS),
    *map(chunked, CHUNKS),
    b"POST /-/reload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    *(get(b"/-/ready", headers=headers) for headers in HEADERS),
    b"GET /-/ready HTTP/1.1\nHost: exporter\r\n\r\n",
    b"GET /-/ready HTTP/1.1\nHost: exporter\n\n",
    b"GET\t/-/ready\tHTTP/1.1\r\n" + HOST + b"\r\n",
    get(b"/-/ready\x00"),
    get(b"/-/ready?" + b"a" * 1_000_000),
    get(b"/-/ready", version=b"HTTP/1.2"),
    get(b"/-/ready", version=b"HTTP/3.7"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    bytes.fromhex("16030100c8010000c40303") + bytes(190),  # a TLS handshake
    bytes(range(256)),
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"GET /metrics\r\n\r\n",  # HTTP/0.9
    b"CONNECT \n\r\n",
    *(get(b"/metrics", method=method) for method in (b"get", b"FROBNICATE", b"G", b"GET\x00", b"\xff", b"A" * 100_000)),
)
NOT_FOUND = (
    b"//-/ready", b"/./-/ready", b"/x/../-/ready", b"/%2e%2e/-/ready", b"/%2d/ready", b"/-%2fready", b"/-/ready%00",
    b"/-/ready/", b"/-/ready;a=b", b"/-/ready#a", b"/-/READY", b"/%zz%f", b"/%ff%fe", b"/../../../../etc/passwd",
    b"http://evil.example/%2d/ready", b"http://evil.example",
)  # fmt: skip
READY = (  # headers that change nothing
    HOST + b"Content-Length: %d\r\n\r\n" % LARGEST_BODY + bytes(LARGEST_BODY),
    HOST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
    HOST + b"Authorization: \xff\r\nAccept: \xfe\r\n\r\n",
    HOST + b"Range: bytes=0-1\r\nIf-Match: *\r\nCookie: " + b";" * 5000 + b"\r\n\r\n",
)
ODD = (  # strange but clear: answered, and the next request too where the connection goes on
    *((get(path), 404) for path in NOT_FOUND),
    *((b"GET /-/ready HTTP/1.1\r\n" + rest, 200) for rest in READY),
    (get(b"http://evil.example/-/ready"), 200),
    (get(b"/-/ready?" + b"a=%00&" * 1000), 200),
    (b"GET  /-/ready  HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (b"\r\n\r\n" + get(b"/-/ready"), 200),
    (get(b"*", method=b"OPTIONS"), 404),
    (get(b"evil.example:443", method=b"CONNECT"), 404),
    (get(b"/metrics", method=b"CONNECT"), 404),
    (get(b"/", method=b"TRACE", headers=HOST + b"Cookie: secret\r\n"), 405),
    (get(b"/", method=b"PROPFIND"), 405),
    (get(b"/-/ready", headers=HOST + b"Expect: tea\r\n"), 417),
)


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExporter]:
    with target(tmp_path_factory.mktemp("hostile"), "--web.enable-lifecycle") as running:
        yield running


@pytest.fixture(autouse=True)
def _goes_on(exporter: RunningExporter) -> Iterator[None]:
    before = list(exporter.log)
    yield
    assert statuses(say(exporter, b"GET /-/healthy HTTP/1.1\r\n" + HOST + END)) == [200]
    assert exporter.log == before


@pytest.mark.parametrize("request_", SMUGGLED, ids=range(len(SMUGGLED)))
def test_what_is_not_clear_is_refused_and_ends_the_connection(exporter: RunningExporter, request_: bytes) -> None:
    answer = say(exporter, request_ + NEXT)
    assert statuses(answer) in ([400], [413], [])  # none where the system told of the end before the answer was read
    assert b"is ready" not in answer
    assert b"loaded" not in answer


@pytest.mark.parametrize(("request_", "status"), ODD, ids=range(len(ODD)))
def test_what_is_strange_is_answered_and_the_next_too(exporter: RunningExporter, request_: bytes, status: int) -> None:
    answer = say(exporter, request_ + NEXT)
    assert statuses(answer) == [status, 200]
    assert b"evil" not in answer
    assert b"secret" not in answer


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_no_other_protocol_is_taken_up(exporter: RunningExporter, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    with connect(exporter) as client:
        client.sendall(get(b"/-/ready", headers=HOST + upgrade))
        assert statuses(client.recv(65536)) == [200]
        client.sendall(NEXT)
        assert statuses(read_to_end(client)) == [200]


def test_what_ends_the_connection_and_that_who_goes_is_not_logged(exporter: RunningExporter) -> None:
    assert statuses(say(exporter, b"GET /-/ready HTTP/1.0\r\n\r\n")) == [200]
    body = HOST + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n"
    assert statuses(say(exporter, get(b"/-/ready", headers=body))) == [100, 413]
    for _ in range(20):
        with connect(exporter) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
            client.sendall(get(b"/-/ready", headers=HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n"))


@pytest.mark.parametrize("method", b"GET HEAD POST PUT PATCH DELETE OPTIONS TRACE LOCK".split())
def test_no_method_is_a_fault_of_ours_and_answers_come_in_order(exporter: RunningExporter, method: bytes) -> None:
    headers = HOST + b"Content-Length: 0\r\n"
    answer = say(exporter, b"".join(get(path, method=method, headers=headers) for path in (b"/config", b"/x")) + NEXT)
    assert statuses(answer) == [200 if method in (b"GET", b"HEAD") else 405, 404, 200]
    many = say(exporter, b"".join(map(get, [b"/-/ready", b"/-/healthy", b"/nothing"] * 200)) + NEXT)
    assert statuses(many) == [200, 200, 404] * 200 + [200]


@pytest.mark.parametrize("path", [b"/", b"/config", b"/api/v1/campaigns", b"/metrics", b"/nothing"])
def test_no_page_repeats_what_a_client_says(exporter: RunningExporter, path: bytes) -> None:
    """A name that leads to the exporter by somebody else's DNS, or a cache in between, must change nothing."""
    headers = b"Host: canary.example\r\nX-Forwarded-Host: canary.example\r\nX-Forwarded-Proto: canary\r\n"
    headers += b"Forwarded: host=canary.example\r\nReferer: http://canary.example/\r\nOrigin: http://canary.example\r\n"
    answer = say(exporter, get(path + b"?canary", headers=headers + b"User-Agent: canary\r\nConnection: close\r\n"))
    assert statuses(answer) in ([200], [404])
    assert b"canary" not in answer
    assert b"access-control-" not in answer.lower()
