"""What the endpoints answer, over a real connection, to a program in each of its conditions."""

import asyncio
import re
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from exporter.api import Stats
from exporter.app import Exporter
from exporter.config import Config
from exporter.exposition import Format
from exporter.telemetry import Telemetry
from exporter.toolkit import WebConfigFile
from exporter.web.endpoints import MOST_RENDERINGS, Endpoints, application, is_free
from exporter.web.server import Listener, ListenError
from tests import build
from tests.exposition.documented import samples
from tests.web.serving import Program, application_of, serving

PATHS = ("/", "/metrics", "/-/healthy", "/-/ready", "/config", "/api/v1/campaigns")


def answer(
    program: Program, path: str, method: str = "GET", *, headers: Any = None, web_config: Any = None, **options: Any
) -> httpx.Response:
    """Return what the program's endpoints answer."""

    async def ask() -> httpx.Response:
        app, plain = application_of(program, **{"lifecycle": True, **options}), {"Accept-Encoding": "identity"}
        async with serving(app, web_config) as listener, httpx.AsyncClient(headers=plain) as client:
            return await client.request(method, f"{listener.url}{path}", headers=headers)

    return asyncio.run(ask())


def test_readiness_says_what_is_wrong() -> None:
    told = answer(Program(is_ready=False), "/-/ready")
    assert (told.status_code, told.text) == (503, "The first sweep has not ended.\n")


@pytest.mark.parametrize(
    ("method", "headers", "lifecycle", "status", "text"),
    [
        ("POST", {}, True, 200, "The configuration was loaded again.\n"),
        ("PUT", {"Referer": "https://wiki.example"}, True, 200, "The configuration was loaded again.\n"),
        ("POST", {}, False, 403, "Reloading over HTTP is off; --web.enable-lifecycle allows it.\n"),
        ("GET", {}, True, 405, "Reload with POST or PUT.\n"),
        ("HEAD", {}, True, 405, ""),
        ("DELETE", {}, True, 405, "Reload with POST or PUT.\n"),
        # from web pages, also from one of a name that leads here by somebody else's DNS
        ("POST", {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, True, 403, None),
        ("PUT", {"Origin": "null"}, True, 403, "Reloading is not for web pages.\n"),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, True, 403, "Reloading is not for web pages.\n"),
        ("OPTIONS", {"Access-Control-Request-Method": "PUT"}, True, 405, "Reload with POST or PUT.\n"),
    ],
)
def test_reload(method: str, headers: dict[str, str], lifecycle: bool, status: int, text: str | None) -> None:
    program = Program()
    told = answer(program, "/-/reload", method, headers=headers, lifecycle=lifecycle)
    assert told.status_code == status
    assert told.text == text or text is None
    assert program.reloads == (status == 200)
    assert not [name for name in told.headers if name.lower().startswith("access-control-")]
    if status == 405:
        assert {"POST", "PUT"} <= set(told.headers["allow"].replace(" ", "").split(","))


def test_a_reload_that_failed_says_why_and_so_does_the_page() -> None:
    told = answer(Program(faults="config.yaml:1:1: is empty"), "/-/reload", "POST")
    assert (told.status_code, told.text) == (500, "The old configuration stays in use:\nconfig.yaml:1:1: is empty\n")
    text = answer(Program(problems=["a stalls"], reload_problems=["c.yaml: <no>"]), "/").text
    assert re.findall(r'class="notice">✕ (.*?)</p>', text) == ["a stalls", "The last reload failed: c.yaml: &lt;no&gt;"]


