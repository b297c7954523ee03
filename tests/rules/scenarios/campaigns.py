"""Scenarios for the queue, delivery and reply alerts, and for weeks of sending; an id says what it is a case of."""

from tests.rules.promtool import DEFAULTS, scenario
from tests.rules.scenarios.sender import Life, exporter, office, sends, shown, total

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
    "2h5m 2h15m 2h35m 3h 4h 4h30m 5h 6h 7h 7h30m 8h 9h20m 9h50m",
    """
    paused: queued=300 -> QueueStalled warning 2h10m-
    gap: sent=700x20 stale _x2 700x99, queued=300x20 stale _x2 300x99, expected=1x20 stale _x2 1x99 \
        -> QueueStalled warning 2h25m-
    outage: sent=700x19 stale _x87 700x20, queued=300x19 stale _x87 300x20, up=1x19 stale _x87 1x20 \
        -> QueueStalled warning 9h30m-
    sends-in-outage: sent=700x19 stale _x87 710x20, queued=300x19 stale _x87 300x20, up=1x19 stale _x87 1x20
    resumed: sent=700x40 700+1x90 -> QueueStalled warning 2h10m-3h30m
    emptied-for-an-hour: queued=300x20 0x11 300x99 -> QueueStalled warning 2h10m-2h30m 4h50m-
    dip: sent=700x20 0 700x99, queued=300x20 0 300x99 -> QueueStalled warning 2h10m-
    late: sent=700x20 695 700 695 700 695 700 695 700 700x99 -> QueueStalled warning 2h10m-
    corrected: sent=700x20 699x99 -> QueueStalled warning 2h10m-
    anew: sent=700x20 0x99 -> QueueStalled warning 2h10m-2h30m 4h40m-
    anew-with-some: sent=700x20 300x99 -> QueueStalled warning 2h10m-2h30m 4h40m-
    never-sent: sent=0 -> QueueStalled warning 2h10m-
    one-queued: queued=1 -> QueueStalled warning 2h10m-
    nothing-queued: queued=0
    sent-unknown: sent=
    one-an-hour: sent=700x11 701x11 702x11 703x11 704x11 705x11 706x11 707x11 708x20
    outside-of-its-hours: expected=0
    some-hours: expected=0x11 1x11 0x23 1x99 -> QueueStalled warning 5h5m-
    no-limit: stalled_warning=
    no-warning: stalled_warning=, stalled_critical=7200
    """,
    defaults=DEFAULTS | {"sent": "700", "queued": "300", "stalled_warning": "7200"},
)

_SENT_IN_HOURS = total(sends(120, office), 80, 1)

# What is confirmed an hour or five late is always some, however much is sent.
UNCONFIRMED = scenario(
    "emails neither delivered nor bounced",
    "1h",
    "5h 10h 12h 15h 20h 24h 40h 60h 70h 79h",
    f"""
    never-again: sent=100000+120x80, delivered=98000+120x10 99200x70, bounced=2000 -> DeliveryUnconfirmed warning 18h-
    new: sent=0+120x80, delivered=0, bounced=0 -> DeliveryUnconfirmed warning 8h-
    a-fifth: sent=1000+120x80, delivered=980+96x80, bounced=20 -> DeliveryUnconfirmed warning 32h-
    a-tenth: sent=1000+100x80, delivered=980+90x80, bounced=20
    other/bounced: sent=1000+120x80, delivered=980+60x80, bounced=20+60x80, bounce_warning=, bounce_critical=
    an-hour-late: sent={_SENT_IN_HOURS}, delivered=0 {_SENT_IN_HOURS}, bounced=0
    five-hours-late: sent={_SENT_IN_HOURS}, delivered=0x4 {_SENT_IN_HOURS}, bounced=0
    some-lost-long-ago: sent=100000+120x80, delivered=99000+120x80, bounced=0
    few: sent=0+4x12 49x70, delivered=0, bounced=0
    just-enough: sent=0+5x10 50x70, delivered=0, bounced=0 -> DeliveryUnconfirmed warning 11h-73h
    never-sent: sent=0, delivered=0, bounced=0
    finished: sent=1000, delivered=900x30 500x50, bounced=0
    one-sent: sent=1000x10 1001x70, delivered=900x9 500x71, bounced=0 -> DeliveryUnconfirmed warning 11h-82h
    caught-up: sent=1000+120x80, delivered=1000x30 4600+120x50, bounced=0 -> DeliveryUnconfirmed warning 8h-31h
    not-shown: sent=0+120x80, delivered=0, bounced=0, stale_after=
    """,
)

REPLIES = scenario(
    "replies against their floor",
    "2h",
    "12h 24h 28h 50h",
    """
    few: sent=1000+12x30, delivered=1000+12x30, replied=5, reply_info=0.01, reply_warning=0.001 \
        -> ReplyRatioLow info 26h-
    enough: sent=1000+12x30, delivered=1000+12x30, replied=50, reply_info=0.01
    at-the-floor: sent=1000+100x30, delivered=1000+100x30, replied=10+1x30, reply_info=0.01
    no-floor: sent=1000+12x30, delivered=1000+12x30, replied=5
    few-delivered: sent=150+1x30, delivered=150+1x30, replied=0, reply_info=0.01
    just-enough-delivered: sent=200+12x30, delivered=200, replied=0, reply_info=0.01 -> ReplyRatioLow info 26h-
    finished: sent=1000, delivered=1000, replied=5, reply_info=0.01
    one-sent: sent=1000 1001x30, delivered=1000, replied=5, reply_info=0.01 -> ReplyRatioLow info 26h-
    """,
)

# Counted in hours from a Monday at 00:00.
_DAYS = 11
_OFFICE = sends(50, office)
_HALF_DAYS = sends(100, lambda hour: office(hour) and hour % 24 < 13)
_DRAINS = {"drain_warning": "604800"}
_LIVES = {
    "healthy": Life(_DAYS, _OFFICE, delay=3, expected=office, queued=lambda _: 1500, limits=_DRAINS),
    "half-days": Life(_DAYS, _HALF_DAYS, delay=5, expected=office, queued=lambda _: 1500, limits=_DRAINS),
    "slow": Life(_DAYS, _OFFICE, expected=office, queued=lambda _: 3000, limits=_DRAINS),
    "over": Life(_DAYS, _OFFICE, expected=office, bounced=400),
    "four-days-off": Life(_DAYS, sends(50, office, [(96, 192)]), expected=office, bounced=400),
    "wednesday": Life(_DAYS, sends(50, office, [(60, 999)]), expected=office),
    "friday": Life(_DAYS, sends(50, office, [(111, 999)]), expected=office, limits={"stalled_warning": "57600"}),
}

SENDERS = scenario(
    "eleven days of those who send on weekdays from 9 to 17",
    "5m",
    "9h 10h 60h 110h 130h 150h 167h 170h 183h 186h 192h 200h 203h 230h 251h30m 253h",
    """
    over -> BounceRatioHigh critical 9h10m- warning 9h20m-
    four-days-off -> BounceRatioHigh critical 9h10m-161h 201h10m- warning 9h20m-161h 201h20m-
    slow -> QueueDrainSlow warning 35h-
    wednesday -> QueueStalled warning 252h10m-
    friday -> QueueStalled warning 207h10m-
    """,
    shown=[exporter(_DAYS), *shown(_LIVES)],
    once=(
        "over CampaignBounceRatioHigh critical",
        "over CampaignBounceRatioHigh warning",
        "slow CampaignQueueDrainSlow warning",
    ),
)
