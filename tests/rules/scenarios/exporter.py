"""Scenarios for the alerts on the exporter and on what it can read; a campaign's id says what it is a case of."""

from collections.abc import Iterator, Mapping

from tests.rules.promtool import Scenario, bare, campaign, series, target

_STALE = "CampaignStatsStale"


def _never(case: str, labels: dict[str, str] | None = None, **values: str) -> list[dict[str, str]]:
    """Write a campaign that has given no figures since the exporter started."""
    return bare(case, labels, up="0", stale_after="300", **values)


_REQUESTS = "leadterra_api_requests_total"
_RELOADED = "leadterra_exporter_config_last_reload_successful"

DEAD = Scenario(
    "the exporter dies and takes its series along",
    "1m",
    [
        target("1x29 0x100"),
        *campaign(
            "bouncing",
            sent="1000+10x29 stale",
            bounced="90x29 stale",
            bounce_warning="",
            bounce_critical="0.05x29 stale",
        ),
    ],
    "10m 33m 37m 43m 50m",
    {
        "bouncing CampaignBounceRatioHigh critical": "6m-45m",  # long enough for ExporterDown to come first
        "ExporterDown critical": "35m-",
    },
)

CRASHING = Scenario(
    "a pod crashes under a new name every few minutes, beside a sound one",
    "1m",
    [
        target(instance="sound:10421"),
        target("0x3 stale", instance="a:10421", pod="a"),
        target("_x4 0x3 stale", instance="b:10421", pod="b"),
        target("_x8 0x3 stale", instance="c:10421", pod="c"),
        series("up", "0x100", job="another", instance="d:80"),
    ],
    "3m 8m 14m",
    {"ExporterDown critical": "5m-12m"},
)

ABSENT = Scenario(
    "no target at all",
    "1m",
    [series("up", "1x100", job="another", instance="d:80"), target("_x30 1x40")],
    "8m 12m 29m 32m",
    {"ExporterAbsent critical": "10m-30m"},
)

KEYS = Scenario(
    "one workspace's key is refused, another's belongs to no workspace, a third works",
    "1m",
    [
        target(),
        *_never("one", error_authentication_failed="1"),
        *_never("two", {"client": "globex"}, error_authentication_failed="1"),
        *_never("lost", {"workspace": "lost"}, error_workspace_not_found="1x39 stale _x4 1x60"),
        *bare(
            "fine",
            {"workspace": "fine"},
            error_authentication_failed="0",
            up="1",
            last_success="0+60x100",
            stale_after="300",
        ),
        *bare(
            "slow",
            {"workspace": "slow"},
            error_timeout="1",
            up="0",
            last_success="0+60x100",
            stale_after="300",
        ),
        *bare(
            "brief",
            {"workspace": "brief"},
            error_authentication_failed="1x8 stale",
            up="1",
            last_success="0+60x100",
        ),
    ],
    "3m 8m 12m 42m 48m",
    {
        "acme/ APIAuthFailing critical": "10m-",
        "lost/ APIAuthFailing critical": "10m-",
        f"one {_STALE} warning": "5m-",
        f"two {_STALE} warning": "5m-",
        f"lost/lost {_STALE} warning": "5m-",
    },
)

FIGURES = Scenario(
    "campaigns that are not found or no longer answer",
    "1m",
    [
        target(),
        *bare("deleted", error_campaign_not_found="1", up="0"),
        *bare("deleted-gap", error_campaign_not_found="1x39 stale _x4 1x60", up="0x39 stale _x4 0x60"),
        *_never("never-answered"),
        *bare("fresh", up="1", last_success="0+60x100", stale_after="300"),
        *bare("one-miss", up="1 0 1x98", last_success="0 0 120+60x100", stale_after="300"),
        *bare("stopped", up="1x10 0x90", last_success="0+60x10 600x90", stale_after="300"),
        *bare("stopped-long-limit", up="1x10 0x90", last_success="0+60x10 600x90", stale_after="7200"),
        *bare("gap", up="0x39 stale _x4 0x60", stale_after="300"),
        *bare("back", up="1x10 0x20 1x70", last_success="0+60x10 600x20 1860+60x70", stale_after="300"),
        *bare(
            "restarted",
            up="1x10 0x29 stale _x4 0x60",
            last_success="0+60x10 600x29 stale",
            stale_after="300",
        ),
        *bare("removed", up="1x10 stale", last_success="0+60x10 stale", stale_after="300x10 stale"),
        *bare("found", error_campaign_not_found="0"),
        *bare("just-in-time", up="1", last_success="0x5 60+60x95", stale_after="300"),
        *bare("no-timestamp", up="1", stale_after="300"),
        *bare("not-polled-yet", stale_after="300"),
    ],
    "3m 8m 13m 18m 25m 42m 52m",
    {
        "deleted CampaignNotFound warning": "15m-",
        "deleted-gap CampaignNotFound warning": "15m-",
        f"deleted {_STALE} warning": "5m-",
        f"deleted-gap {_STALE} warning": "5m-",
        f"never-answered {_STALE} warning": "5m-",
        f"gap {_STALE} warning": "5m-",
        f"stopped {_STALE} warning": "21m-",
        f"back {_STALE} warning": "21m-46m",
        f"restarted {_STALE} warning": "21m-",
    },
)

