"""Scenarios for the exporter, what it can read and what it is told; an id says what it is a case of."""

from tests.rules.promtool import bare, scenario, series
from tests.rules.scenarios.sender import shards

CAMPAIGNS = scenario(
    "keys that are refused, and campaigns that are not found or no longer answer",
    "1m",
    "3m 6m 8m 12m 13m 18m 25m 33m 42m 43m 48m 52m",
    """
    refused/one: up=0, stale_after=300, error_authentication_failed=1
    refused/ -> APIAuthFailing critical 5m-
    lost/lost: up=0, stale_after=300, error_workspace_not_found=1x39 stale _x4 1x60
    lost/not-polled-yet: stale_after=300
    lost/ -> APIAuthFailing critical 5m-
    fine/fine: error_authentication_failed=0, up=1, last_success=0+60x100, stale_after=300
    slow/slow: error_timeout=1, up=0, last_success=0+60x100, stale_after=300
    one-of-two/refused: up=0, stale_after=300, error_authentication_failed=1 -> StatsStale warning 5m-
    one-of-two/read: up=1, last_success=0+60x100, stale_after=300
    one-times-out/refused: up=0, stale_after=300, error_authentication_failed=1 -> StatsStale warning 5m-
    one-times-out/times-out: up=0, stale_after=300, error_timeout=1 -> StatsStale warning 5m-
    brief/brief: error_authentication_failed=1x8 stale, up=1, last_success=0+60x100
    deleted: stale_after=, error_campaign_not_found=1, up=0 -> NotFound warning 15m-
    deleted-gap: error_campaign_not_found=1x39 stale _x4 1x60, up=0x39 stale _x4 0x60 -> NotFound warning 15m-
    found-again: error_campaign_not_found=1x30 stale, up=0x30 1x70 -> NotFound warning 15m-31m
    taken-out: error_campaign_not_found=1x30 stale, up=0x30 stale, stale_after=300x30 stale \
        -> NotFound warning 15m-31m
    never-answered: up=0 -> StatsStale warning 5m-
    one-miss: up=1 0 1x98, last_success=0 0 120+60x100
    stopped: up=1x10 0x90, last_success=0+60x10 600x90 -> StatsStale warning 21m-
    stopped-long-limit: up=1x10 0x90, last_success=0+60x10 600x90, stale_after=7200
    gap: up=0x39 stale _x4 0x60 -> StatsStale warning 5m-
    back: up=1x10 0x20 1x70, last_success=0+60x10 600x20 1860+60x70 -> StatsStale warning 21m-41m
    restarted: up=1x10 0x29 stale _x4 0x60, last_success=0+60x10 600x29 stale -> StatsStale warning 21m-
    removed: up=1x10 stale, last_success=0+60x10 stale, stale_after=300x10 stale
    found: stale_after=, error_campaign_not_found=0
    just-in-time: up=1, last_success=0x5 60+60x95
    no-timestamp: up=1
    not-polled-yet: stale_after=300
    """,
    shown=[*bare("refused/two", {"client": "globex"}, up="0", stale_after="300", error_authentication_failed="1")],
    defaults={"stale_after": "300"},
)

WORKSPACES = scenario(
    "polls that fail or are limited, lists that can't be read, exporters that die, and shards that come and go",
    "1m",
    "3m 8m 9m 11m 12m 14m 18m 22m 23m 27m 28m 29m 30m 32m 33m 36m 37m 43m 45m 48m 50m 55m 60m 75m 85m 95m",
    """
    too-often/: requests_429=0+1x100, requests_200=0+9x100 -> APIRateLimited warning 31m-
    too-often/@b: requests_429=0+1x100
    burst/: requests_429=0x10 50x90
    others/: requests_200=0+9x100, requests_429=0x100
    often-restarted/: requests_429=0+1x20 0+1x80 -> APIRateLimited warning 31m-
    outage/: polls_success=0+10x20 200x80, polls_timeout=0x20 0+10x80 -> APIUnreachable critical 41m-
    errors/: polls_success=0+4x100, polls_server_error=0+2x100, polls_connection_failed=0+1x100, \
        polls_timeout=0+2x100 -> APIUnreachable critical 16m-
    nonsense/: polls_success=0+4x100, polls_unexpected_status=0+3x100, polls_invalid_response=0+3x100 \
        -> APIUnreachable critical 16m-
    one-of-two/: polls_success=0+1x100, polls_timeout=0+1x100
    keys/: polls_success=0x100, polls_authentication_failed=0+1x100, polls_workspace_not_found=0+1x100
    not-found/: polls_success=0+1x100, polls_campaign_not_found=0+9x100, polls_invalid_request=0+9x100
    limited/: polls_success=0+1x100, polls_rate_limited=0+9x100
    idle/: polls_success=0x100, polls_timeout=0x100
    brief/: polls_success=0+10x20 200x5 210+10x73, polls_timeout=0x20 0+10x5 50x73
    back/: polls_success=0x60 0+10x40, polls_timeout=0+10x60 600x40 -> APIUnreachable critical 16m-81m
    unread/: source_crm=1x9 0x90 -> CampaignSourceFailing warning 25m-
    unread/@b: source_crm=1x100
    brief-list/: source_crm=1x9 0x9 1x50
    died/: target=1x29 0x100 -> ExporterDown critical 35m-
    crashing/: target=1 -> ExporterDown critical 5m-12m
    crashing/@b: target=0x3 stale
    crashing/@c: target=_x4 0x3 stale
    crashing/@d: target=_x8 0x3 stale
    reloads/: reloaded=1x20 0x30 1x50 -> ExporterConfigReloadFailed warning 31m-52m
    reloads/@b: reloaded=1x20 0x3 stale
    reloads/@c: reloaded=_x24 0x20 1x50
    gap/ -> ExporterShardMissing critical 21m-31m
    grown-apart/ -> ExporterShardMissing critical 20m-
    """,
    shown=[
        *bare("too-often/", {"endpoint": "sender-pools"}, requests_429="0+1x100"),
        series("up", "0x100", job="another", instance="d:80"),
        *shards(3, {"x-0": "1x100"}, job="another"),
        *shards(3, {"x-0": "1x100", "x-1": "1x100", "y-1": "1x100", "x-2": "1x10 stale _x19 1x70"}, workspace="gap"),
        *shards(1, {"x-0": "1x100", "y-0": "1x100"}, workspace="replicas"),
        *shards(2, {"x-0": "1x10 stale", "x-1": "1x13 stale"}, workspace="grows"),
        *shards(3, {"y-0": "_x11 1x90", "y-1": "_x14 1x87", "y-2": "_x10 1x90"}, workspace="grows"),
        *shards(2, {"x-0": "1x100", "x-1": "1x13 stale"}, workspace="grown-apart"),
        *shards(3, {"y-1": "_x14 1x87", "y-2": "_x10 1x90"}, workspace="grown-apart"),
    ],
)
