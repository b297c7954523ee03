"""The exporter's own metrics."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.app import Exporter
from exporter.config import Workspace
from exporter.exposition import Format
from exporter.shard import Shard
from exporter.telemetry import Telemetry
from tests import build
from tests.exposition.documented import samples


def workspace(name: str = "acme", campaigns: int = 3) -> Workspace:
    return build.workspace([build.campaign(f"c{n}", workspace=name) for n in range(campaigns)], name=name)


COUNTS: list[Callable[[Telemetry], None]] = [
    lambda telemetry: telemetry.requested("acme", "campaign_stats", "200", 0.2),
    lambda telemetry: telemetry.polled("acme", "success"),
    lambda telemetry: telemetry.swept("acme", 12.5),
    lambda telemetry: telemetry.overran("acme"),
    lambda telemetry: telemetry.loaded(1.5),
    lambda telemetry: telemetry.configure([workspace(campaigns=4)]),
]


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(of_process=False)


def test_a_workspace_that_goes_leaves_no_series_and_one_that_comes_back_counts_from_0_again(
    telemetry: Telemetry,
) -> None:
    stays = workspace("globex", 1)
    for configured in ([workspace(), stays], [stays], [workspace(campaigns=2), stays]):
        telemetry.configure(configured)
        telemetry.polled("globex", "success")
        for count in COUNTS[:4]:  # where it is gone these are late
            count(telemetry)
        assert (b"acme" in telemetry.render(openmetrics=False)) is (len(configured) > 1)
    value = telemetry.registry.get_sample_value
    acme, globex = {"workspace": "acme"}, {"workspace": "globex"}
    assert value("leadterra_api_requests_total", {**acme, "endpoint": "campaign_stats", "code": "200"}) == 1
    assert value("leadterra_api_request_duration_seconds_count", acme) == 1
    assert [value("leadterra_polls_total", {**each, "result": "success"}) for each in (acme, globex)] == [1, 3]
    assert [value("leadterra_workspace_campaigns", each) for each in (acme, globex)] == [2, 1]


def test_a_failed_reload_keeps_the_time_of_the_last_good_one(telemetry: Telemetry) -> None:
    telemetry.loaded(1_750_000_000)
    telemetry.loaded(None)
    name, value = "leadterra_exporter_config_last_reload_success", telemetry.registry.get_sample_value
    assert (value(f"{name}ful"), value(f"{name}_timestamp_seconds")) == (0, 1_750_000_000)


async def test_the_program_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTERRA_EXPORTER_REVISION", "abc123")
    exporter = Exporter(Path("config.yaml"), build.config(), shard=Shard(2, 5))
    told = samples(exporter.page.render(Format.TEXT), Format.TEXT)
    assert told["leadterra_exporter_shard_info", frozenset({("index", "2"), ("total", "5")})] == 1
    assert told["leadterra_exporter_shards", frozenset()] == 5
    (labels,) = [labels for name, labels in told if name == "leadterra_exporter_build_info"]
    assert ("revision", "abc123") in labels


@pytest.mark.parametrize("of_process", [True, False])
@pytest.mark.parametrize("of_exporter", [True, False])
def test_both_formats_can_be_read_and_tell_the_same(of_process: bool, of_exporter: bool) -> None:
    telemetry = Telemetry(of_process=of_process, of_exporter=of_exporter)
    telemetry.configure([workspace()])
    text, openmetrics = telemetry.render(openmetrics=False), telemetry.render(openmetrics=True)
    assert (b"python_info" in text, b"process_" in text) == (of_process, of_process)
    assert (b"leadterra_exporter_" in text) is of_exporter
    assert b"_created" not in text + openmetrics
    assert openmetrics.endswith(b"# EOF\n")
    in_text, in_openmetrics = samples(text, Format.TEXT), samples(openmetrics, Format.OPENMETRICS)
    assert {name for name, _ in in_text} == {name for name, _ in in_openmetrics}


@pytest.mark.parametrize("count", COUNTS)
def test_metrics_are_rendered_again_once_something_was_counted(count: Callable[[Telemetry], None]) -> None:
    telemetry = Telemetry(monotonic=lambda: 0.0)
    telemetry.configure([workspace()])
    text, openmetrics = telemetry.render(openmetrics=False), telemetry.render(openmetrics=True)
    assert telemetry.render(openmetrics=False) is text
    assert telemetry.render(openmetrics=True) is openmetrics
    count(telemetry)
    assert telemetry.render(openmetrics=False) != text
    assert telemetry.render(openmetrics=True) != openmetrics


def test_the_process_own_figures_are_at_most_a_second_old() -> None:
    times = iter([0.0, 0.9, 1.0])
    telemetry = Telemetry(monotonic=lambda: next(times))
    first = telemetry.render(openmetrics=False)
    assert telemetry.render(openmetrics=False) is first
    assert telemetry.render(openmetrics=False) is not first
