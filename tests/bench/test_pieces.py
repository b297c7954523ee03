"""The suite's pieces at tiny sizes. Nothing here is held against a time."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition import Format
from tests.bench import campaigns, meters, picture
from tests.bench.__main__ import GROUPS, SHORT_GROUPS, main, measure
from tests.bench.ours import fill, open_exporter
from tests.bench.peers import collector, floor, gauges, nginx
from tests.bench.plan import SHORT, Plan
from tests.bench.programs import FailedError
from tests.bench.rounds import interleave
from tests.bench.table import Figure, Row, alone, failed, parse
from tests.process import RunningSandbox
from tests.tools import need

COUNT = 5
NAMES = campaigns.ids(COUNT)
TINY = replace(
    SHORT,
    rounds=1,
    polls=COUNT,
    campaigns=COUNT,
    scrapes=5,
    encodings=("identity", "gzip"),
    pages=1,
    wrk_seconds=1,
    start_sizes=(COUNT,),
    growth_sizes=(1, COUNT),
    growth_seconds=1.5,
    hold_campaigns=COUNT,
    hold_seconds=1,
    shard_campaigns=2 * COUNT,
    shard_seconds=1,
    interval=1,
)
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(page: bytes) -> Series:
    """Read the campaigns' series; when a reading came differs from page to page, so it is 0 here."""
    return {
        (sample.name, frozenset(sample.labels.items())): 0 if "timestamp" in sample.name else sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.name.startswith("leadterra_campaign_")
    }


@pytest.fixture
def our_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Series:
    monkeypatch.setenv(campaigns.KEY_ENV, campaigns.KEY)
    config = tmp_path / "config.yaml"
    config.write_text(campaigns.config("http://127.0.0.1:9", COUNT))

    async def page() -> bytes:
        exporter = open_exporter(config)
        exporter.store.configure(exporter.config.campaigns)
        fill(exporter, NAMES)
        return exporter.page.render(Format.TEXT)

    return series(asyncio.run(page()))


def test_our_page_has_as_many_series_a_campaign_as_the_table_says(our_series: Series) -> None:
    each = Counter(dict(labels)["campaign_id"] for _, labels in our_series)
    assert each == dict.fromkeys(NAMES, campaigns.SERIES)


def test_the_custom_collector_has_the_same_series(our_series: Series) -> None:
    registry = CollectorRegistry()
    registry.register(collector.Campaigns(NAMES))
    assert series(generate_latest(registry)) == our_series


def test_the_straightforward_exporter_has_the_same_series(our_series: Series) -> None:
    registry = CollectorRegistry()
    peer = gauges.Gauges(registry)
    for id_, reading in campaigns.readings(NAMES, 0).items():
        peer.configure(id_)
        peer.succeeded(id_, reading)
    assert series(generate_latest(registry)) == our_series


def test_readings_change_with_the_turn_and_quarters_make_a_whole() -> None:
    assert campaigns.readings(NAMES, 0)[NAMES[0]] != campaigns.readings(NAMES, 1)[NAMES[0]]
    names = campaigns.ids(40)
    assert sorted(id_ for turn in range(4) for id_ in campaigns.quarter(names, turn)) == names


def test_the_peers_ask_the_api_for_each_campaign_once() -> None:
    with RunningSandbox(load_campaigns=COUNT) as api:
        peer = gauges.Gauges(CollectorRegistry())

        async def poll() -> int:
            async with gauges.open_client(api.url) as client:
                return await gauges.poll_all(client, peer, NAMES, 2)

        async def fetch() -> int:
            async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {campaigns.KEY}"}) as session:
                return await floor.fetch_all(session, [f"{api.url}/v1/campaigns/{id_}/stats" for id_ in NAMES], 2)

        assert asyncio.run(poll()) == COUNT
        assert asyncio.run(fetch()) == COUNT
        assert Counter(request.campaign_id for request in api.requests) == dict.fromkeys(NAMES, 2)


def test_each_subject_has_its_turn_in_every_round() -> None:
    turns: list[str] = []

    def turn(name: str) -> int:
        turns.append(name)
        return len(turns)

    results = interleave(2, {name: partial(turn, name) for name in "ab"})
    assert turns == ["a", "b", "a", "b"]
    assert results == {"a": [1, 3], "b": [2, 4]}


def test_the_meter_counts_what_its_blocks_spend_and_nothing_else() -> None:
    spent = meters.CpuMeter(os.getpid())
    with spent:
        sum(range(200_000))
    between = spent.total()
    sum(range(2_000_000))
    assert 0 < between == spent.total()
    assert meters.memory(os.getpid()) > 2**20


@pytest.mark.slow  # half a second; a real server
def test_nginx_serves_the_bytes_that_it_was_given(tmp_path: Path) -> None:
    need("nginx")
    with nginx.running(tmp_path, b"plain", b"compressed") as server:
        for encoding, page in {"identity": b"plain", "gzip": b"compressed"}.items():
            with server.scraper(Accept_Encoding=encoding) as scraper:
                assert scraper.get("/metrics") == page
                assert scraper.status("/-/healthy") == 200


@pytest.mark.slow  # half a second; perf is not everywhere
def test_perf_counts_the_same_way() -> None:
    need("perf")
    spent = meters.EventMeter(os.getpid(), "page-faults:u")
    with spent:
        touched = bytearray(2**24)
    counted = spent.total()
    assert counted > 1
    assert touched


@pytest.mark.slow  # 2 s
def test_growth_is_drawn_for_light_and_dark_pages(tmp_path: Path) -> None:
    if find_spec("matplotlib") is None:
        need("matplotlib")  # no program, but skipped or failed in the same way
    picture.draw(tmp_path, [(size, {"CPU": {"": 1.0}, "memory": {"": 2.0, "peer": 4.0}}) for size in (10, 1000)])
    drawn = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert drawn.keys() == {"growth-light.svg", "growth-dark.svg"}
    assert all("<svg" in text for text in drawn.values())
    assert drawn["growth-light.svg"] != drawn["growth-dark.svg"]


def test_a_run_of_some_parts_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "polls", "--write"])
    assert "--write takes all of a table" in capsys.readouterr().err


@pytest.mark.slow  # 25 s: all parts, with real servers
@pytest.mark.parametrize("name", GROUPS)
def test_each_part_runs_at_a_tiny_size(name: str) -> None:
    if name in SHORT_GROUPS:
        need("nginx")
        need("wrk")
    rows = measure([name], TINY)[name]
    assert rows
    assert not any(row.failed for row in rows), rows
    assert all("not measured" not in row.ours for row in rows) or name == "json_exporter"


def test_a_part_that_fails_is_told_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Plan) -> Iterator[Row]:
        yield alone("one", Figure(1))
        raise FailedError("the | server ended\nat once")

    monkeypatch.setitem(GROUPS, "hold", breaks)
    monkeypatch.setitem(GROUPS, "shards", lambda _: iter([alone("two", Figure(2))]))
    assert main(["--only", "hold", "--only", "shards"]) == 1
    told = parse(capsys.readouterr().out)
    assert told == [failed("hold", "FailedError the / server ended at once"), alone("two", Figure(2))]


@pytest.mark.slow  # 3 s
@pytest.mark.parametrize("part", ["pages", "load", "json_exporter"])
def test_a_missing_program_is_told_and_fails_nothing(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    rows = measure([part], TINY)[part]
    assert any("not on the PATH" in row.ours for row in rows) or part == "load"
