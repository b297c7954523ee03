"""Scenarios for whose alert it is: pods that move, and replicas."""

from tests.rules.promtool import Scenario, bare, campaign, target

_PROCESS = ("instance", "pod", "container", "endpoint", "node")


def _moved(label: str) -> list[dict[str, str]]:
    """Let a campaign's series change one label after 20 minutes, and nothing else."""
    old = bare(f"moved-{label}", {label: "old"}, queue_warning="1000x20 stale", queued="1500x20 stale")
    new = bare(f"moved-{label}", {label: "new"}, queue_warning="_x21 1000x80", queued="_x21 1500x80")
    return old + new


MOVED = Scenario(
    "a pod moves: no `for` and no window begins anew",
    "1m",
    [
        target(),
        *(line for label in _PROCESS for line in _moved(label)),
        # twelve emails before the move and twelve after it are twenty-four
        *campaign(
            "spike",
            {"instance": "old"},
            sent="5000+1x12 5012x8 stale",
            bounced="5+0.5x12 11x8 stale",
            bounce_critical="0.05x20 stale",
        ),
        *campaign(
            "spike",
            {"instance": "new"},
            sent="_x21 5012+1x12 5024x60",
            bounced="_x21 11+0.5x12 17x60",
            bounce_critical="_x21 0.05x80",
        ),
    ],
    "28m 38m 45m",
    {
        **{f"moved-{label} CampaignQueueBacklog warning": "30m-" for label in _PROCESS},
        "spike CampaignBounceSpike critical": "34m-",
    },
)

_FEW_REPLIES = {"sent": "1000+1x300", "delivered": "1000+1x300", "replied": "5"}

REPLICAS = Scenario(
    "two replicas are one campaign, and a replica with a new configuration does not raise an alert alone",
    "1m",
    [
        target(instance="a:10421"),
        target(instance="b:10421"),
        *campaign("backlog", {"instance": "a:10421"}, queued="1500", queue_warning="1000"),
        *campaign("backlog", {"instance": "b:10421"}, queued="1490", queue_warning="1000"),
        *campaign("raised", {"instance": "a:10421"}, queued="1500", queue_warning="1000"),
        *campaign("raised", {"instance": "b:10421"}, queued="1500", queue_warning="2000"),
        *campaign("raised-bounce", {"instance": "a:10421"}, sent="1000+2x100", bounced="45", bounce_warning="0.03"),
        *campaign("raised-bounce", {"instance": "b:10421"}, sent="1000+2x100", bounced="45", bounce_warning="0.05"),
        *campaign("raised-minimum", {"instance": "a:10421"}, sent="1000+2x100", bounced="45", min_sent="50"),
        *campaign("raised-minimum", {"instance": "b:10421"}, sent="1000+2x100", bounced="45", min_sent="5000"),
        *campaign("raised-age", {"instance": "a:10421"}, up="1", last_success="0", stale_after="300"),
        *campaign("raised-age", {"instance": "b:10421"}, up="1", last_success="0", stale_after="9000"),
        *campaign("stuck-for-one", {"instance": "a:10421"}, up="0", last_success="0", stale_after="300"),
        *campaign("stuck-for-one", {"instance": "b:10421"}, up="1", last_success="0+60x100", stale_after="300"),
        *campaign("unreachable-for-one", {"instance": "a:10421"}, up="0", stale_after="300"),
        *campaign("unreachable-for-one", {"instance": "b:10421"}, up="1", stale_after="300", last_success="0+60x100"),
        *campaign("deleted", {"instance": "a:10421"}, error_campaign_not_found="1"),
        *campaign("deleted", {"instance": "b:10421"}, error_campaign_not_found="1"),
        *campaign("spike", {"instance": "a:10421"}, sent="5000+2x100", bounced="5+1x100"),
        *campaign("spike", {"instance": "b:10421"}, sent="4999+2x100", bounced="4+1x100"),
    ],
    "28m 40m 60m",
    {
        "backlog CampaignQueueBacklog warning": "30m-",
        "deleted CampaignNotFound warning": "15m-",
        "spike CampaignBounceSpike critical": "15m-",
    },
    silent=("LeadterraCampaignBounceRatioHigh", "LeadterraCampaignStatsStale"),
)

REPLICAS_DAYS = Scenario(
    "two replicas, one of which has the new and milder limits",
    "10m",
    [
        target(instance="a:10421"),
        target(instance="b:10421"),
        *campaign("drain", {"instance": "a:10421"}, sent="0+4x300", queued="5000", drain_warning="259200"),
        *campaign("drain", {"instance": "b:10421"}, sent="0+4x300", queued="5000", drain_warning="2592000"),
        *campaign("replies", {"instance": "a:10421"}, **_FEW_REPLIES, reply_info="0.01"),
        *campaign("replies", {"instance": "b:10421"}, **_FEW_REPLIES, reply_info="0.001"),
    ],
    "30h",
    silent=("LeadterraCampaignQueueDrainSlow", "LeadterraCampaignReplyRatioLow"),
)

SCENARIOS = (MOVED, REPLICAS, REPLICAS_DAYS)
