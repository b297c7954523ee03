"""Scenarios for the delivery and reply alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import scenario
from tests.rules.scenarios.sender import office, sends, total

_OFFICE = total(sends(120, office), 80, 1)

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
    an-hour-late: sent={_OFFICE}, delivered=0 {_OFFICE}, bounced=0
    five-hours-late: sent={_OFFICE}, delivered=0x4 {_OFFICE}, bounced=0
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

# The same at five minutes a step: what happens within a reading does not begin the day again.
REPLIES_READ = scenario(
    "replies against their floor, with a reading of 0 and a gap",
    "5m",
    "12h 23h55m 24h30m",
    """
    dip: sent=1000+1x300, delivered=1000+1x99 0 1100+1x200, replied=5x99 0 5x200, reply_info=0.01 \
        -> ReplyRatioLow info 24h5m-
    gap: sent=1000+1x99 stale _x2 1102+1x200, delivered=1000+1x99 stale _x2 1102+1x200, \
        replied=5x99 stale _x2 5x200, reply_info=0.01 -> ReplyRatioLow info 24h5m-
    replied-in-time: sent=1000+1x300, delivered=1000+1x300, replied=5x99 30x200, reply_info=0.01
    """,
)

SCENARIOS = (UNCONFIRMED, REPLIES, REPLIES_READ)