def test_a_path_is_served_as_it_is_written_and_not_otherwise() -> None:
    program = Program()
    assert answer(program, "/%2d/reload", "POST").status_code == 404
    assert program.reloads == 0
    assert answer(program, "/m%C3%A9triques", telemetry_path="/métriques").status_code == 200
    taken = ("/-/reload", "/-/metrics", "/api/v1/campaigns/a/b", "metrics", "", "/{a}", "/a?b", "/a#b")
    free = [path for path in (*PATHS, *taken, "/probe/leadterra") if is_free(path)]
    assert free == ["/metrics", "/probe/leadterra"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_answers_head_and_is_not_kept(path: str) -> None:
    head = answer(Program(), path, "HEAD")
    assert head.status_code == 200
    assert head.headers["cache-control"] == "no-store"
    assert head.headers["x-content-type-options"] == "nosniff"
    assert "server" not in head.headers
    # That the hashes are those of the page's style and script, the browser sees.
    policy = r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; connect-src 'self'; img-src data:; "
    policy += "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    assert bool(re.fullmatch(policy, head.headers.get("content-security-policy", ""))) == (path == "/")


def campaigns() -> Program:
    clock = build.Clock()
    program = Program(clock.store())
    program.store.configure([build.campaign("a/b ü%2F"), build.campaign("old", workspace="globex")])
    program.store.succeeded(("globex", "campaign", "old"), Stats(sent=1))
    clock.monotonic += 301
    program.store.succeeded(("acme", "campaign", "a/b ü%2F"), Stats(sent=1))
    return program


TEXT, MISSPELLED = "text/plain; charset=utf-8", "a parameter is misspelled: write one of q, "


@pytest.mark.parametrize(
    ("path", "status", "content_type", "text"),
    [
        ("/?workspace=acme", 200, "text/html; charset=utf-8", "1 of 2 campaigns"),
        ("/?sort=canary", 400, TEXT, "sort: write one of campaign, last_success, bounce_ratio, error, leads_"),
        ("/?labels.team=canary", 400, TEXT, MISSPELLED),
        ("/api/v1/campaigns?problem=1", 400, TEXT, MISSPELLED),
        ("/api/v1/campaigns?state=stale", 200, "application/json", '"campaign_id":"old"'),
        ("/api/v1/campaigns?state=canary", 400, TEXT, "state: write one of over_a_limit, critical, "),
        ("/api/v1/campaigns?format=csv&q=acme", 200, "text/csv; charset=utf-8", "\r\nacme,a/b ü%2F,a/b ü%2F,ok,"),
        ("/api/v1/campaigns?format=canary", 400, TEXT, "format: write json or csv"),
        ("/api/v1/campaigns/acme/a%2Fb%20%C3%BC%252F", 200, "application/json", '"emails_sent": 1,'),
        ("/api/v1/campaigns/globex/old", 200, "application/json", '"state": "stale"'),
        ("/api/v1/campaigns/acme/canary", 404, TEXT, "No such campaign is polled here."),
        ("/api/v1/campaigns/canary", 404, TEXT, "404: Not Found"),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_campaigns(path: str, status: int, content_type: str, text: str, encoding: str) -> None:
    told = answer(campaigns(), path, headers={"Accept-Encoding": encoding})
    assert (told.status_code, told.headers["content-type"]) == (status, content_type)
    assert text in told.text
    assert "canary" not in told.text
    if status == 200 and path.count("/") < 5:
        assert told.headers.get("content-encoding", "identity") == encoding


async def test_what_many_ask_for_at_once_is_rendered_once() -> None:
    clock, request = build.Clock(), make_mocked_request("GET", "/api/v1/campaigns", {"Accept-Encoding": "gzip"})
    endpoints = Endpoints(cast("Exporter", Program(clock.store())), telemetry_path="/metrics", lifecycle=False)
    asked = [asyncio.create_task(endpoints.campaigns(request)) for _ in range(20)]
    await asyncio.sleep(0)
    asked.pop().cancel()  # the others still get theirs
    (body,) = {id(told.body): told.body for told in await asyncio.gather(*asked)}.values()
    clock.monotonic += 1
    assert (await endpoints.campaigns(request)).body != body  # who asks later gets it anew
    others = [make_mocked_request("GET", f"/api/v1/campaigns?q={number}") for number in range(MOST_RENDERINGS + 1)]
    told = await asyncio.gather(*map(endpoints.campaigns, others), return_exceptions=True)
    assert [type(each) for each in told] == [web.Response] * MOST_RENDERINGS + [web.HTTPServiceUnavailable]


async def test_a_page_is_of_one_moment_and_a_client_that_goes_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    campaigns = [build.campaign(f"camp_{number}") for number in range(1000)]  # 2 MB: no socket takes it at once
    exporter = Exporter(Path("config.yaml"), Config(()), telemetry=Telemetry(of_process=False))
    exporter.store.configure(campaigns)
    for each in campaigns:
        exporter.store.succeeded(each.key, Stats(sent=7, open_rate=0.5))
    before = exporter.page.render(Format.TEXT)
    async with serving(application(exporter)) as listener, httpx.AsyncClient(base_url=listener.url) as client:
        packed = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
        assert packed.content == before
        assert int(packed.headers["content-length"]) < len(before)
        async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "identity"}) as answer:
            chunks = answer.aiter_raw()
            page = await anext(chunks)
            exporter.store.configure(campaigns[:1])
            page += b"".join([chunk async for chunk in chunks])
        assert page == before
        exporter.store.configure(campaigns)
        async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "identity"}) as answer:
            await anext(answer.aiter_bytes())
        assert (await client.get("/-/healthy")).status_code == httpx.codes.OK
    assert capsys.readouterr().err == ""


def test_headers_in_several_lines_are_joined() -> None:
    lines = [("Accept", "text/plain;q=0.5"), ("Accept", "application/openmetrics-text")]
    lines += [("Accept-Encoding", coding) for coding in ("br", "gzip")]
    told = answer(Program(own="# EOF\n"), "/metrics", headers=lines)
    assert told.headers["content-type"] == Format.OPENMETRICS.value
    assert samples(told.content, Format.OPENMETRICS) == {}
    assert told.headers["content-encoding"] == "gzip"


def test_a_web_configuration_file_protects_every_page(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("basic_auth_users: {prometheus: $2b$04$2SpXrAdjmCqLuTDDNvJG1.VNSBDl3f7Bl2MgYqFRkuXQMBR9XrG/u}\n")
    for path in (*PATHS, "/nothing"):
        assert answer(Program(), path, web_config=WebConfigFile(file)).status_code == 401


def test_what_is_no_address_is_refused_with_what_to_write() -> None:
    for address in ("10421", "::1:10421", ":65536", "host:", ":http", "[::1]", ""):
        with pytest.raises(ListenError, match=r"write it like :10421, 127\.0\.0\.1:10421"):
            Listener(address)
