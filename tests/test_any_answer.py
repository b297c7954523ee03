"""Whatever a server answers, over a real socket: a reading or a failed poll, in time and without a secret."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.errors import PollError
from tests import build
from tests.fake_api import FakeApi
from tests.test_client import client, outcome, text_of

# fmt: off
_STATUSES = (
    "HTTP/1.0 200 OK", "HTTP/1.1 204 No", "HTTP/1.1 302 F", "HTTP/1.1 304 N", "HTTP/1.1 404 N", "HTTP/1.1 429 T",
    "HTTP/1.1 503 S", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 101 S", "HTTP/1.1 999 ?", "HTTP/1.1 99",
    "HTTP/2 200", "ICY 200", "", "HTTP/1.1 401 \xff",
)
_HEADERS = (
    "Content-Type: ;;=\xff", "Content-Encoding: gzip", "Content-Encoding: br", "Content-Encoding: x, gzip",
    "Connection: close", "Connection: upgrade", "Upgrade: websocket", "Location: /x", "Location: http://[",
    "Set-Cookie: a=\x01; $", "Retry-After: 3", "Retry-After: " + "9" * 19, "Retry-After: -1", "Retry-After: x",
    "Retry-After: Wed, 99 Oct 99999 07:28:00 +9999", "Trailer: x", "Content-Length: 5", "Content-Length: 0",
    "Content-Length: -1", "Content-Length: x", "Content-Length: +9", "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x", " folded", ": x",
    "no colon", "X: \0", "\xff: x", "X: " + "y" * 9000,
)
_BODIES = (
    '{"sent": 1}', '5\r\n{"sen\r\n5\r\nt":1}\r\n0\r\n\r\n', "fffffffffffffffffff\r\n", "\x1f\x8b\x08\0\0",
    f'{{"error": {{"code": "workspace_not_found", "message": "{build.KEY} \x1b"}}}}', f'{{"sent": "{build.KEY}"}}',
)
# fmt: on


def _response(status: str, headers: list[str], body: str, *, has_length: bool) -> bytes:
    length = [f"Content-Length: {len(body)}"] if has_length else []
    return ("\r\n".join([status, *headers, *length, "", ""]) + body).encode("latin-1")


RESPONSES = st.builds(
    _response,
    st.just("HTTP/1.1 200 OK") | st.sampled_from(_STATUSES),
    st.lists(st.sampled_from(_HEADERS), max_size=3),
    st.sampled_from(_BODIES) | st.text(st.characters(max_codepoint=255)),
    has_length=st.booleans(),
)
DAMAGED = st.builds(
    lambda response, at, cut, junk: response[: at % len(response)] + junk + response[at % len(response) + cut :],
    RESPONSES,
    st.integers(0, 10_000),
    st.integers(0, 50),
    st.binary(max_size=8) | st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"HTTP/1.1 200 OK\r\n"]),
)


@settings(max_examples=settings().max_examples // 10)  # 20 at once
@given(st.lists(RESPONSES | DAMAGED | st.binary(max_size=50), min_size=20, max_size=20))
def test_any_answer_is_a_reading_or_a_failed_poll_within_the_timeout(responses: list[bytes]) -> None:
    async def poll() -> tuple[list[Stats | PollError], float]:
        scripts = {f"c{number}": response for number, response in enumerate(responses)}
        async with FakeApi(scripts, keeps_connections=False) as api:
            asked = client(api.url, timeout=2, max_concurrency=len(scripts))
            began = asyncio.get_running_loop().time()
            answers = await asyncio.gather(*(outcome(asked, campaign_id) for campaign_id in scripts))
            took = asyncio.get_running_loop().time() - began
            await asked.aclose()
            return answers, took

    answers, took = asyncio.run(poll())

    assert took < 10  # the busiest machine is not later than that
    for answer in answers:
        if isinstance(answer, PollError):
            assert build.KEY not in text_of(answer)
            assert answer.failure.detail.isprintable()
            assert len(answer.failure.detail) < 300
