"""Scenarios for the delivery and reply alerts; a campaign's id says what it is a case of."""

from tests.rules.promtool import Scenario, bare, campaign, target

_UNCONFIRMED = "CampaignDeliveryUnconfirmed"
_REPLIES = "CampaignReplyRatioLow"

UNCONFIRMED = Scenario(
    "emails neither delivered nor bounced",
    "5m",
    [
        target(),
        *campaign("twenty-percent", sent="1000+10x200", delivered="800+8x200", bounced="0"),
        *campaign(
            "gap",
            sent="1000+10x119 stale 2210+10x100",
            delivered="800+8x119 stale 1768+8x100",
            bounced="0x119 stale 0x100",
        ),
        *campaign("five-percent", sent="1000+10x200", delivered="950+9.5x200", bounced="0"),
        *campaign("at-the-limit", sent="1000+10x200", delivered="900+9x200", bounced="0"),
        *bare("rest-bounced", sent="1000+10x200", delivered="850+8.5x200", bounced="70+0.7x200")
        + bare("rest-bounced", min_sent="50"),
        *campaign("few-sent", sent="10+0.1x200", delivered="0", bounced="0"),
        *campaign("just-enough-sent", sent="40+1x10 50x190", delivered="40", bounced="0"),
        *campaign("never-sent", sent="0", delivered="0", bounced="0"),
        *campaign("finished", sent="1000", delivered="500", bounced="0"),
        *campaign("caught-up", sent="1000+10x200", delivered="800x50 1500+10x150", bounced="0"),
    ],
    "3h 5h50m 6h30m 9h 10h5m 12h",
    {
        f"twenty-percent {_UNCONFIRMED} warning": "6h5m-",
        f"gap {_UNCONFIRMED} warning": "6h5m-",
        f"just-enough-sent {_UNCONFIRMED} warning": "6h50m-",
    },
)

REPLIES = Scenario(
    "replies against their floor",
    "10m",
    [
        target(),
        *campaign(
            "few", sent="1000+1x300", delivered="1000+1x300", replied="5", reply_info="0.01", reply_warning="0.001"
        ),
        *campaign(
            "gap",
            sent="1000+1x170 stale 1172+1x100",
            delivered="1000+1x170 stale 1172+1x100",
            replied="5x170 stale 5x100",
            reply_info="0.01",
        ),
        *campaign("enough", sent="1000+1x300", delivered="1000+1x300", replied="50", reply_info="0.01"),
        *campaign("at-the-floor", sent="1000+100x300", delivered="1000+100x300", replied="10+1x300", reply_info="0.01"),
        *campaign("no-floor", sent="1000+1x300", delivered="1000+1x300", replied="5"),
        *campaign("few-delivered", sent="150+0.1x300", delivered="150+0.1x300", replied="0", reply_info="0.01"),
        *campaign("just-enough-delivered", sent="200+1x300", delivered="200", replied="0", reply_info="0.01"),
        *campaign("finished", sent="1000", delivered="1000", replied="5", reply_info="0.01"),
    ],
    "12h 23h 25h 28h30m 32h",
    {
        f"few {_REPLIES} info": "24h10m-",
        f"gap {_REPLIES} info": "24h10m-",
        f"just-enough-delivered {_REPLIES} info": "24h10m-",
    },
)

SCENARIOS = (UNCONFIRMED, REPLIES)
