"""What the endpoints answer, over a real connection, to a program in each of its conditions."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import Config
from exporter.exposition import Format, Page
from exporter.shard import Shard
from exporter.stats import parse
from exporter.store import Store
from exporter.web.listen import Listener, ListenError, parse_address
from exporter.web.server import Endpoints, Server
from exporter.web.web_config import WebConfigFile
from tests import build
from tests.exposition.parsed import samples


@dataclass
class Program:
    """What the endpoints need of the program, in the condition that a test wants."""

    store: Store = field(default_factory=lambda: build.Clock().store())
    config: Config = field(default_factory=lambda: Config(()))
    shard: Shard = field(default_factory=Shard)
    is_ready: bool = True
    stalled: list[str] = field(default_factory=list)
    faults: str | None = None
    own: str = "own 1\n"
    reloads: int = 0

    def __post_init__(self) -> None:
        self.page = Page(self.store, lambda _: self.own.encode())

    async def reload(self) -> str | None:
        self.reloads += 1
        return self.faults


def answer(  # noqa: PLR0913 - all but two by name
    program: Program,
    path: str,
    method: str = "GET",
    *,
    lifecycle: bool = True,
    web_config: Path | None = None,
    accept_encoding: str = "identity",
    headers: dict[str, str] | None = None,
    telemetry_path: str = "/metrics",
) -> httpx.Response:
    async def ask() -> httpx.Response:
        wall = build.Clock().wall
        app = Endpoints(program, telemetry_path=telemetry_path, lifecycle=lifecycle, wall=wall).application()
        if web_config:
            WebConfigFile(web_config).protect(app)
        listener = Listener("127.0.0.1:0")
        server = Server(app, [listener])
        await server.start()
        try:
            async with httpx.AsyncClient() as client:
                sent = {"Accept-Encoding": accept_encoding, **(headers or {})}
                return await client.request(method, listener.url + path, headers=sent)
        finally:
            await server.close_listeners()
            await server.close()

    return asyncio.run(ask())


def test_health_and_readiness_say_what_is_wrong() -> None:
    assert answer(Program(), "/-/healthy").status_code == 200
    stalled = answer(Program(stalled=["acme", "globex"]), "/-/healthy")
    assert (stalled.status_code, stalled.text) == (503, "Polling has stalled for: acme, globex.\n")
    assert answer(Program(), "/-/ready").status_code == 200
    waiting = answer(Program(is_ready=False), "/-/ready")
    assert (waiting.status_code, waiting.text) == (503, "The first sweep has not ended.\n")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_reload_tells_what_came_of_it(method: str) -> None:
    assert answer(Program(), "/-/reload", method).text == "The configuration was loaded again.\n"
    faulty = answer(Program(faults="config.yaml:1:1: is empty"), "/-/reload", method)
    assert (faulty.status_code, faulty.text) == (
        500,
        "The old configuration stays in use:\nconfig.yaml:1:1: is empty\n",
    )
    program = Program()
    assert answer(program, "/-/reload", method, lifecycle=False).status_code == 403
    assert program.reloads == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_reload_by_another_method_is_refused(method: str) -> None:
    program = Program()
    refused = answer(program, "/-/reload", method)
    assert refused.status_code == 405
    assert {"POST", "PUT"} <= set(refused.headers["allow"].replace(" ", "").split(","))
    assert program.reloads == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin"},  # of a name that leads here by somebody else's DNS
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_no_web_page_can_make_it_reload(method: str, headers: dict[str, str]) -> None:
    program = Program()
    refused = answer(program, "/-/reload", method, headers=headers)
    assert (refused.status_code, refused.text) == (403, "Reloading is not for web pages.\n")
    assert program.reloads == 0
    assert answer(program, "/-/reload", method, headers={"Referer": "https://wiki.example"}).status_code == 200


def test_another_site_is_not_let_in_when_it_asks_before() -> None:
    asked = answer(Program(), "/-/reload", "OPTIONS", headers={"Access-Control-Request-Method": "PUT"})
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.lower().startswith("access-control-")]


def test_a_path_is_served_as_it_is_written_and_not_otherwise() -> None:
    program = Program()
    assert answer(program, "/%2d/reload", "POST").status_code == 404
    assert program.reloads == 0
    assert answer(program, "/m%C3%A9triques", telemetry_path="/métriques").status_code == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/config", "/api/v1/campaigns"])
def test_every_page_answers_head_and_is_not_kept(path: str) -> None:
    head = answer(Program(), path, "HEAD")
    assert head.status_code == 200
    assert head.headers["cache-control"] == "no-store"
    assert head.headers["x-content-type-options"] == "nosniff"
    assert "server" not in head.headers


def test_the_status_page_carries_its_policy() -> None:
    page = answer(Program(), "/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("campaigns", [1, 2000])
def test_a_page_is_the_same_compressed_whatever_its_size(campaigns: int) -> None:
    store = build.Clock().store()
    store.configure(build.campaign(f"c{number}") for number in range(campaigns))
    for state in store.states():
        store.succeeded(state.campaign.key, parse(b'{"sent": 1}', state.campaign.id))
    program = Program(store=store)
    plain = answer(program, "/metrics")
    packed = answer(program, "/metrics", accept_encoding="gzip")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.text == plain.text == program.page.render(Format.TEXT).decode()
    sent = [family for family in text_string_to_metric_families(plain.text) if family.name.endswith("_sent")]
    assert len(sent[0].samples) == campaigns


RANGE = (
    r"(?:\*/\*|text/plain|application/openmetrics-text|text/\*|/)(?:; ?(?:q|version|charset)=[0-9.a-z\"-]{0,6}){0,3}"
)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80) | st.from_regex(
    f"(?:{RANGE},? ?){{1,5}}", fullmatch=True
)


@settings(max_examples=20)
@given(st.lists(HEADER, min_size=30, max_size=30))
def test_any_accept_header_gets_a_page_that_parses(headers: list[str]) -> None:
    store = build.Clock().store()
    store.configure([build.campaign()])
    program = Program(store=store, own="# EOF\n")

    async def ask_with_each() -> list[tuple[int, str, str]]:
        listener = Listener("127.0.0.1:0")
        server = Server(Endpoints(program).application(), [listener])
        await server.start()
        async with httpx.AsyncClient() as client:
            url = f"{listener.url}/metrics"
            answers = [await client.get(url, headers={"Accept": accept.strip()}) for accept in headers]
        await server.close_listeners()
        await server.close()
        return [(answer.status_code, answer.headers["content-type"], answer.text) for answer in answers]

    for status, content_type, text in asyncio.run(ask_with_each()):
        assert status == 200
        (page_format,) = [known for known in Format if known.value == content_type]
        assert samples(text.encode(), page_format)


def test_a_web_configuration_file_guards_every_page(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("basic_auth_users: {prometheus: $2b$04$2SpXrAdjmCqLuTDDNvJG1.VNSBDl3f7Bl2MgYqFRkuXQMBR9XrG/u}\n")
    for path in ("/", "/metrics", "/config", "/-/healthy", "/nothing"):
        assert answer(Program(), path, web_config=file).status_code == 401


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        (":10421", ("", 10421)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:10421", ("::1", 10421)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_addresses(address: str, parsed: tuple[str, int]) -> None:
    assert parse_address(address) == parsed


@pytest.mark.parametrize("address", ["10421", "::1:10421", ":65536", "host:", ":http", "[::1]", ""])
def test_what_is_no_address_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(ListenError, match=r"write it like :10421, 127\.0\.0\.1:10421"):
        parse_address(address)
