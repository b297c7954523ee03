"""Scenarios for what fires when figures are missing, five minutes a step; a campaign's id says what it is a case of."""

from dataclasses import replace

from tests.rules.promtool import scenario, target
from tests.rules.scenarios.sender import Life, Spans, exporter, sends, shards, shown

_OVER = ("over CampaignBounceRatioHigh critical", "over CampaignBounceRatioHigh warning")
_STALLED = "stalled CampaignQueueStalled warning"
_TWO_HOURS = {"stalled_warning": "7200"}


def _over(hours: float = 12, failing: Spans = (), away: Spans = ()) -> Life:
    """Return a campaign that has bounced 10 %, and still sends."""
    return Life(hours / 24, sends(60), bounced=100, failing=failing, away=away)


def _queued(hours: float, since: float = 0, until: float = 99, failing: Spans = ()) -> Life:
    """Return a campaign whose queue is above its limit for a while."""
    queued = sends(1500, pauses=[(0, since), (until, 99)])
    return Life(hours / 24, sends(60), queued=queued, failing=failing, limits={"queue_warning": "1000"})


def _fleet(hours: float, failing: Spans = (), away: Spans = ()) -> dict[str, Life]:
    """Return campaigns that an outage finds firing, and one that it does not; the backlog is gone after 5 hours."""
    days = hours / 24
    lives = {
        "over": _over(hours),
        "spike": Life(days, sends(60), lambda hour: 0.5 if 2 <= hour < 5 else 0.0, sent=50_000),
        "backlog": _queued(hours, until=5),
        "stalled": Life(days, sends(0), limits=_TWO_HOURS),
        "stalls": Life(days, sends(60, lambda hour: hour < 2.5), limits=_TWO_HOURS),
        "healthy": Life(days, sends(60)),
    }
    return {case: replace(life, failing=failing, away=away) for case, life in lives.items()}


def _pool(workspace: str, failing: Spans = (), away: Spans = ()) -> dict[str, Life]:
    """Return four campaigns that bounce a little too much each, and together far too much."""
    limits = {"bounce_warning": "", "min_bounced": "99"}
    life = Life(0.5, sends(12), lambda _: 0.15, bounced=10, failing=failing, away=away, limits=limits)
    return {f"{workspace}/{number}": life for number in range(4)}


_POLLS = "polls_success=0+5x47 235x48 240+5x50, polls_timeout=0x47 0+5x48 240x50"
API = scenario(
    "the API does not answer for four hours, and campaigns are taken out of the configuration while it does",
    "5m",
    "2h20m 3h 3h50m 4h10m 4h25m 4h50m 5h30m 6h30m 7h55m 8h10m 8h50m 9h20m 9h30m 11h",
    f"""
    over -> BounceRatioHigh critical 10m- warning 20m-
    backlog -> QueueBacklog warning 30m-8h
    stalled -> QueueStalled warning 2h10m-
    stalls -> QueueStalled warning 8h40m-
    spike -> BounceSpike critical 2h30m-8h
    taken-out -> BounceRatioHigh critical 10m-5h warning 20m-5h
    pending -> QueueBacklog warning 8h30m-
    acme/: {_POLLS} -> APIUnreachable critical 4h20m-8h20m
    pool/: {_POLLS} -> APIUnreachable critical 4h20m-8h20m WorkspaceBounceSpike critical 1h55m-
    gone/: {_POLLS} -> APIUnreachable critical 4h20m-8h20m WorkspaceBounceSpike critical 1h55m-5h
    milder/ -> WorkspaceBounceSpike critical 1h55m-2h30m
    milder/than-they: up=0, bounce_critical=_x29 0.9x150, error_timeout=1 -> StatsStale warning 5m-
    left/over -> BounceRatioHigh critical 10m-4h10m warning 20m-4h10m
    left/deleted: error_campaign_not_found=1x47 stale, up=0x47 stale, stale_after=300x47 stale \
        -> NotFound warning 15m-4h10m
    left/ -> CampaignsDropped warning 4h30m-9h
    left/unconfirmed -> DeliveryUnconfirmed warning 6h45m-9h10m
    """,
    shown=[
        exporter(0.5),
        *shown(_fleet(12, failing=[(4, 8)])),
        *shown({"taken-out": _over(failing=[(4, 8)], away=[(5, 99)]), "pending": _queued(12, 3.8, failing=[(4, 8)])}),
        *shown(_pool("pool", [(4, 8)]) | _pool("gone", [(4, 8)], [(5, 99)]) | _pool("milder")),
        *shown({"left/over": _over(away=[(4, 99)])}),
        *shown({"left/unconfirmed": Life(0.5, sends(60), confirmed_until=0, away=[(9, 99)])}),
    ],
    once=(*_OVER, _STALLED, "pool/ WorkspaceBounceSpike critical"),
)

