"""Scenarios for the bounce alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import Scenario, campaign, target

_HIGH = "CampaignBounceRatioHigh"
_SPIKE = "CampaignBounceSpike"
_SIXTEENTH = {"bounce_warning": "", "bounce_critical": "0.0625"}  # a limit that figures can meet exactly
_GAP = "stale _x4"  # five minutes without the exporter, one sample a minute

LIFETIME = Scenario(
    "bounce ratio over a campaign's life",
    "1m",
    [
        target(),
        *campaign("four-percent", sent="1000+10x160", bounced="40+0.4x160"),
        *campaign("six-percent", sent="1000+2x160", bounced="75"),
        *campaign("at-the-limit", sent="1000+100x160", bounced="30+3x160"),
        *campaign("at-the-critical-limit", sent="1600+16x160", bounced="100+1x160", **_SIXTEENTH),
        *campaign("gap", sent=f"1000+10x39 {_GAP} 1450+10x100", bounced=f"90x39 {_GAP} 90x100"),
        *campaign("few-sent", sent="10+0.2x160", bounced="9"),
        *campaign("just-enough-sent", sent="40+1x10 50x150", bounced="3"),
        *campaign("never-sent", sent="0", bounced="0"),
        *campaign("finished", sent="1000", bounced="100"),
        *campaign("no-limit", sent="1000+10x160", bounced="90", bounce_warning="", bounce_critical=""),
        *campaign("milder-limit", sent="1000+10x160", bounced="90", bounce_warning="", bounce_critical="0.2"),
        *campaign("limit-raised", sent="1000+10x160", bounced="40+0.4x160", bounce_warning="0.03x30 0.045x130"),
        *campaign("no-minimum", sent="1000+10x160", bounced="90", min_sent=""),
    ],
    "3m 10m 13m 20m 30m 38m 42m 44m 49m 60m",
    {
        f"six-percent {_HIGH} critical": "6m-",
        f"six-percent {_HIGH} warning": "16m-",
        f"gap {_HIGH} critical": "6m-",
        f"gap {_HIGH} warning": "16m-",
        f"four-percent {_HIGH} warning": "16m-",
        f"just-enough-sent {_HIGH} critical": "15m-",
        f"just-enough-sent {_HIGH} warning": "25m-",
        f"limit-raised {_HIGH} warning": "16m-46m",
    },
)

# Five minutes a step: ten hours of sending at 4 %, then what the id says.
DAYS = Scenario(
    "bounce ratio of a campaign that stops, begins anew, or sends unseen",
    "5m",
    [
        target(),
        *campaign("stopped", sent="1000+10x120 2200x700", bounced="40+0.4x120 88x700"),
        *campaign("recreated", sent="3000+10x120 0+10x700", bounced="120+0.4x120 0+0.4x700"),
        *campaign("corrected-after-the-end", sent="1000x120 999x700", bounced="44"),
        *campaign("sent-in-a-gap", sent="1000x120 stale _x23 1100x700", bounced="44x120 stale _x23 44x700"),
    ],
    "9h 11h 13h 20h 33h 34h 37h 50h",
    {
        f"stopped {_HIGH} warning": "20m-34h20m",
        f"recreated {_HIGH} warning": "20m-",
        f"sent-in-a-gap {_HIGH} warning": "12h20m-34h20m",
    },
)

SPIKE = Scenario(
    "bounce ratio of the last hours",
    "1m",
    [
        target(),
        *campaign("spike", sent="5000+2x160", bounced="5x30 5+1x130"),
        *campaign(
            "gap",
            sent=f"5000+2x59 {_GAP} 5130+2x100",
            bounced=f"5+1x59 {_GAP} 70x100",
            bounce_critical=f"0.05x59 {_GAP} 0.05x100",
        ),
        *campaign("six-hours-at-the-limit", sent="5000+16x160", bounced="5x60 12+7x9 76+1x89", **_SIXTEENTH),
        *campaign("last-hour-at-the-limit", sent="5000+16x160", bounced="5+8x20 166+1x139", **_SIXTEENTH),
        *campaign("over", sent="5000+2x160", bounced="5+1x20 25x140"),
        *campaign("only-the-last-hour", sent="5000+20x160", bounced="5x60 5+1.6x60 101x40"),
        *campaign("few-sent", sent="5000+0.1x160", bounced="5+0.1x160"),
        *campaign("few-bounced", sent="5000+0.2x160", bounced="5+0.028x160"),
        *campaign("bounces-after-the-last-email", sent="5000+10x20 5200x140", bounced="5x90 5+0.5x70"),
        *campaign("corrected-down", sent="50000+2x160", bounced="200x10 40+0.2x150"),
        *campaign("corrected-later", sent="50000+2x160", bounced="200+1x50 250x49 249x61"),
        *campaign("sent-corrected-down", sent="50000+2x30 50050+2x130", bounced="200+1x160"),
        *campaign("no-critical-limit", sent="5000+2x160", bounced="5+1x160", bounce_critical=""),
        *campaign("milder-limit", sent="5000+2x160", bounced="5+0.3x160", bounce_critical="0.2"),
        *campaign(
            "milder-limit-long", sent="5000+10x160", bounced="5x60 8+3x99", bounce_warning="", bounce_critical="0.2"
        ),
    ],
    "4m 13m 28m 50m 62m 100m 140m",
    {
        f"spike {_SPIKE} critical": "40m-",
        f"gap {_SPIKE} critical": "16m-133m",
        f"last-hour-at-the-limit {_SPIKE} critical": "10m-96m",
        f"over {_SPIKE} critical": "16m-90m",
        f"corrected-later {_SPIKE} critical": "16m-120m",
        f"sent-corrected-down {_SPIKE} critical": "16m-",
    },
)

SCENARIOS = (LIFETIME, DAYS, SPIKE)
