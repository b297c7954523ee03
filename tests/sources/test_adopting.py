"""An exporter whose campaigns come from lists: what it polls and shows while they come, change and fail."""

import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from exporter import cli, log
from exporter.app import Exporter
from exporter.options import serve_parser
from exporter.shard import Shard
from exporter.sources import Collected, collect
from exporter.web.evaluation import History
from tests.exporting import exporting, ids, shown, until
from tests.fake_api import FakeApi, http, silence
from tests.sources.test_collecting import TOKEN, Lists


def polled(exporter: Exporter) -> set[str]:
    return ids(exporter, "leadterra_campaign_up")


async def test_a_list_at_a_url_comes_changes_fails_and_comes_back(tmp_path: Path) -> None:
    logged = StringIO()
    log.configure("info", "logfmt", logged)
    async with FakeApi({"*": silence}) as crm:
        url = f"{crm.url}/list?token=canary"
        (tmp_path / "token").write_text(TOKEN)
        source = {"url": url, "refresh": "1s", "bearer_token_file": "token"}
        async with exporting(tmp_path, "own", campaigns_from=[source]) as (exporter, _):
            await exporter.start()
            await until(lambda: polled(exporter) == {"own"})  # at a start without a list the others are polled
            assert not exporter.is_ready
            assert shown(exporter, "leadterra_campaign_source_") == {}
            crm.answers["*"] = http(200, b'["a", {"id": "b", "labels": {"client": "x"}}]')
            await crm.drop_connections()
            await until(lambda: polled(exporter) == {"own", "a", "b"})
            await until(lambda: exporter.is_ready)
            series = f'leadterra_campaign_source_{{}}{{{{source="{crm.url}/list",workspace="acme"}}}}'.format
            assert shown(exporter, "leadterra_campaign_source_up{") == {series("up"): "1.0"}
            (read,) = shown(exporter, "leadterra_campaign_source_last_success_timestamp_seconds{").values()
            await until(lambda: [read] != [*shown(exporter, "leadterra_campaign_source_last_success_t").values()])

            crm.answers["*"] = http(200, b'["a",\n "b", "b"]')
            await until(lambda: "stands twice, first in line 2" in logged.getvalue())
            assert polled(exporter) == {"own", "a", "b"}
            assert shown(exporter, "leadterra_campaign_source_up{") == {series("up"): "0.0"}
            assert shown(exporter, "leadterra_campaign_source_c") == {series("campaigns"): "2.0"}
            assert exporter.problems == []

            crm.answers["*"] = http(200, b'["b"]')
            await until(lambda: polled(exporter) == {"own", "b"})
            await until(lambda: "went=acme/a" in logged.getvalue())
            assert "a list is read again" in logged.getvalue()
            assert sum('came="acme/a, acme/b"' in line for line in logged.getvalue().splitlines()) == 1
    assert [secret for secret in (TOKEN, "canary") if secret in logged.getvalue()] == []


async def test_a_reload_asks_and_reads_again_and_a_failing_list_fails_no_reload(tmp_path: Path) -> None:
    async with (
        FakeApi({"*": http(200, b'["a"]')}) as crm,
        exporting(tmp_path, "own", campaigns_from=[{"url": crm.url, "refresh": "1h"}, "b.yaml"]) as (exporter, _),
    ):
        await exporter.start()
        await until(lambda: polled(exporter) == {"own", "a"})
        crm.answers["*"] = http(200, b'["c"]')
        (tmp_path / "b.yaml").write_text("[b]")
        assert await exporter.reload() is None
        await until(lambda: polled(exporter) == {"own", "b", "c"})
        (tmp_path / "b.yaml").write_text("[")
        assert await exporter.reload() is None
        assert (polled(exporter), [state.up for state in exporter.sources]) == ({"own", "b", "c"}, [True, False])
        file = tmp_path / "config.yaml"
        file.write_text(file.read_text().replace('"b.yaml"', '"c.yaml"'))
        assert await exporter.reload() is None
        assert [state.source.label for state in exporter.sources] == [crm.url, "c.yaml"]
        assert "b.yaml" not in "".join(shown(exporter, "leadterra_campaign_source_"))


@pytest.mark.parametrize(("answer", "succeeded"), [(http(200, b'["a"]'), True), (http(503), False)])
async def test_once_asks_the_urls_too(tmp_path: Path, answer: bytes, succeeded: bool) -> None:
    async with (
        FakeApi({"*": answer}) as crm,
        exporting(tmp_path, "own", campaigns_from=[{"url": crm.url}]) as (exporter, _),
    ):
        assert await exporter.poll_once() is succeeded
        assert polled(exporter) == ({"own", "a"} if succeeded else {"own"})


async def test_shards_divide_the_union(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n" + "".join(f"c{n}\n" for n in range(20)))
    parts = []
    for index in range(3):
        async with exporting(tmp_path, "own", campaigns_from=["a.csv"], shard=Shard(index, 3)) as (exporter, _):
            await exporter.poll_once()
            parts.append(polled(exporter))
    assert sorted(id_ for part in parts for id_ in part) == sorted(["own", *(f"c{n}" for n in range(20))])
    assert all(parts)


def test_the_check_reads_the_files_and_says_what_it_does_not_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = Lists(tmp_path, ["a.csv", {"url": "http://127.0.0.1:1/list?token=canary"}])
    lists.write(a_csv="id\nown\na\n")
    assert cli.check(serve_parser().parse([f"--config.file={tmp_path / 'config.yaml'}"])) == 0
    told = capsys.readouterr()
    assert "2 campaigns" in told.out
    assert told.out.endswith("not asked: the list http://127.0.0.1:1/list of workspace acme\n")
    assert f'warning: {tmp_path}/a.csv: "own" already in campaigns or an earlier list, which counts' in told.err
    lists.write(a_csv="id\na b\n c\n")
    assert cli.check(serve_parser().parse([f"--config.file={tmp_path / 'config.yaml'}"])) == 1
    assert f"{tmp_path}/a.csv:3:1: id: begins or ends with a blank: remove it" in capsys.readouterr().err


@pytest.mark.slow
async def test_ten_thousand_campaigns_come_and_go_in_one_small_step(tmp_path: Path) -> None:
    """A fraction of what reading them costs, and that is done in a thread; a time would be the machine's."""

    def cost(function: Callable[..., Any], *arguments: Any) -> float:
        before = time.thread_time()
        function(*arguments)
        return time.thread_time() - before

    def write(numbers: range) -> None:
        (tmp_path / "a.csv").write_text("id,client\n" + "".join(f"c{n},x\n" for n in numbers))

    async def slowest_step() -> float:
        async with exporting(tmp_path, "own", campaigns_from=["a.csv"]) as (exporter, _):
            await exporter.start()
            History(exporter.store)
            steps, adopt = list[float](), exporter.store.adopt
            exporter.store.adopt = lambda *given: steps.append(cost(adopt, *given))  # type: ignore[method-assign]  # the real one, and timed
            for numbers in (range(10_000), range(5_000, 15_000), range(0)):
                write(numbers)
                assert await exporter.reload() is None
                assert len(exporter.store.states()) == len(numbers) + 1
            return max(steps)

    write(range(10_000))
    config = Lists(tmp_path, ["a.csv"]).config
    reading = min(cost(collect, config, Collected(config), {}, 1.0) for _ in range(3))
    assert min([await slowest_step() for _ in range(3)]) < reading / 10
