"""Scenarios for the queue alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import DEFAULTS, scenario

BACKLOG = scenario(
    "queue against its limit",
    "1m",
    "5m 28m 35m 52m 60m 90m",
    """
    over-warning: queued=1500, queue_warning=1000, queue_critical=2000 -> QueueBacklog warning 30m-
    over-both: queued=2500, queue_warning=1000, queue_critical=2000 -> QueueBacklog warning 30m- critical 30m-
    gap: queued=2500x49 stale _x4 2500x100, queue_warning=1000, queue_critical=2000 \
        -> QueueBacklog warning 30m- critical 30m-
    dip: queued=2500x20 0 2500x100, queue_warning=1000 -> QueueBacklog warning 30m-
    at-the-limit: queued=1000, queue_warning=1000
    at-the-critical-limit: queued=2000, queue_critical=2000
    no-limit: queued=90000
    emptied: queued=1500x9 900x100, queue_warning=1000
    limit-raised: queued=1500, queue_warning=1000x40 2000x100 -> QueueBacklog warning 30m-41m
    """,
)

# 48 in each two hours are 576 a day: a queue of 5000 needs more than eight days, one of 1000 less than two.
DRAIN = scenario(
    "time that the queue needs",
    "2h",
    "24h 30h 38h 46h 56h 60h 68h 84h 106h 110h 130h 160h 186h 190h 200h 240h",
    """
    slow: queued=5000, drain_critical=999999 -> QueueDrainSlow warning 28h-
    fast: queued=1000
    nothing-queued: queued=0
    no-limit: queued=5000, drain_warning=
    limit-raised: queued=5000, drain_warning=259200x19 2592000x110 -> QueueDrainSlow warning 28h-40h
    started-late: sent=0x39 0+120x90, queued=0x39 4000x90
    started-late-and-slow: sent=0x39 0+48x90, queued=0x39 5000x90 -> QueueDrainSlow warning 108h-
    young: sent=_x15 200+48x115, queued=_x15 5000x115 -> QueueDrainSlow warning 58h-
    anew: sent=5000+48x20 0+48x110, queued=5000 -> QueueDrainSlow warning 28h-42h 70h-
    first-day: sent=0+48x11 20528+48x118, queued=3000 -> QueueDrainSlow warning 194h-
    one-email: sent=0+48x3 192x10 193x117, queued=5000 -> QueueDrainSlow warning 28h-196h
    one-in-three-days: sent=100x35 101x35 102x35 103x25, queued=5000 -> QueueDrainSlow warning 146h-
    stopped: sent=0+48x3 192x127, queued=10
    at-the-limit: sent=0+225x130, queued=8100
    """,
    defaults=DEFAULTS | {"drain_warning": "259200", "sent": "0+48x130"},
    once=("slow CampaignQueueDrainSlow warning",),
)

# A limit of two hours: 24 evaluations, and one for `for`.
STALLED = scenario(
    "queue that nothing leaves",
    "5m",
    "2h5m 2h15m 2h35m 3h 4h 4h30m 5h 6h 7h 7h30m 8h",
    """
    paused: queued=300 -> QueueStalled warning 2h10m-
    gap: sent=700x20 stale _x2 700x80, queued=300x20 stale _x2 300x80, expected=1x20 stale _x2 1x80 \
        -> QueueStalled warning 2h25m-
    outage: sent=700x19 stale _x59 700x20, queued=300x19 stale _x59 300x20, up=1x19 stale _x59 1x20 \
        -> QueueStalled warning 7h10m-
    sends-in-outage: sent=700x19 stale _x59 710x20, queued=300x19 stale _x59 300x20, up=1x19 stale _x59 1x20
    resumed: sent=700x40 700+1x60 -> QueueStalled warning 2h10m-3h30m
    emptied-for-an-hour: queued=300x20 0x11 300x70 -> QueueStalled warning 2h10m-2h30m 4h50m-
    dip: sent=700x20 0 700x80, queued=300x20 0 300x80 -> QueueStalled warning 2h10m-
    late: sent=700x20 695 700 695 700 695 700 695 700 700x80 -> QueueStalled warning 2h10m-
    corrected: sent=700x20 699x80 -> QueueStalled warning 2h10m-
    anew: sent=700x20 0x80 -> QueueStalled warning 2h10m-2h30m 4h40m-
    anew-with-some: sent=700x20 300x80 -> QueueStalled warning 2h10m-2h30m 4h40m-
    never-sent: sent=0 -> QueueStalled warning 2h10m-
    one-queued: queued=1 -> QueueStalled warning 2h10m-
    nothing-queued: queued=0
    sent-unknown: sent=
    one-an-hour: sent=700x11 701x11 702x11 703x11 704x11 705x11 706x11 707x20
    outside-of-its-hours: expected=0
    some-hours: expected=0x11 1x11 0x23 1x50 -> QueueStalled warning 5h5m-
    no-limit: stalled_warning=
    no-warning: stalled_warning=, stalled_critical=7200
    """,
    defaults=DEFAULTS | {"sent": "700", "queued": "300", "stalled_warning": "7200"},
)

SCENARIOS = (BACKLOG, DRAIN, STALLED)
