"""Scenarios for whose alert it is: pods that move, and replicas."""

from tests.rules.promtool import Series, bare, scenario, target

_PROCESS = ("instance", "pod", "container", "endpoint", "node")


def _moved(label: str) -> list[Series]:
    """Change one label of a campaign's series after 20 minutes, with nothing for three, and nothing else."""
    limits = ("queue_warning", "queue_critical")
    old = bare(f"moved-{label}", {label: "old"}, queued="1500x20 stale", **dict.fromkeys(limits, "1000x20 stale"))
    new = bare(f"moved-{label}", {label: "new"}, queued="_x24 1500x80", **dict.fromkeys(limits, "_x24 1000x80"))
    return old + new


# `pending` is surely above since minute 18, `pending-spike` has six of ten since then; `spike` has three bounces before
# the move and three after it.
_OLD = "up=1x20 stale, bounce_critical=0.05x20 stale, min_bounced=5x20 stale"
_STAYS = "\n".join(f"moved-{label} -> QueueBacklog warning 30m- critical 30m-" for label in _PROCESS)
_NEW = "up=_x24 1x80, bounce_critical=_x24 0.05x80, min_bounced=_x24 5x80"
MOVED = scenario(
    "a pod moves: no `for` and no window begins anew",
    "1m",
    "21m 24m 28m 34m 38m 45m",
    f"""
    {_STAYS}
    spike@old: sent=5000+1x12 5012x8 stale, bounced=5x9 5+1x3 8x7 stale, {_OLD}
    spike@new: sent=_x24 5012+1x12 5024x68, bounced=_x24 8x9 8+1x3 11x68, {_NEW} -> BounceSpike critical 41m-
    pending@old: sent=1000x17 1005x3 stale, bounced=100x20 stale, {_OLD}
    pending@new: sent=_x24 1005x80, bounced=_x24 100x80, {_NEW} -> BounceRatioHigh critical 23m-
    pending-spike@old: sent=50000x17 50010x3 stale, bounced=100x17 106x3 stale, {_OLD}
    pending-spike@new: sent=_x24 50010x80, bounced=_x24 106x80, {_NEW} -> BounceSpike critical 23m-
    """,
    shown=[target(), *(line for label in _PROCESS for line in _moved(label))],
    defaults={},
)

_BOTH = [target(instance="a:10421"), target(instance="b:10421")]
REPLICAS = scenario(
    "two replicas are one campaign, and a replica with a new configuration does not raise an alert alone",
    "1m",
    "18m 28m 40m 60m 75m",
    """
    backlog: queued=1500, queue_warning=1000 -> QueueBacklog warning 30m-
    backlog@b: queued=990, queue_warning=1000
    raised: queued=1500, queue_warning=1000, queue_critical=1000
    raised@b: queued=1500, queue_warning=2000, queue_critical=2000
    raised-bounce: sent=1000+2x100, bounced=48, bounce_warning=0.03
    raised-bounce@b: sent=1000+2x100, bounced=48, bounce_warning=0.05
    raised-minimum: sent=1000+2x100, bounced=48
    raised-minimum@b: sent=1000+2x100, bounced=48, min_bounced=5000
    raised-minimum-spike: sent=50000+2x100, bounced=100+1x100
    raised-minimum-spike@b: sent=50000+2x100, bounced=100+1x100, min_bounced=5000
    expected-by-one: sent=700, queued=300, stalled_warning=7200 -> QueueStalled warning 34m-
    expected-by-one@b: sent=700, queued=300, stalled_warning=7200, expected=0
    queued-for-one: sent=700, queued=300, stalled_warning=7200 -> QueueStalled warning 34m-
    queued-for-one@b: sent=700, queued=0, stalled_warning=7200
    raised-stall: sent=700, queued=300, stalled_warning=7200
    raised-stall@b: sent=700, queued=300, stalled_warning=999999
    raised-age: last_success=0, stale_after=300
    raised-age@b: last_success=0, stale_after=9000
    stuck-for-one: up=0, last_success=0
    stuck-for-one@b: last_success=0+60x100
    unreachable-for-one: up=0
    unreachable-for-one@b: last_success=0+60x100
    deleted: error_campaign_not_found=1, up=0 -> NotFound warning 15m-
    deleted@b: error_campaign_not_found=1, up=0
    late: sent=5000+2x100, bounced=5+1x100 -> BounceSpike critical 10m-
    late@b: sent=4990+2x100, bounced=0+1x100
    late-and-stopped: sent=1000, bounced=60
    late-and-stopped@b: sent=900x50 1000x50, bounced=60
    acme/ -> WorkspaceBounceSpike critical 20m-
    """,
    shown=_BOTH,
    silent=("LeadterraCampaignBounceRatioHigh", "LeadterraCampaignStatsStale"),
)

REPLICAS_DAYS = scenario(
    "two replicas, one of which has the new and milder limits",
    "30m",
    "30h 40h",
    """
    drain: sent=0+12x120, delivered=0+12x120, bounced=0, queued=5000, drain_warning=259200
    drain@b: sent=0+12x120, delivered=0, queued=5000, drain_warning=2592000
    replies: sent=1000+3x120, delivered=1000+3x120, replied=5, reply_info=0.01
    replies@b: sent=1000+3x120, delivered=1000+3x120, replied=0, reply_info=0.001
    late: sent=1000+3x120, delivered=1000+3x120, replied=5, reply_info=0.01 -> ReplyRatioLow info 24h30m-
    late@b: sent=1000+3x120, delivered=300, replied=5, reply_info=0.01
    """,
    shown=_BOTH,
    silent=("LeadterraCampaignQueueDrainSlow", "LeadterraCampaignDeliveryUnconfirmed"),
)

# It moves at 25h, when all of these are pending, and has moved at 1h.
MOVED_DAY = scenario(
    "a pod moves: alerts that need a day do not begin anew, nor at one reading of 0",
    "5m",
    "12h 23h55m 24h30m 25h 25h20m 25h50m 26h20m",
    """
    drain: queued=5000x299 stale 5000x40, drain_warning=259200x11 stale 259200x286 stale 259200x40 \
        -> QueueDrainSlow warning 26h5m-
    unconfirmed: delivered=1000+4x224 1896x74 stale 1896x40, bounced=0x299 stale 0x40 \
        -> DeliveryUnconfirmed warning 25h10m-
    replies: delivered=100x19 1000x279 stale 1000x40, replied=5x299 stale 5x40, reply_info=0.01x299 stale 0.01x40 \
        -> ReplyRatioLow info 25h40m-
    dip: sent=1000+1x340, delivered=1000+1x99 0 1100+1x240, replied=5x99 0 5x240, reply_info=0.01 \
        -> ReplyRatioLow info 24h5m-
    acme/: capacity_one=5000x289 500x9 stale 500x40, accounts_active=10x11 stale 10x281 9x4 stale 9x40 \
        -> SenderCapacityShort warning 26h10m- SenderAccountsLost warning 25h5m-
    """,
    defaults={"up": "1x299 stale 1x40", "stale_after": "300x299 stale 300x40", "sent": "1000+4x299 stale 2204+4x40"},
)
