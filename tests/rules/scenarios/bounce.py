"""Scenarios for the bounce alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import DEFAULTS, scenario

# Of 1,000 emails 40 are surely above 3 %, and of 40 emails 5 surely above 5 %.
LIFETIME = scenario(
    "bounce ratio over a campaign's life",
    "5m",
    "5m 15m 22m 27m 32m 37m 42m 47m 52m 100m 200m",
    """
    four-percent: sent=1000+50x40, bounced=40+2x40 -> BounceRatioHigh warning 20m-
    nine-percent: sent=1000+10x40, bounced=90 -> BounceRatioHigh critical 10m- warning 20m-
    at-the-limit: sent=1000+500x40, bounced=30+15x40
    three-of-52: sent=0+13x4 52x36, bounced=0x3 3x36
    five-of-52: sent=0+13x4 52x36, bounced=0x3 5x36 -> BounceRatioHigh warning 35m-
    six-of-52: sent=0+13x4 52x36, bounced=0x3 6x36 \
        -> BounceRatioHigh critical 25m- warning 35m- BounceSpike critical 25m-80m
    five-of-49: sent=0+7x7 49x33, bounced=0x6 5x33 \
        -> BounceRatioHigh critical 40m- warning 50m- BounceSpike critical 40m-95m
    thirty-of-thirty: sent=0+10x3 30x37, bounced=0+10x3 30x37 \
        -> BounceRatioHigh critical 10m- warning 20m- BounceSpike critical 10m-75m
    nearly-all: sent=0+10x3 30x37, bounced=0+10x3 30x37, bounce_warning=, bounce_critical=0.9 \
        -> BounceRatioHigh critical 20m- BounceSpike critical 20m-75m
    four-of-four: sent=0+2x2 4x38, bounced=0+2x2 4x38
    more-than-sent: sent=0 5x40, bounced=0 12x40 \
        -> BounceRatioHigh critical 10m- warning 20m- BounceSpike critical 10m-65m
    gap: sent=1000+50x9 stale _ 1550+50x30, bounced=400x9 stale _ 400x30 \
        -> BounceRatioHigh critical 10m- warning 20m-
    never-sent: sent=0, bounced=0
    finished: sent=1000, bounced=100
    no-limit: sent=1000+50x40, bounced=300, bounce_warning=, bounce_critical=
    milder-limit: sent=1000+10x40, bounced=90, bounce_warning=, bounce_critical=0.2
    limit-raised: sent=1000+50x40, bounced=40+2x40, bounce_warning=0.03x9 0.045x31 -> BounceRatioHigh warning 20m-50m
    no-minimum: sent=1000+10x40, bounced=90, min_bounced=
    higher-minimum: sent=1000+10x40, bounced=90, min_bounced=91
    """,
)

# Ten hours of sending at 4 %, then what the id says.
DAYS = scenario(
    "bounce ratios where a campaign stops, is corrected or sends unseen, or a workspace sends half as much",
    "1h",
    "0h 9h 12h 17h 33h 52h 60h 70h 80h 85h 90h",
    """
    stopped: sent=1000+120x10 2200x90, bounced=40+4.8x10 88x90 -> BounceRatioHigh warning 2h-82h
    corrected-after-the-end: sent=1000x10 999x90, bounced=44
    one-sent: sent=1000x9 1001x90, bounced=90 -> BounceRatioHigh critical 11h-82h warning 11h-82h
    sent-in-a-gap: sent=1000x10 stale _x3 1100x90, bounced=44x10 stale _x3 44x90 -> BounceRatioHigh warning 16h-83h
    half-of-usual/one: sent=1000x9 1500x39 1600x50, bounced=10x49 40x50, bounce_warning=, min_bounced=9999
    """,
    silent=("LeadterraWorkspaceBounceSpike",),
)

# What one reading, or half an hour of old ones, does not prove. The figures of `anew` are its own within the hour.
READINGS = scenario(
    "readings that are 0, old or corrected, and a campaign that is created anew",
    "5m",
    "1h 1h50m 2h 2h20m 2h42m 2h52m 3h10m 4h 6h",
    """
    dip: sent=1000x20 0 1000x60, bounced=60x20 0 60x60
    dip-while-firing: sent=1000+10x20 0 1220+10x60, bounced=90+0.4x20 0 99+0.4x60 \
        -> BounceRatioHigh critical 10m- warning 20m-
    late-after-the-end: sent=1000x20 990 1000 990 1000 990 1000 1000x60, bounced=60
    anew-and-bad: sent=3000+10x20 0+10x60, bounced=60x20 0+2x60 \
        -> BounceRatioHigh critical 2h40m- warning 2h50m- BounceSpike critical 3h35m-
    anew-and-good: sent=3000+10x20 0+10x60, delivered=2760+9.9x20 0+9.9x60, bounced=240+0.1x20 0+0.1x60 \
        -> BounceRatioHigh critical 10m-2h30m warning 20m-2h30m
    corrected: sent=3000+10x80, bounced=200x20 60x60 -> BounceRatioHigh critical 10m-2h30m warning 20m-2h30m
    """,
    silent=("LeadterraCampaignDeliveryUnconfirmed",),
)

# 1/16 is a limit that figures can meet exactly. Of `late` every other answer is old.
SPIKE = scenario(
    "bounce ratio of the last hours",
    "5m",
    "5m 12m 17m 32m 47m 57m 90m 110m 140m 200m",
    """
    spike: sent=5000+10x60, bounced=5x6 5+5x54 -> BounceSpike critical 50m-
    gap: sent=5000+10x12 stale _ 5150+10x46, bounced=5+5x12 stale _ 80x46, bounce_critical=0.05x12 stale _ 0.05x46, \
        up=1x12 stale _ 1x46 -> BounceSpike critical 10m-135m
    ten-of-121: sent=5000+40x2 5121x58, bounced=5+4x2 15x58 -> BounceSpike critical 15m-70m
    ten-of-122: sent=5000+40x2 5122x58, bounced=5+4x2 15x58
    more-than-sent: sent=5000 5005x60, bounced=5 17x60 -> BounceSpike critical 10m-65m
    plainly-above: sent=5000+50x60, bounced=5+2.75x60
    last-hour-at-the-limit: sent=5000+80x60, bounced=5+40x4 170+5x56, bounce_warning=, bounce_critical=0.0625 \
        -> BounceSpike critical 10m-80m
    one-at-the-end: sent=5000+10x4 5040x14 5041x40, bounced=5+5x4 25x14 26x40 \
        -> BounceSpike critical 10m-75m 100m-150m
    over: sent=5000+10x60, bounced=5+5x4 25x56 -> BounceSpike critical 10m-75m
    only-the-last-hour: sent=5000+100x60, bounced=5x12 5+8x12 101x36
    few-bounced: sent=5000+1x60, bounced=5+1x4 9x56
    just-enough-bounced: sent=5000+1x60, bounced=5+1x5 10x55 -> BounceSpike critical 30m-85m
    bounces-after-the-last-email: sent=5000+50x4 5200x56, bounced=5x18 5+2.5x42
    corrected-down: sent=50000+10x60, bounced=200x2 40+0.2x58
    corrected-later: sent=50000+10x60, bounced=200+5x10 250x10 249x40 -> BounceSpike critical 10m-105m
    sent-corrected-down: sent=50000+50x14 50100+50x46, bounced=200+1x60
    no-critical-limit: sent=50000+10x60, bounced=5+5x60, bounce_critical=
    milder-limit: sent=5000+10x60, bounced=5+1.5x60, bounce_critical=0.2
    milder-limit-long: sent=5000+50x60, bounced=5x12 8+15x48, bounce_warning=, bounce_critical=0.2
    dip: sent=5000+50x20 0 6050+50x39, bounced=100+1x20 0 121+1x39
    late: sent=5000+50x10 5500 5600 5500 5600 5500 5600 5850+50x43, \
        bounced=100+1x10 105 112 105 112 105 112 117+1x43
    """,
)

# None of a workspace's numbered campaigns has enough bounces to alert alone. A list that is bad bounces 40 of 80.
WORKSPACE = scenario(
    "bounces of a workspace's campaigns together",
    "30m",
    "30m 3h 4h 6h 12h 18h 22h 23h 27h30m 40h",
    """
    twenty/{0..19}: sent=100+0.5x90, bounced=2+0.06x90
    twenty/ -> WorkspaceBounceSpike critical 5h-
    fine/{0..1}: sent=100+5x90, bounced=2+0.1x90
    few/0: sent=100+5x3 115x87, bounced=2+3x3 11x87
    milder/{0..1}: sent=100+5x90, bounced=2+0.6x90
    milder/than-they: sent=0, bounced=0, bounce_critical=0.2
    no-limit/{0..1}: sent=100+5x90, bounced=2+0.6x90, bounce_critical=
    one-list/{0..1}: sent=100+5x90, bounced=2+0.1x90
    one-list/list: sent=5000+10x8 5080+1x82, bounced=100+5x8 140+0.02x82, min_bounced=5 -> BounceSpike critical 1h-5h
    one-list/old: sent=1000+1x90, bounced=90, min_bounced=5, bounce_warning= -> BounceRatioHigh critical 1h-
    both/{0..1}: sent=100+5x90, bounced=2+0.6x90
    both/list: sent=500000+500x8 504000+1x82, bounced=100+250x8 2100+0.02x82, min_bounced=5 \
        -> BounceSpike critical 1h-5h
    both/ -> WorkspaceBounceSpike critical 5h-28h
    two-lists/0: sent=100+5x90, bounced=2+0.1x90
    two-lists/list: sent=5000+10x8 5080+1x82, bounced=100+5x8 140+0.02x82, min_bounced=5 -> BounceSpike critical 1h-5h
    two-lists/worse: sent=5000+10x8 5080+1x82, bounced=100+8x8 164+0.02x82, min_bounced=5 -> BounceSpike critical 1h-5h
    two-lists/ -> WorkspaceBounceSpike critical 1h-26h30m
    warned/0: sent=5000+2.5x90, bounced=200+0.3x90, min_bounced=5, bounce_critical=0.05x1 0.03 0.05x87, queued=1500, \
        queue_critical=1000 \
        -> BounceRatioHigh warning 1h- QueueBacklog critical 30m-
    warned/ -> WorkspaceBounceSpike critical 17h30m-
    ten-of-121/0: sent=100+30x4 221x86, bounced=2x3 12x86
    ten-of-121/ -> WorkspaceBounceSpike critical 2h30m-26h
    ten-of-122/0: sent=100+30x4 222x86, bounced=2x3 12x86
    more-than-sent/{0..1}: sent=100 102 104 105x87, bounced=2+2x3 8x87, bounce_critical=0.9
    more-than-sent/ -> WorkspaceBounceSpike critical 2h-24h30m
    stopped/{0..1}: sent=100+5x90, bounced=2+0.6x20 14x70
    stopped/ -> WorkspaceBounceSpike critical 5h-17h30m
    corrected/0: sent=20000+400x30 24000+400x60, bounced=20+11.8x90
    """,
    defaults=DEFAULTS | {"min_bounced": "999"},
)
