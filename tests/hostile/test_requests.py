"""Requests that no good client sends, over raw sockets to the real process: a row an attack, with its answer.

After each the process must say the same as ever, have logged nothing, and have taken what follows a request for which
it closed the connection as nothing.
"""

import socket
import struct
from collections.abc import Iterator

import pytest

from tests.hostile.target import HEALTHY, Target, read_to_end, statuses, target

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


def sized(length: bytes, body: bytes) -> bytes:
    return RELOAD + b"Content-Length: " + length + b"\r\n\r\n" + body


SMUGGLED = {  # two programs could be of two minds about where these end
    "length and chunks": RELOAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": RELOAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": RELOAD + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "one length twice": RELOAD + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": sized(b"0, 0", b""),
    "a negative length": sized(b"-1", b""),
    "a signed length": sized(b"+0", b""),
    "a hexadecimal length": sized(b"0x0", b""),
    "a length beyond 64 bits": sized(b"9" * 30, b""),
    "an empty length": sized(b"", b""),
    "a length with a space": sized(b"0 0", b""),
    "chunks": chunked(b"0\r\n\r\n"),
    "chunks after a tab": chunked(b"0\r\n\r\n", b"Transfer-Encoding:\tchunked"),
    "chunks after a vertical tab": chunked(b"0\r\n\r\n", b"Transfer-Encoding: \x0bchunked"),
    "chunks before a colon": chunked(b"0\r\n\r\n", b"Transfer-Encoding : chunked"),
    "xchunked": chunked(b"0\r\n\r\n", b"Transfer-Encoding: xchunked"),
    "chunked, identity": chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    "gzip, chunked": chunked(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"),
    "identity": chunked(b"", b"Transfer-Encoding: identity"),
    "chunks to HTTP/1.0": b"POST /-/reload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk extension": chunked(b"5;a=b\r\nabcde\r\n0\r\n\r\n"),
    "a large chunk extension": chunked(b"5;" + b"a" * 100_000 + b"\r\nabcde\r\n0\r\n\r\n"),
    "a chunk extension with a bare line feed": chunked(b"5;a\nabcde\r\n0\r\n\r\n"),
    "a negative chunk": chunked(b"-5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk of 0x5": chunked(b"0x5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk beyond 64 bits": chunked(b"F" * 18 + b"\r\nabcde\r\n0\r\n\r\n"),
    "a trailer with a length": chunked(b"0\r\nContent-Length: 5\r\n\r\n"),
    "a bare line feed after the request line": b"GET /-/ready HTTP/1.1\nHost: exporter\r\n\r\n",
    "bare line feeds": b"GET /-/ready HTTP/1.1\nHost: exporter\n\n",
    "a bare line feed after a header": get(b"/-/ready", headers=HOST + b"A: b\nC: d\r\n"),
    "a bare carriage return": get(b"/-/ready", headers=HOST + b"A: b\rC: d\r\n"),
    "a space before a colon": get(b"/-/ready", headers=b"Host : exporter\r\n"),
    "a folded header": get(b"/-/ready", headers=HOST + b"A: b\r\n c\r\n"),
    "a folded first header": get(b"/-/ready", headers=b" " + HOST),
    "a header without a name": get(b"/-/ready", headers=HOST + b": b\r\n"),
    "a header without a colon": get(b"/-/ready", headers=HOST + b"A\r\n"),
    "a NUL in a header": get(b"/-/ready", headers=HOST + b"A: \x00\r\n"),
    "a NUL in the path": get(b"/-/ready\x00"),
    "a tab in the request line": b"GET\t/-/ready\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "no Host": get(b"/-/ready", headers=b""),
    "two Hosts": get(b"/-/ready", headers=HOST * 2),
    "HTTP/1.2": get(b"/-/ready", version=b"HTTP/1.2"),
    "HTTP/3.7": get(b"/-/ready", version=b"HTTP/3.7"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a body of a gigabyte": sized(b"1073741824", b""),
    "a body of exabytes": sized(b"9000000000000000000", b""),
    "a header of a megabyte": get(b"/-/ready", headers=HOST + b"A: " + b"b" * 1_000_000 + b"\r\n"),
    "a header's name of a megabyte": get(b"/-/ready", headers=HOST + b"a" * 1_000_000 + b": b\r\n"),
    "fifty thousand headers": get(b"/-/ready", headers=HOST + b"A: b\r\n" * 50_000),
    "a query of a megabyte": get(b"/-/ready?" + b"a" * 1_000_000),
    "a TLS handshake": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "every byte": bytes(range(256)),
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
}  # fmt: skip  # an attack a line

ODD = {  # strange but clear: answered, and the next request too
    "twice the slash": (get(b"//-/ready"), 404),
    "a dot": (get(b"/./-/ready"), 404),
    "two dots": (get(b"/x/../-/ready"), 404),
    "two quoted dots": (get(b"/%2e%2e/-/ready"), 404),
    "a quoted character": (get(b"/%2d/ready"), 404),
    "a quoted slash": (get(b"/-%2fready"), 404),
    "a quoted NUL": (get(b"/-/ready%00"), 404),
    "a slash behind": (get(b"/-/ready/"), 404),
    "a parameter": (get(b"/-/ready;a=b"), 404),
    "a fragment": (get(b"/-/ready#a"), 404),
    "another case": (get(b"/-/READY"), 404),
    "a bad quote": (get(b"/%zz%f"), 404),
    "quoted bytes that are not text": (get(b"/%ff%fe"), 404),
    "a file": (get(b"/../../../../etc/passwd"), 404),
    "a host before the path": (get(b"http://evil.example/-/ready"), 200),
    "a host before a strange path": (get(b"http://evil.example/%2d/ready"), 404),
    "a host without a path": (get(b"http://evil.example"), 404),
    "a star": (get(b"*", method=b"OPTIONS"), 404),
    "a query": (get(b"/-/ready?" + b"a=%00&" * 1000), 200),
    "POST /metrics": (get(b"/metrics", method=b"POST", headers=HOST + b"Content-Length: 0\r\n"), 405),
    "DELETE": (get(b"/metrics", method=b"DELETE"), 405),
    "OPTIONS": (get(b"/metrics", method=b"OPTIONS"), 405),
    "TRACE": (get(b"/", method=b"TRACE", headers=HOST + b"Cookie: secret\r\n"), 405),
    "PROPFIND": (get(b"/", method=b"PROPFIND"), 405),
    "a tunnel": (get(b"evil.example:443", method=b"CONNECT"), 404),
    "a tunnel to a page": (get(b"/metrics", method=b"CONNECT"), 404),
    "a small body": (get(b"/-/ready", headers=HOST + b"Content-Length: 5\r\n") + b"abcde", 200),
    "a body that is not gzip": (
        get(b"/-/ready", headers=HOST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n") + b"abcde", 200
    ),
    "an unknown expectation": (get(b"/-/ready", headers=HOST + b"Expect: tea\r\n"), 417),
    "two spaces in the request line": (b"GET  /-/ready  HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "bytes that are not text": (get(b"/-/ready", headers=HOST + b"Authorization: \xff\r\nAccept: \xfe\r\n"), 200),
    "empty lines before": (b"\r\n\r\n" + get(b"/-/ready"), 200),
    "a range, conditions and cookies": (
        get(b"/-/ready", headers=HOST + b"Range: bytes=0-1\r\nIf-Match: *\r\nCookie: " + b";" * 5000 + b"\r\n"), 200
    ),
}  # fmt: skip  # an attack a line


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with target(tmp_path_factory.mktemp("hostile"), "--web.enable-lifecycle") as running:
        yield running


@pytest.fixture(autouse=True)
def _goes_on(exporter: Target) -> Iterator[None]:
    before = list(exporter.log)
    yield
    assert statuses(exporter.say(HEALTHY.replace(b"\r\n\r\n", b"\r\n" + END))) == [200]
    assert exporter.log == before


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_is_not_clear_is_refused_and_ends_the_connection(exporter: Target, name: str) -> None:
    answer = exporter.say(SMUGGLED[name] + NEXT)
    assert statuses(answer) in ([400], [413], [])  # none where the system told of the end before the answer was read
    assert b"is ready" not in answer
    assert b"loaded" not in answer


@pytest.mark.parametrize("name", ODD)
def test_what_is_strange_is_answered_and_so_is_the_next(exporter: Target, name: str) -> None:
    request, status = ODD[name]
    answer = exporter.say(request + NEXT)
    assert statuses(answer) == [status, 200]
    assert b"evil" not in answer
    assert b"secret" not in answer


@pytest.mark.parametrize("request_", [b"GET /metrics\r\n\r\n", b"CONNECT \n\r\n"])
def test_http_0_9_is_not_spoken(exporter: Target, request_: bytes) -> None:
    answer = exporter.say(request_)
    assert b" 400 " in answer
    assert b"leadterra" not in answer


def test_http_1_0_gets_its_answer_and_the_end(exporter: Target) -> None:
    assert statuses(exporter.say(b"GET /-/ready HTTP/1.0\r\n\r\n")) == [200]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_no_other_protocol_is_taken_up(exporter: Target, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    with exporter.connect() as client:
        client.sendall(get(b"/-/ready", headers=HOST + upgrade))
        assert statuses(client.recv(65536)) == [200]
        client.sendall(NEXT)
        assert statuses(read_to_end(client)) == [200]


def test_a_body_that_is_announced_is_asked_for_only_to_be_refused(exporter: Target) -> None:
    expect = b"Expect: 100-continue\r\n"
    assert statuses(exporter.say(get(b"/-/ready", headers=HOST + expect + b"Content-Length: 9999999\r\n"))) == [
        100,
        413,
    ]


def test_who_waits_to_be_asked_for_a_body_and_goes_is_not_logged(exporter: Target) -> None:
    for _ in range(20):
        with exporter.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
            client.sendall(get(b"/-/ready", headers=HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n"))


@pytest.mark.parametrize(
    "path", [b"/", b"/metrics", b"/config", b"/api/v1/campaigns", b"/-/healthy", b"/-/ready", b"/x"]
)
@pytest.mark.parametrize(
    "method", [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"LOCK"]
)
def test_no_method_on_any_path_is_a_fault_of_ours(exporter: Target, path: bytes, method: bytes) -> None:
    answer = exporter.say(get(path, method=method, headers=HOST + b"Content-Length: 0\r\nConnection: close\r\n"))
    (status,) = statuses(answer)
    known = path != b"/x"
    assert status == (200 if known else 404) if method in (b"GET", b"HEAD") else 405 if known else 404
    if method == b"HEAD":
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", [b"get", b"FROBNICATE", b"G", b"GET\x00", b"\xff", b"A" * 100_000])
def test_made_up_methods_are_no_http(exporter: Target, method: bytes) -> None:
    assert statuses(exporter.say(get(b"/metrics", method=method))) == [400]


@pytest.mark.parametrize("path", [b"/", b"/config", b"/api/v1/campaigns", b"/metrics", b"/nothing"])
def test_no_page_repeats_what_a_client_says(exporter: Target, path: bytes) -> None:
    """A name that leads to the exporter by somebody else's DNS, or a cache in between, must change nothing."""
    headers = b"Host: canary.example\r\nX-Forwarded-Host: canary.example\r\nX-Forwarded-Proto: canary\r\n"
    headers += b"Forwarded: host=canary.example\r\nReferer: http://canary.example/\r\nOrigin: http://canary.example\r\n"
    answer = exporter.say(get(path + b"?canary", headers=headers + b"User-Agent: canary\r\nConnection: close\r\n"))
    assert statuses(answer) in ([200], [404])
    assert b"canary" not in answer
    assert b"access-control-" not in answer.lower()


def test_hundreds_of_requests_at_once_are_answered_in_order(exporter: Target) -> None:
    paths = [b"/-/ready", b"/-/healthy", b"/nothing"] * 200
    answer = exporter.say(b"".join(map(get, paths)) + NEXT)
    assert statuses(answer) == [200, 200, 404] * 200 + [200]