_STANDS = Life(0.5, sends(0), away=[(4, 6)], limits=_TWO_HOURS)
EXPORTER = scenario(
    "the exporter is gone for two hours",
    "5m",
    "2h50m 3h20m 4h10m 4h50m 5h50m 6h10m 6h30m 7h50m 8h20m 11h",
    """
    over -> BounceRatioHigh critical 10m- warning 20m-
    backlog -> QueueBacklog warning 30m-6h
    stalled -> QueueStalled warning 2h10m-
    stalls -> QueueStalled warning 6h40m-
    sends-meanwhile -> QueueStalled warning 2h10m-6h 8h10m-
    anew-meanwhile -> QueueStalled warning 2h10m-6h 8h10m-
    spike -> BounceSpike critical 2h30m-6h
    taken-out-before -> BounceRatioHigh critical 20m-3h5m warning 20m-3h5m
    taken-out-meanwhile -> BounceRatioHigh critical 20m-6h warning 20m-6h
    deleted: error_campaign_not_found=1x47 stale _x23 1x120, up=0x47 stale _x23 0x120 -> NotFound warning 15m-
    -> ExporterDown critical 4h5m-6h
    """,
    shown=[
        exporter(0.5, [(4, 6)]),
        target(instance="b:10421"),
        *shown(
            _fleet(12, away=[(4, 6)])
            | {"taken-out-before": _over(away=[(3, 99)]), "taken-out-meanwhile": _over(away=[(4, 99)])}
            | {"sends-meanwhile": replace(_STANDS, rate=sends(60, lambda hour: 4.5 <= hour < 5))}
            | {"anew-meanwhile": replace(_STANDS, anew=5)}
        ),
    ],
    once=(*_OVER, _STALLED),
)

RESTART = scenario(
    "the exporter restarts: nobody is polled for ten minutes, or a list of campaigns can't be had for two hours",
    "5m",
    "40m 47m 57m 1h2m 1h25m 2h 2h50m 3h40m 4h50m",
    """
    over: sent=1000+5x9 stale _ 1060+5x60, bounced=100x9 stale _ 100x60, up=1x9 stale _ 1x60 \
        -> BounceRatioHigh critical 10m- warning 20m-
    pending: sent=1000x7 1005x1 stale _ 1060+5x60, bounced=100x9 stale _ 100x60, up=1x9 stale _ 1x60 \
        -> BounceRatioHigh critical 45m- warning 55m-
    healthy: sent=1000+5x9 stale _ 1060+5x60, bounced=20x9 stale _ 20x60, up=1x9 stale _ 1x60
    warned: sent=1000+5x9 stale _ 1060+1x60, bounced=45x9 stale _ 45x60, up=1x9 stale _ 1x60, queued=1500, \
        queue_critical=1000 -> BounceRatioHigh warning 20m- QueueBacklog critical 30m-
    unread/over -> BounceRatioHigh critical 20m- warning 20m-
    globex/over -> BounceRatioHigh critical 20m-1h5m 3h15m- warning 20m-1h5m 3h15m-
    unread/: source_crm=1x11 0x23 1x100 -> CampaignSourceFailing warning 1h15m-3h
    globex/: source_crm=1x100
    """,
    shown=shown({"unread/over": _over(5, away=[(1, 3)]), "globex/over": _over(5, away=[(1, 3)])}),
    once=(*_OVER, *(f"unread/{who}" for who in _OVER), "pending CampaignBounceRatioHigh warning"),
)

SHARD = scenario(
    "one of two shards is gone for two hours, and its target with it",
    "5m",
    "1h50m 2h20m 2h50m 3h20m 3h50m 4h20m 5h50m",
    """
    over -> BounceRatioHigh critical 20m- warning 20m-
    on-0 -> BounceRatioHigh critical 20m- warning 20m-
    taken-out-of-0 -> BounceRatioHigh critical 20m-4h warning 20m-4h
    backlog-on-0 -> QueueBacklog warning 30m-3h10m
    -> ExporterShardMissing critical 2h10m-4h
    """,
    shown=[
        *shards(2, {"x-0": "1x100", "x-1": "1x23 stale _x23 1x50"}),
        *shards(1, {"y-0": "_x24 1x23 stale"}),
        *shown(
            {
                "over@x-1": _over(6, away=[(2, 4)]),
                "other@x-1": Life(0.25, sends(20), away=[(2, 4)]),
                "on-0@x-0": _over(6),
                "taken-out-of-0@x-0": _over(6, away=[(3, 99)]),
                "backlog-on-0@x-0": _queued(6, until=3),
            }
        ),
    ],
    once=_OVER,
    silent=("LeadterraCampaignsDropped",),
)
