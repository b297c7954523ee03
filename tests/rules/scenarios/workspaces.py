"""Scenarios for the alerts on what a workspace has: its campaigns, its sender pools and accounts."""

from tests.rules.promtool import scenario, target

CAMPAIGNS = scenario(
    "campaigns that leave the configuration after two hours",
    "5m",
    "4h 5h20m 5h40m 6h20m 8h 20h 25h 25h5m 28h 29h30m",
    """
    three-of-five/stay-{0..2}: up=1x600, stale_after=300x600
    three-of-five/leave-{0..1}: up=1x60 stale, stale_after=300x60 stale
    three-of-five/ -> CampaignsDropped warning 5h35m-29h
    comes-back/stay-{0..2}: up=1x600, stale_after=300x600
    comes-back/leave-{0..1}: up=1x60 stale _x11 1x500, stale_after=300x60 stale _x11 300x500
    comes-back/ -> CampaignsDropped warning 5h35m-6h5m
    emptied/leave-{0..4}: up=1x60 stale, stale_after=300x60 stale
    emptied/: configured=5x60 0x600 -> CampaignsDropped warning 5h35m-29h
    taken-out/leave-{0..4}: up=1x60 stale, stale_after=300x60 stale
    taken-out/: configured=5x60 stale
    one-of-three/stay-{0..1}: up=1x600, stale_after=300x600
    one-of-three/leaves: up=1x60 stale, stale_after=300x60 stale
    four-of-five/stay-{0..7}: up=1x600, stale_after=300x600
    four-of-five/leave-{0..1}: up=1x60 stale, stale_after=300x60 stale
    while-away/{0..4}: up=1x24 stale _x22 1x600, stale_after=300x24 stale _x22 300x600
    one-by-one/stay-{0..1}: up=1x600, stale_after=300x600
    one-by-one/queues: up=1x600, stale_after=300x600, queued=1500x600, queue_warning=1000x600 \
        -> QueueBacklog warning 30m-
    one-by-one/away: up=1x120 stale _x2 1x400, stale_after=300x120 stale _x2 300x400
    one-by-one/first: up=1x60 stale, stale_after=300x60 stale
    one-by-one/second: up=1x80 stale, stale_after=300x80 stale
    one-by-one/third: up=1x100 stale, stale_after=300x100 stale
    one-by-one/fourth: up=1x120 stale, stale_after=300x120 stale
    second-replica/{0..2}: stale_after=300x600
    second-replica/{0..2}@b: stale_after=300x60 stale
    outage/over: sent=1000+5x12 stale, bounced=100x12 stale, up=1x12 0x600, stale_after=300x600, min_bounced=5, \
        bounce_warning=0.03, bounce_critical=0.05 \
        -> BounceRatioHigh critical 10m-25h5m warning 20m-25h5m StatsStale warning 1h10m-
    -> ExporterDown critical 2h10m-4h5m
    """,
    shown=[target("1x24 0x24 1x600")],
    defaults={},
)

# Two pools of 500: three campaigns' 6,000 emails take six days. The smallest limit counts.
SENDERS = scenario(
    "sender accounts and the capacity of sender pools",
    "5m",
    "1h55m 2h10m 3h25m 5h 25h20m 25h40m 30h",
    """
    short/: capacity_one=500, capacity_two=500 -> SenderCapacityShort warning 2h-
    short/@b: capacity_one=500, capacity_two=500
    short/{0..1}: queued=2000
    short/{0..1}@b: queued=0
    short/smallest: queued=2000, drain_warning=432000
    enough/: capacity_one=500, capacity_two=500
    enough/@b: capacity_one=100
    enough/{0..2}: queued=2000
    enough/{0..2}@b: queued=1000
    just-enough/: capacity_one=500, capacity_two=500
    just-enough/{0..1}: queued=2000
    just-enough/smallest: queued=2000, drain_warning=518400
    no-limit/: capacity_one=500, capacity_two=500
    no-limit/{0..2}: queued=2000, drain_warning=, drain_critical=432000
    no-capacity/: capacity_one=0, capacity_two=0 -> SenderCapacityShort warning 2h-
    no-capacity/0: queued=2000
    nothing-queued/: capacity_one=0, capacity_two=0
    nothing-queued/0: queued=0
    dip/: capacity_one=500, capacity_two=500 -> SenderCapacityShort warning 2h-
    dip/{0..1}: queued=2000x40 0 2000x400
    dip/smallest: queued=2000x40 0 2000x400, drain_warning=432000
    grows/: capacity_one=500x20 1000x400, capacity_two=500x20 1000x400
    grows/{0..1}: queued=2000
    grows/smallest: queued=2000, drain_warning=432000
    lost/: accounts_active=10x300 9x400, accounts_paused=2 -> SenderAccountsLost warning 25h35m-
    lost/@b: accounts_active=9
    gained/: accounts_active=10x300 11x400, accounts_paused=2x300 0x400
    lost-for-one/: accounts_active=10
    lost-for-one/@b: accounts_active=10x300 9x400
    paused/: accounts_active=10, accounts_paused=0x300 5x400
    brief/: accounts_active=10x300 9x4 10x400, accounts_paused=2
    """,
    defaults={"drain_warning": "604800"},
)
