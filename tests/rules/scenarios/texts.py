"""Scenarios for what Alertmanager is sent: each alert's whole text, and which labels are on it."""

from tests.rules.promtool import JOB, Notice, Scenario, bare, campaign, series, target

_KUBERNETES = {"namespace": "mail", "pod": "exporter-0", "container": "exporter", "endpoint": "http", "node": "n1"}
_TEAM = {**_KUBERNETES, "team": "growth"}


def _sent(alert: str, severity: str, case: str, description: str, **more: str) -> Notice:
    """Write what Alertmanager is sent about a campaign: the labels of processes are gone, all others are there."""
    identity = {"workspace": "acme", "campaign_id": case, "campaign": case.title(), "team": "growth"}
    return Notice(alert, {"severity": severity, "job": JOB, "namespace": "mail", **identity, **more}, description)


def _own(alert: str, severity: str, description: str, **more: str) -> Notice:
    return Notice(alert, {"severity": severity, "job": JOB, "namespace": "mail", **more}, description)


MINUTES = Scenario(
    "what the quick alerts say",
    "1m",
    [
        target("0x100", **_KUBERNETES),
        *campaign("bounces", _TEAM, sent="1000+10x100", bounced="84", bounce_critical="0.05"),
        *bare("burst", _TEAM, sent="5000+2x100", bounced="5+1x100", bounce_critical="0.05"),
        *bare("backlog", _TEAM, queued="2500", queue_warning="1000", queue_critical="2000"),
        *bare("gone", _TEAM, error_campaign_not_found="1"),
        *bare("stopped", _TEAM, up="0", last_success="600", stale_after="300"),
        *bare("never", {**_TEAM, "workspace": "globex"}, up="0", stale_after="300"),
        *bare("key", _TEAM, error_authentication_failed="1"),
        series(
            "leadterra_api_requests_total",
            "0+1x100",
            job=JOB,
            instance="a",
            **_KUBERNETES,
            workspace="acme",
            code="429",
        ),
        series("leadterra_exporter_config_last_reload_successful", "0x100", job=JOB, instance="a", **_KUBERNETES),
        series("leadterra_exporter_shards", "3x100", job=JOB, instance="a", **_KUBERNETES),
        series("leadterra_exporter_shard_info", "1x100", job=JOB, instance="a", **_KUBERNETES, index="0", total="3"),
    ],
    "",
    notices={
        "40m": [
            _sent(
                "LeadterraCampaignBounceRatioHigh",
                "warning",
                "bounces",
                "Campaign Bounces (acme/bounces) has had 6% of its emails bounce; its warning limit is 3%.",
            ),
            _sent(
                "LeadterraCampaignBounceRatioHigh",
                "critical",
                "bounces",
                "Campaign Bounces (acme/bounces) has had 6% of its emails bounce; its critical limit is 5%.",
            ),
            _sent(
                "LeadterraCampaignBounceSpike",
                "critical",
                "burst",
                "Campaign Burst (acme/burst) has had 50% of the last six hours' emails bounce, and the last hour is no "
                "better; its critical limit is 5%.",
            ),
            _sent(
                "LeadterraCampaignQueueBacklog",
                "warning",
                "backlog",
                "Campaign Backlog (acme/backlog) has 2.5k emails queued; its warning limit is 1k.",
            ),
            _sent(
                "LeadterraCampaignQueueBacklog",
                "critical",
                "backlog",
                "Campaign Backlog (acme/backlog) has 2.5k emails queued; its critical limit is 2k.",
            ),
            _sent(
                "LeadterraCampaignNotFound",
                "warning",
                "gone",
                "Campaign Gone (acme/gone) is not known to the workspace of the API key: it was deleted, or its id is "
                "wrong.",
                reason="campaign_not_found",
            ),
            _sent(
                "LeadterraCampaignStatsStale",
                "warning",
                "stopped",
                "Campaign Stopped (acme/stopped) has not given its figures for 30m 0s. Its other alerts can't fire, "
                "and may resolve, until it does.",
            ),
            _sent(
                "LeadterraCampaignStatsStale",
                "warning",
                "never",
                "Campaign Never (globex/never) has not given its figures since the exporter started. Its other alerts "
                "can't fire, and may resolve, until it does.",
                workspace="globex",
            ),
            _own(
                "LeadterraAPIAuthFailing",
                "critical",
                "Leadterra refuses the API key of workspace acme: none of its campaigns is being watched.",
                workspace="acme",
            ),
            _own(
                "LeadterraAPIRateLimited",
                "warning",
                "Leadterra answered 15 requests of workspace acme with 429 in the last 15 minutes, and has done so for "
                "half an hour.",
                workspace="acme",
            ),
            _own(
                "LeadterraExporterDown",
                "critical",
                f"1 of the targets of job {JOB} can't be scraped. Campaign alerts resolve in about a quarter of an "
                "hour without it, whatever the campaigns do.",
            ),
            _own(
                "LeadterraExporterShardMissing",
                "critical",
                f"Job {JOB} lacks 2 of its shards, or they differ in how many they are: some campaigns are polled by "
                "nobody, and their alerts can't fire.",
            ),
            _own(
                "LeadterraExporterConfigReloadFailed",
                "warning",
                f"The last reload of an exporter of job {JOB} failed: its old campaigns and limits are still in use.",
            ),
        ]
    },
)

ABSENT = Scenario(
    "what is said where there is no target",
    "1m",
    [],
    "",
    notices={
        "15m": [
            Notice(
                "LeadterraExporterAbsent",
                {"severity": "critical", "job": JOB},
                f"Prometheus knows no target of job {JOB}: nobody watches the campaigns.",
            )
        ]
    },
)

DAYS = Scenario(
    "what the slow alerts say",
    "10m",
    [
        target(),
        *campaign("slow", _TEAM, sent="0+4x300", queued="5760"),
        *campaign("stalled", _TEAM, sent="700", queued="300"),
        *campaign("unconfirmed", _TEAM, sent="1000+10x300", delivered="800+8x300", bounced="0"),
        *campaign(
            "replies", _TEAM, sent="1000+10x300", delivered="1000+10x300", replied="5+0.05x300", reply_info="0.01"
        ),
    ],
    "",
    notices={
        "30h": [
            _sent(
                "LeadterraCampaignQueueDrainSlow",
                "warning",
                "slow",
                "Campaign Slow (acme/slow) needs 10d 0h 0m 0s for its queue at the last day's rate; its limit is "
                "3d 0h 0m 0s.",
            ),
            _sent(
                "LeadterraCampaignQueueStalled",
                "warning",
                "stalled",
                "Campaign Stalled (acme/stalled) has 300 emails queued and has sent none for a day: it is paused, or "
                "it is stuck.",
            ),
            _sent(
                "LeadterraCampaignDeliveryUnconfirmed",
                "warning",
                "unconfirmed",
                "Campaign Unconfirmed (acme/unconfirmed) has 20% of its emails neither delivered nor bounced for six "
                "hours; the limit is 10%.",
            ),
            _sent(
                "LeadterraCampaignReplyRatioLow",
                "info",
                "replies",
                "Campaign Replies (acme/replies) gets replies to 0.5% of its delivered emails; its floor is 1%.",
            ),
        ]
    },
)

SCENARIOS = (MINUTES, ABSENT, DAYS)
