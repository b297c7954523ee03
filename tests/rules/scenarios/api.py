"""Scenarios for what the exporter can read, and what it is told; a campaign's id says what it is a case of."""

from tests.rules.promtool import JOB, bare, scenario, series

KEYS = scenario(
    "one workspace's key is refused, another's belongs to no workspace, a third works",
    "1m",
    "3m 6m 8m 12m 42m 48m",
    """
    one: up=0, stale_after=300, error_authentication_failed=1
    acme/ -> APIAuthFailing critical 5m-
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
    """,
    shown=[*bare("two", {"client": "globex"}, up="0", stale_after="300", error_authentication_failed="1")],
    defaults={},
)

FIGURES = scenario(
    "campaigns that are not found or no longer answer",
    "1m",
    "3m 8m 13m 18m 25m 33m 43m 52m",
    """
    deleted: stale_after=, error_campaign_not_found=1, up=0 -> NotFound warning 15m-
    deleted-gap: error_campaign_not_found=1x39 stale _x4 1x60, up=0x39 stale _x4 0x60 -> NotFound warning 15m-
    found-again: error_campaign_not_found=1x30 stale, up=0x30 1x70 -> NotFound warning 15m-31m
    taken-out: error_campaign_not_found=1x30 stale, up=0x30 stale, stale_after=300x30 stale \
        -> NotFound warning 15m-31m
    never-answered: up=0 -> StatsStale warning 5m-
    fresh: up=1, last_success=0+60x100
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
    defaults={"stale_after": "300"},
)

_OTHER = {"job": JOB, "instance": "a:10421", "workspace": "acme", "endpoint": "sender-pools", "code": "429"}
LIMITED = scenario(
    "429s, from two endpoints and two replicas",
    "1m",
    "18m 28m 36m 48m 55m",
    """
    acme/: requests_429=0+1x100, requests_200=0+9x100 -> APIRateLimited warning 31m-
    acme/@b: requests_429=0+1x100
    burst/: requests_429=0x10 50x90
    fine/: requests_200=0+9x100, requests_429=0x100
    restarted/: requests_429=0+1x20 0+1x80 -> APIRateLimited warning 31m-
    """,
    shown=[series("leadterra_api_requests_total", "0+1x100", **_OTHER)],
)

UNREACHABLE = scenario(
    "polls of which more than half fail, or other things happen to them",
    "1m",
    "12m 18m 30m 37m 45m 75m 85m 95m",
    """
    down/: polls_success=0+10x20 200x80, polls_timeout=0x20 0+10x80 -> APIUnreachable critical 41m-
    errors/: polls_success=0+4x100, polls_server_error=0+2x100, polls_connection_failed=0+1x100, \
        polls_timeout=0+2x100 -> APIUnreachable critical 16m-
    nonsense/: polls_success=0+4x100, polls_unexpected_status=0+3x100, polls_invalid_response=0+3x100 \
        -> APIUnreachable critical 16m-
    one-of-two/: polls_success=0+1x100, polls_timeout=0+1x100
    refused/: polls_success=0x100, polls_authentication_failed=0+1x100, polls_workspace_not_found=0+1x100
    deleted/: polls_success=0+1x100, polls_campaign_not_found=0+9x100, polls_invalid_request=0+9x100
    limited/: polls_success=0+1x100, polls_rate_limited=0+9x100
    idle/: polls_success=0x100, polls_timeout=0x100
    brief/: polls_success=0+10x20 200x5 210+10x73, polls_timeout=0x20 0+10x5 50x73
    back/: polls_success=0x60 0+10x40, polls_timeout=0+10x60 600x40 -> APIUnreachable critical 16m-81m
    """,
)

SOURCES = scenario(
    "lists of campaigns that can't be read",
    "1m",
    "23m 27m 60m",
    """
    acme/: source_crm=1x9 0x60 -> CampaignSourceFailing warning 25m-
    acme/@b: source_crm=1x69
    brief/: source_crm=1x9 0x9 1x50
    """,
)