LIMITED = Scenario(
    "429s and reloads",
    "1m",
    [
        target(),
        target(instance="b:10421"),
        series(_REQUESTS, "0+1x100", job="leadterra-exporter", instance="a:10421", workspace="acme", code="429"),
        series(_REQUESTS, "0+1x100", job="leadterra-exporter", instance="b:10421", workspace="acme", code="429"),
        series(_REQUESTS, "0+9x100", job="leadterra-exporter", instance="a:10421", workspace="acme", code="200"),
        series(_REQUESTS, "0x10 50x90", job="leadterra-exporter", instance="a:10421", workspace="burst", code="429"),
        series(_REQUESTS, "0+9x100", job="leadterra-exporter", instance="a:10421", workspace="fine", code="200"),
        series(_REQUESTS, "0x100", job="leadterra-exporter", instance="a:10421", workspace="fine", code="429"),
        series(_RELOADED, "1x20 0x30 1x50", job="leadterra-exporter", instance="a:10421", pod="a"),
        series(_RELOADED, "1x20 0x3 stale", job="leadterra-exporter", instance="b:10421", pod="b"),
        series(_RELOADED, "_x24 0x20 1x50", job="leadterra-exporter", instance="b:10421", pod="c"),
    ],
    "18m 28m 36m 48m 55m",
    {
        "acme/ APIRateLimited warning": "31m-",
        "ExporterConfigReloadFailed warning": "31m-51m",
    },
)


def _shards(job: str, total: int, spans: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Write the shards of one job: where each is from when on; all of them were told `total`."""
    for name, there in spans.items():
        labels = {"job": job, "instance": f"{name}:10421", "pod": name}
        yield target(there, **labels)
        yield series("leadterra_exporter_shards", there.replace("1x", f"{total}x"), **labels)
        index = name.split("-")[1]
        yield series("leadterra_exporter_shard_info", there, **labels, index=index, total=str(total))


SHARDS = Scenario(
    "three shards, one of which is gone for a while; beside it jobs that are none of its business",
    "1m",
    [
        *_shards(
            "leadterra-exporter", 3, {"x-0": "1x100", "x-1": "1x100", "y-1": "1x100", "x-2": "1x10 stale _x19 1x70"}
        ),
        *_shards("another", 3, {"x-0": "1x100"}),
    ],
    "8m 18m 22m 29m 32m",
    {"ExporterShardMissing critical": "21m-31m"},
)

SINGLE = Scenario(
    "two replicas of one exporter without shards",
    "1m",
    [
        *_shards("leadterra-exporter", 1, {"x-0": "1x100", "y-0": "1x100"}),
    ],
    "28m 60m",
    silent=("LeadterraExporterShardMissing",),
)

GROWING = Scenario(
    "a third shard comes; the others are told of it within minutes",
    "1m",
    [
        *_shards("leadterra-exporter", 2, {"x-0": "1x10 stale", "x-1": "1x13 stale"}),
        *_shards("leadterra-exporter", 3, {"y-0": "_x11 1x90", "y-1": "_x14 1x87", "y-2": "_x10 1x90"}),
    ],
    "11m 14m 18m 28m 60m",
    silent=("LeadterraExporterShardMissing",),
)

GROWN_APART = Scenario(
    "a third shard comes; one of the others is never told of it",
    "1m",
    [
        *_shards("leadterra-exporter", 2, {"x-0": "1x100", "x-1": "1x13 stale"}),
        *_shards("leadterra-exporter", 3, {"y-1": "_x14 1x87", "y-2": "_x10 1x90"}),
    ],
    "9m 18m 22m 60m",
    {"ExporterShardMissing critical": "20m-"},
)

SCENARIOS = (DEAD, CRASHING, ABSENT, SHARDS, SINGLE, GROWING, GROWN_APART, KEYS, FIGURES, LIMITED)
