"""Scenarios of more than a week, counted in hours from a Monday at 00:00; a campaign's id says what it is a case of."""

from tests.rules.promtool import scenario
from tests.rules.scenarios.sender import Life, exporter, office, sends, shown, total

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

# 200 emails an hour on weekdays, and bounces that come late, on the weekend too.
_SENT = total(sends(200, office), 216, 1)
_GOOD, _BAD = (total(lambda hour, n=n: n if office(hour) else float(hour % 168 > 100), 216, 1) for n in (4.0, 16.0))  # type: ignore[misc]
SATURDAY = scenario(
    "bounces that come on the weekend after their emails",
    "1h",
    "9h 50h 100h 110h 125h 130h 134h 136h 150h 170h 178h 186h 200h",
    f"""
    one: sent={_SENT}, bounced={_GOOD}
    other: sent={_SENT}, bounced={_GOOD}
    bad/one: sent={_SENT}, bounced={_BAD}, bounce_warning=, min_bounced=9999
    bad/other: sent={_SENT}, bounced={_BAD}, bounce_warning=, min_bounced=9999
    bad/ -> WorkspaceBounceSpike critical 10h-133h 181h-
    half-of-usual/one: sent=1000x59 1500x39 1600x116, bounced=10x99 40x116, bounce_warning=, min_bounced=9999
    """,
    shown=[exporter(9)],
)

SCENARIOS = (SENDERS, SATURDAY)
