"""Scenarios for the queue alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import Scenario, campaign, target

_BACKLOG = "CampaignQueueBacklog"
_SLOW = "CampaignQueueDrainSlow"
_STALLED = "CampaignQueueStalled"

BACKLOG = Scenario(
    "queue against its limit",
    "1m",
    [
        target(),
        *campaign("over-warning", queued="1500", queue_warning="1000", queue_critical="2000"),
        *campaign("over-both", queued="2500", queue_warning="1000", queue_critical="2000"),
        *campaign("gap", queued="2500x49 stale _x4 2500x100", queue_warning="1000", queue_critical="2000"),
        *campaign("at-the-limit", queued="1000", queue_warning="1000"),
        *campaign("at-the-critical-limit", queued="2000", queue_critical="2000"),
        *campaign("no-limit", queued="90000"),
        *campaign("emptied", queued="1500x19 900x100", queue_warning="1000"),
        *campaign("limit-raised", queued="1500", queue_warning="1000x40 2000x100"),
    ],
    "5m 28m 35m 52m 60m 90m",
    {
        f"over-warning {_BACKLOG} warning": "30m-",
        f"over-both {_BACKLOG} warning": "30m-",
        f"over-both {_BACKLOG} critical": "30m-",
        f"gap {_BACKLOG} warning": "30m-",
        f"gap {_BACKLOG} critical": "30m-",
        f"limit-raised {_BACKLOG} warning": "30m-56m",
    },
)


def _office_hours(per_step: int, days: str) -> str:
    """Send from 9 to 17 on the days marked `x`, at ten minutes a step."""
    sent, parts = 0, []
    for day in days:
        if day == "x":
            end = sent + 48 * per_step
            parts.append(f"{sent}x53 {sent}+{per_step}x47 {end}x41")
            sent = end
        else:
            parts.append(f"{sent}x143")
    return " ".join(parts)


# Ten minutes a step; 4 in each are 576 a day: a queue of 5000 needs more than eight days, one of 1000 less than two.
_ALL_DAY = "0+4x600"

DRAIN = Scenario(
    "time that the queue needs",
    "10m",
    [
        target(),
        *campaign("slow", sent=_ALL_DAY, queued="5000", drain_critical="999999"),
        *campaign("gap", sent="0+4x239 stale 964+4x400", queued="5000x239 stale 5000x400"),
        *campaign("fast", sent=_ALL_DAY, queued="1000"),
        *campaign("nothing-queued", sent=_ALL_DAY, queued="0"),
        *campaign("no-limit", sent=_ALL_DAY, queued="5000", drain_warning=""),
        *campaign("limit-raised", sent=_ALL_DAY, queued="5000", drain_warning="259200x239 2592000x400"),
        *campaign("just-started", sent="0x179 0+4x400", queued="0x179 5000x400"),
        *campaign("young", sent="_x180 200+4x400", queued="_x180 5000x400"),
        *campaign("new-and-big", sent="_x180 0+30x400", queued="_x180 6000-30x200 0x200"),
        *campaign("resumed", sent="0+4x252 1008x251 1008+4x200", queued="1000"),
        *campaign("stopped-corrected", sent="0+4x240 960x59 950x300", queued="1600"),
        *campaign("nights", sent=_office_hours(20, "xxxx"), queued="5000"),
        *campaign("weekend", sent=_office_hours(20, "xx--"), queued="1900"),
        *campaign("recreated", sent="5000+4x250 0+4x400", queued="1000"),
    ],
    "12h 25h 30h 36h 40h10m 47h 55h 58h 62h 64h 66h30m 74h 90h",
    {
        f"slow {_SLOW} warning": "26h10m-",
        f"gap {_SLOW} warning": "26h10m-",
        f"limit-raised {_SLOW} warning": "26h10m-40h20m",
        f"just-started {_SLOW} warning": "56h10m-",
        f"young {_SLOW} warning": "56h10m-",
        f"nights {_SLOW} warning": "35h10m-",
        f"resumed {_STALLED} warning": "66h20m-84h20m",
        f"stopped-corrected {_STALLED} warning": "64h40m-",
        f"weekend {_STALLED} warning": "65h30m-",
    },
)

STALLED = Scenario(
    "queue that nothing leaves",
    "10m",
    [
        target(),
        *campaign("paused", sent="700", queued="300"),
        *campaign("gap", sent="700x239 stale 700x400", queued="300x239 stale 300x400"),
        *campaign("resumed", sent="700x300 700+1x300", queued="300"),
        *campaign("emptied-once", sent="700", queued="300x249 0 300x400"),
        *campaign("young", sent="_x180 700x400", queued="_x180 300x400"),
        *campaign("finished", sent="700", queued="0"),
        *campaign("one-a-day", sent="700x140 701x140 702x140 703x140", queued="300", drain_warning=""),
        *campaign("sent-unknown", queued="300"),
        *campaign("recreated", sent="5000+4x250 0+4x400", queued="500"),
        *campaign("sent-in-a-gap", sent="1000x239 stale _x11 1100x400", queued="300x239 stale _x11 300x400"),
    ],
    "12h 23h 24h10m 26h 40h10m 45h 49h 53h 56h 62h 70h",
    {
        f"paused {_STALLED} warning": "24h30m-",
        f"gap {_STALLED} warning": "24h30m-",
        f"resumed {_STALLED} warning": "24h30m-50h30m",
        f"emptied-once {_STALLED} warning": "24h30m-42h 66h10m-",
        f"young {_STALLED} warning": "54h30m-",
        f"sent-in-a-gap {_STALLED} warning": "24h30m-40h20m 64h30m-",
    },
)

SCENARIOS = (BACKLOG, DRAIN, STALLED)
