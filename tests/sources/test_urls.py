"""Lists at real addresses: what may be answered, whom a token travels to, and when each is asked."""
# ruff: noqa: E501  # a message stands on one line, as it is printed

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Source
from exporter.sources import Urls, fetch
from tests.certificates import Authority, replace_file
from tests.exporting import until
from tests.fake_api import FakeApi, Script, drip, http, silence
from tests.sources.test_collecting import TOKEN


async def ask(source: Source, asked: Urls | None = None) -> tuple[bytes | None, str | None]:
    asked = asked or Urls()
    await asked.ask(source)
    return asked.answers[source][::2]


def at(url: str, **options: Any) -> Source:
    return Source("list", url=url, refresh=60.0, **options)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (http(503, b"canary"), "HTTP 503"),
        (http(401), "HTTP 401"),
        (http(204), "HTTP 204"),
        (http(302, b"", "Location: http://127.0.0.1:1/x"), "HTTP 302: a redirect, not followed: write where the list itself is"),
        (http(200, b"[]", "Content-Encoding: gzip"), "the answer cannot be decompressed"),
        (http(200, b"[]", "Content-Encoding: br"), "the answer is compressed in a way that was not asked for: only gzip is read"),
        (http(200, gzip.compress(bytes(2**24 + 1)), "Content-Encoding: gzip"), "the answer is larger than 16384 KiB"),
        (b"canary\r\n\r\n", "the answer is not HTTP, or broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", "the answer is not HTTP, or broke off"),
        (b"", "the answer is not HTTP, or broke off"),
        (endless, "the answer is larger than 16 MiB"),
        (silence, "no whole answer within 0.3 s"),
        (drip, "no whole answer within 0.3 s"),
    ],
)  # fmt: skip
async def test_what_a_url_may_answer(script: Script, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if script in (silence, drip):
        monkeypatch.setattr(fetch, "_WITHIN", 0.3)
    async with FakeApi({"*": script}, keeps_connections=False) as server:
        asked, source = Urls(wall=lambda: 5.0), at(f"{server.url}/list?token=canary")
        assert await ask(source, asked) == (None, problem)
        server.answers["*"] = http(200, gzip.compress(b'["a"]'), "Content-Type: text/html", "Content-Encoding: gzip")
        assert await ask(source, asked) == (b'["a"]', None)
        server.answers["*"] = script
        assert await ask(source, asked) == (b'["a"]', problem)
        assert asked.answers[source].at == 5.0
        await server.refuse()
        monkeypatch.undo()
        assert await ask(source, asked) == (b'["a"]', "connection refused")


async def test_a_token_is_read_at_each_request_and_travels_to_its_host_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a redirect, nor the environment, nor a .netrc leads anything elsewhere."""
    file, netrc, nowhere = tmp_path / "token", tmp_path / "netrc", "http://127.0.0.1:1"
    netrc.write_text("machine 127.0.0.1 login canary password canary")
    for name, value in {"NETRC": str(netrc), "http_proxy": nowhere, "all_proxy": nowhere}.items():
        monkeypatch.setenv(name, value)
    async with FakeApi({"*": http(200, b"[]")}) as elsewhere, FakeApi() as server:
        server.answers["*"] = http(307, b"", f"Location: {elsewhere.url}/")
        source = at(f"{server.url}/list", bearer_token_file=file)
        for text in ("", "two lines\n of it", "caf\u00e9"):
            file.write_text(text)
            assert "hold a token" in str(await ask(source))
        assert "cannot be read: No such file" in str(await ask(source._replace(bearer_token_file=tmp_path / "x")))
        for text in (f" {TOKEN}1\n", f"{TOKEN}2"):
            file.write_text(text)
            await ask(source)
        await ask(at(f"{server.url}/list"))
        assert [request.key for request in server.requests] == [f"{TOKEN}1", f"{TOKEN}2", ""]
        assert "canary canary" not in "".join(server.heads)
        assert elsewhere.requests == []

        proxy = f"http://u:canary@{server.url[7:]}"
        through = at("http://crm.example.com/list", bearer_token_file=file, proxy_url=proxy)
        server.answers["*"] = http(200, b'["proxied"]')
        assert await ask(through) == (b'["proxied"]', None)
        server.answers["*"] = http(407, b"canary")
        assert await ask(through) == (None, "HTTP 407")
        assert await ask(through._replace(url="https://crm.example.com/list")) == (None, "the proxy refused")
        assert TOKEN not in server.heads[-1]


async def test_a_list_behind_tls_or_where_nobody_is(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    assert await ask(at("http://nothing.invalid/x")) == (None, "the host name does not resolve")
    async with FakeApi({"*": http(200, b"[]")}, certificate=ours.issue("leaf", "127.0.0.1")) as server:
        source = at(f"{server.url}/list", ca_file=ours.pair.certificate)
        assert await ask(source) == (b"[]", None)
        for ca_file in (None, other.pair.certificate):
            assert "certificate not accepted" in str(await ask(source._replace(ca_file=ca_file)))
        replace_file(tmp_path / "ca.pem", other.pem)
        rotated = source._replace(ca_file=tmp_path / "ca.pem")
        await ask(rotated)
        replace_file(tmp_path / "ca.pem", ours.pem)
        assert await ask(rotated) == (b"[]", None)
        (tmp_path / "ca.pem").write_text("nothing")
        assert "ca.pem cannot be used" in str(await ask(rotated))


async def test_each_url_is_asked_in_its_interval_whatever_the_others_do() -> None:
    async with FakeApi({"*": http(200, b"[]")}) as quick, FakeApi({"*": silence}) as hanging:
        asked, told = Urls(), []
        sources = [at(f"{server.url}/x")._replace(refresh=0.1) for server in (quick, hanging)]
        asked.follow(sources)

        async def answered(source: Source, is_new: bool) -> None:
            told.append((source, is_new))
            raise RuntimeError("a fault of our own")

        task = asyncio.create_task(asked.run(answered))
        await until(lambda: len(told) >= 3)
        asked.follow([])
        assert (len(hanging.requests), asked.answers) == (1, {})
        assert told[:3] == [(sources[0], True), (sources[0], False), (sources[0], False)]
        task.cancel()
