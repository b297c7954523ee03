"""Scenarios for the alerts on the exporter itself."""

from collections.abc import Iterator, Mapping

from tests.rules.promtool import JOB, Series, scenario, series, target

_RELOADED = "leadterra_exporter_config_last_reload_successful"

DEAD = scenario(
    "the exporter dies and takes its series along",
    "1m",
    "10m 33m 37m 43m 50m",
    """
    bouncing: sent=1000+10x29 stale, bounced=90x29 stale, up=1x29 stale, bounce_warning=, \
        bounce_critical=0.05x29 stale -> BounceRatioHigh critical 6m-
    -> ExporterDown critical 35m-
    """,
    shown=[target("1x29 0x100")],
)

CRASHING = scenario(
    "a pod crashes under a new name every few minutes, beside a sound one",
    "1m",
    "3m 8m 14m",
    "-> ExporterDown critical 5m-12m",
    shown=[
        target(instance="sound:10421"),
        target("0x3 stale", instance="a:10421", pod="a"),
        target("_x4 0x3 stale", instance="b:10421", pod="b"),
        target("_x8 0x3 stale", instance="c:10421", pod="c"),
        series("up", "0x100", job="another", instance="d:80"),
    ],
)

ABSENT = scenario(
    "no target at all",
    "1m",
    "8m 12m 29m 32m",
    "-> ExporterAbsent critical 10m-30m",
    shown=[series("up", "1x100", job="another", instance="d:80"), target("_x30 1x40")],
)

RELOADS = scenario(
    "reloads that fail, of one exporter and of one that moves",
    "1m",
    "18m 28m 36m 48m 55m",
    "-> ExporterConfigReloadFailed warning 31m-52m",
    shown=[
        series(_RELOADED, "1x20 0x30 1x50", job=JOB, instance="a:10421", pod="a"),
        series(_RELOADED, "1x20 0x3 stale", job=JOB, instance="b:10421", pod="b"),
        series(_RELOADED, "_x24 0x20 1x50", job=JOB, instance="b:10421", pod="c"),
    ],
)


def shards(total: int, there: Mapping[str, str], job: str = JOB) -> Iterator[Series]:
    """Write the shards of a job by name, x-0 and so on, with when each is there; all of them were told `total`."""
    for name, values in there.items():
        labels = {"job": job, "instance": f"{name}:10421", "pod": name}
        yield target(values, **labels)
        yield series("leadterra_exporter_shards", values.replace("1x", f"{total}x"), **labels)
        index = name.split("-")[1]
        yield series("leadterra_exporter_shard_info", values, **labels, index=index, total=str(total))


SHARDS = scenario(
    "three shards, one of which is gone for a while; beside it jobs that are none of its business",
    "1m",
    "8m 18m 22m 29m 32m",
    "-> ExporterShardMissing critical 21m-31m",
    shown=[
        *shards(3, {"x-0": "1x100", "x-1": "1x100", "y-1": "1x100", "x-2": "1x10 stale _x19 1x70"}),
        *shards(3, {"x-0": "1x100"}, "another"),
    ],
)

SINGLE = scenario(
    "two replicas of one exporter without shards",
    "1m",
    "28m 60m",
    "",
    shown=[*shards(1, {"x-0": "1x100", "y-0": "1x100"})],
    silent=("LeadterraExporterShardMissing",),
)

GROWING = scenario(
    "a third shard comes; the others are told of it within minutes",
    "1m",
    "11m 14m 18m 28m 60m",
    "",
    shown=[
        *shards(2, {"x-0": "1x10 stale", "x-1": "1x13 stale"}),
        *shards(3, {"y-0": "_x11 1x90", "y-1": "_x14 1x87", "y-2": "_x10 1x90"}),
    ],
    silent=("LeadterraExporterShardMissing",),
)

GROWN_APART = scenario(
    "a third shard comes; one of the others is never told of it",
    "1m",
    "9m 18m 22m 60m",
    "-> ExporterShardMissing critical 20m-",
    shown=[*shards(2, {"x-0": "1x100", "x-1": "1x13 stale"}), *shards(3, {"y-1": "_x14 1x87", "y-2": "_x10 1x90"})],
)
