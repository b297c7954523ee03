"""The exporter's own metrics."""

from collections.abc import Callable

import pytest

from exporter.exposition import Format
from exporter.telemetry import Telemetry
from tests.exposition.parsed import samples

CODES = ["200", "400", "401", "404", "429", "500", "connection_failed", "timeout"]


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(of_process=False)


def values(telemetry: Telemetry, name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric's samples with these labels by their other labels."""
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label not in labels): sample.value
        for family in telemetry.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def test_a_workspace_s_counters_begin_at_0(telemetry: Telemetry) -> None:
    telemetry.configure([("acme", 3)])

    requests = values(telemetry, "leadterra_api_requests_total", workspace="acme")
    assert requests == {(code,): 0 for code in CODES}
    assert values(telemetry, "leadterra_workspace_sweep_overruns_total") == {("acme",): 0}
    assert values(telemetry, "leadterra_api_request_duration_seconds_count") == {("acme",): 0}
    assert values(telemetry, "leadterra_workspace_campaigns") == {("acme",): 3}
    assert values(telemetry, "leadterra_workspace_sweep_duration_seconds") == {}


def test_what_happens_is_counted(telemetry: Telemetry) -> None:
    telemetry.configure([("acme", 3)])
    telemetry.requested("acme", "200", 0.2)
    telemetry.requested("acme", "418", 0.4)
    telemetry.swept("acme", 12.5)
    telemetry.overran("acme")

    requests = values(telemetry, "leadterra_api_requests_total", workspace="acme")
    assert {code: count for code, count in requests.items() if count} == {("200",): 1, ("418",): 1}
    assert values(telemetry, "leadterra_api_request_duration_seconds_sum") == {("acme",): pytest.approx(0.6)}
    buckets = values(telemetry, "leadterra_api_request_duration_seconds_bucket", workspace="acme")
    assert (buckets["0.1",], buckets["0.25",], buckets["0.5",], buckets["+Inf",]) == (0, 1, 2, 2)
    assert values(telemetry, "leadterra_workspace_sweep_duration_seconds") == {("acme",): 12.5}
    assert values(telemetry, "leadterra_workspace_sweep_overruns_total") == {("acme",): 1}


def test_a_workspace_that_goes_leaves_no_series_and_one_that_stays_keeps_its_counts(telemetry: Telemetry) -> None:
    telemetry.configure([("acme", 3), ("globex", 1)])
    for workspace in ("acme", "globex"):
        telemetry.requested(workspace, "200", 0.2)
        telemetry.requested(workspace, "418", 0.2)
        telemetry.swept(workspace, 1)
        telemetry.overran(workspace)
    telemetry.configure([("acme", 2)])

    assert b"globex" not in telemetry.render_text()
    assert values(telemetry, "leadterra_api_requests_total", workspace="acme")["418",] == 1
    assert values(telemetry, "leadterra_workspace_campaigns") == {("acme",): 2}


def test_a_workspace_that_comes_back_counts_from_0_again(telemetry: Telemetry) -> None:
    for configured in ([("acme", 3)], [], [("acme", 3)]):
        telemetry.configure(configured)
        telemetry.requested("acme", "200", 0.2)

    assert values(telemetry, "leadterra_api_requests_total", workspace="acme")["200",] == 2
    assert values(telemetry, "leadterra_api_request_duration_seconds_count") == {("acme",): 2}


def test_a_failed_reload_keeps_the_time_of_the_last_good_one(telemetry: Telemetry) -> None:
    telemetry.loaded(1_750_000_000)
    telemetry.loaded(None)

    assert values(telemetry, "leadterra_exporter_config_last_reload_successful") == {(): 0}
    name = "leadterra_exporter_config_last_reload_success_timestamp_seconds"
    assert values(telemetry, name) == {(): 1_750_000_000}


def test_the_program_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTERRA_EXPORTER_REVISION", "abc123")
    telemetry = Telemetry(shard_index=2, shard_total=5, of_process=False)

    assert values(telemetry, "leadterra_exporter_shard_info") == {("2", "5"): 1}
    assert values(telemetry, "leadterra_exporter_shards") == {(): 5}
    ((_, revision, _),) = values(telemetry, "leadterra_exporter_build_info")
    assert revision == "abc123"


@pytest.mark.parametrize("of_process", [True, False])
def test_both_formats_can_be_read_and_tell_the_same(of_process: bool) -> None:  # noqa: FBT001 - a table's column
    telemetry = Telemetry(of_process=of_process)
    telemetry.configure([("acme", 1)])
    text, openmetrics = telemetry.render_text(), telemetry.render_openmetrics()

    assert (b"python_info" in text, b"process_" in text) == (of_process, of_process)
    assert b"_created" not in text + openmetrics
    assert openmetrics.endswith(b"# EOF\n")
    in_text, in_openmetrics = samples(text, Format.TEXT), samples(openmetrics, Format.OPENMETRICS)
    assert {name for name, _ in in_text} == {name for name, _ in in_openmetrics}


COUNTS: list[Callable[[Telemetry], None]] = [
    lambda telemetry: telemetry.requested("acme", "200", 0.2),
    lambda telemetry: telemetry.swept("acme", 12.5),
    lambda telemetry: telemetry.overran("acme"),
    lambda telemetry: telemetry.loaded(1.5),
    lambda telemetry: telemetry.configure([("acme", 4)]),
]


@pytest.mark.parametrize("count", COUNTS)
def test_metrics_are_rendered_again_once_something_was_counted(count: Callable[[Telemetry], None]) -> None:
    telemetry = Telemetry(monotonic=lambda: 0.0)
    telemetry.configure([("acme", 3)])
    text, openmetrics = telemetry.render_text(), telemetry.render_openmetrics()
    assert telemetry.render_text() is text
    assert telemetry.render_openmetrics() is openmetrics

    count(telemetry)
    assert telemetry.render_text() != text
    assert telemetry.render_openmetrics() != openmetrics


def test_the_process_own_figures_are_at_most_a_second_old() -> None:
    times = iter([0.0, 0.9, 1.0])
    telemetry = Telemetry(monotonic=lambda: next(times))

    first = telemetry.render_text()
    assert telemetry.render_text() is first
    assert telemetry.render_text() is not first
