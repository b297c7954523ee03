"""Scenarios for what Alertmanager is sent: each alert's whole text, and which labels are on it."""

from tests.rules.promtool import JOB, Notice, bare, campaign, scenario, series, target

_KUBERNETES = {"namespace": "mail", "pod": "exporter-0", "container": "exporter", "endpoint": "http", "node": "n1"}
_TEAM = {**_KUBERNETES, "team": "growth"}
_OF_EXPORTER = {"job": JOB, "instance": "a", **_KUBERNETES}


def _sent(text: str) -> list[Notice]:
    """Read `alert severity id label=value: description`: the labels of processes are gone, all others are there."""
    notices = []
    for line in filter(None, map(str.strip, text.splitlines())):
        head, _, description = line.partition(": ")
        alert, severity, *more = head.split()
        labels = {"severity": severity, "job": JOB, "namespace": "mail"}
        for word in more:
            name, _, value = word.rpartition("=")
            of_campaign = {"workspace": "acme", "campaign_id": value, "campaign": value.title(), "team": "growth"}
            labels |= {name: value} if name else of_campaign
        notices.append(Notice(f"Leadterra{alert}", labels, " ".join(description.split())))
    return notices


MINUTES = scenario(
    "what the quick alerts say",
    "5m",
    shown=[
        target("0x100", **_KUBERNETES),
        *campaign(
            "bounces", _TEAM, sent="40+2x6 52x10 stale", bounced="6x17 stale", up="1x17 stale",
            bounce_warning="0.03x17 stale", bounce_critical="0.05x17 stale",
        ),
        *campaign("burst", _TEAM, sent="50000+10x20", bounced="100+5x20", bounce_warning=""),
        *bare("backlog", _TEAM, queued="2500", queue_warning="1000", queue_critical="2000", up="1"),
        *bare("gone", _TEAM, error_campaign_not_found="1", up="0"),
        *bare("stopped", _TEAM, up="0", last_success="600", stale_after="300"),
        *bare("globex/never", _TEAM, up="0", stale_after="300"),
        *bare("locked/key", _TEAM, error_authentication_failed="1"),
        *bare("acme/", _KUBERNETES, requests_429="0+5x20", source_crm="0x20"),
        *bare("far/", _KUBERNETES, polls_success="0+5x20", polls_timeout="0+20x20"),
        series("leadterra_exporter_config_last_reload_successful", "0x20", **_OF_EXPORTER),
        series("leadterra_exporter_shards", "3x20", **_OF_EXPORTER),
        series("leadterra_exporter_shards", "2x20", **_OF_EXPORTER | {"instance": "b"}),
        series("leadterra_exporter_shard_info", "1x20", **_OF_EXPORTER, index="0", total="3"),
        *campaign("stalled", _TEAM, sent="700", queued="300", stalled_warning="7200"),
    ],
    notices={
        "70m": _sent("""
    CampaignBounceRatioHigh warning bounces: Campaign Bounces (acme/bounces) has had 6 of 52 emails bounce, surely \
        above its warning limit of 3%.
    CampaignBounceRatioHigh critical bounces: Campaign Bounces (acme/bounces) has had 6 of 52 emails bounce, surely \
        above its critical limit of 5%.
    CampaignBounceSpike critical burst: Campaign Burst (acme/burst) has had 70 of 140 emails bounce in the last six \
        hours, surely above its critical limit of 5%, and the last hour is no better.
    CampaignQueueBacklog warning backlog: Campaign Backlog (acme/backlog) has 2500 emails queued, above its warning \
        limit of 1000.
    CampaignQueueBacklog critical backlog: Campaign Backlog (acme/backlog) has 2500 emails queued, above its critical \
        limit of 2000.
    CampaignNotFound warning gone reason=campaign_not_found: Campaign Gone (acme/gone) is not known to the workspace \
        of the API key: it was deleted, or its id is wrong.
    CampaignStatsStale warning stopped: Campaign Stopped (acme/stopped) has not given its figures for 1h 0m 0s. Its \
        other alerts can't fire until it does, and what fires stays for up to a day.
    CampaignStatsStale warning never workspace=globex: Campaign Never (globex/never) has not given its figures since \
        the exporter started. Its other alerts can't fire until it does, and what fires stays for up to a day.
    APIAuthFailing critical workspace=locked: Leadterra refuses the API key of workspace locked: none of its campaigns \
        is being watched.
    APIUnreachable critical workspace=far: 80% of the polls of workspace far fail, and have done so for a quarter of \
        an hour. What fires about its campaigns stays for up to a day, and nothing new can fire.
    APIRateLimited warning workspace=acme: Leadterra answered 15 requests of workspace acme with 429 in the last 15 \
        minutes, and has done so for half an hour.
    CampaignSourceFailing warning workspace=acme source=crm: The list crm of workspace acme can't be read: what was \
        good since the exporter's start stays in use, and campaigns that were added to it since are not watched.
    ExporterDown critical: 1 of the targets of job leadterra-exporter can't be scraped. What fires about their \
        campaigns stays for up to a day, and nothing new can fire.
    ExporterShardMissing critical: Job leadterra-exporter has 1 of its 3 shards, which were told different totals: \
        some campaigns are polled by nobody, and their alerts can't fire.
    ExporterConfigReloadFailed warning: The last reload of an exporter of job leadterra-exporter failed: its old \
        campaigns and limits are still in use.
    """),
        # The first has no figures any more; the second takes two days of sending time where the limit is the default.
        "2h10m": _sent("""
    CampaignBounceRatioHigh warning bounces: Campaign Bounces (acme/bounces) has had 6 of 52 emails bounce, surely \
        above its warning limit of 3%.
    CampaignBounceRatioHigh critical bounces: Campaign Bounces (acme/bounces) has had 6 of 52 emails bounce, surely \
        above its critical limit of 5%.
    CampaignQueueStalled warning stalled: Campaign Stalled (acme/stalled) has 300 emails queued and has sent none for \
        2.2 hours of its sending time, above its limit of 2.0 hours: it is paused, or it is stuck.
    """),
    },
)  # fmt: skip

_ABSENT = f"Prometheus knows no target of job {JOB}: nobody watches the campaigns."
_SHARDS = f"Job {JOB} has 1 of its 2 shards: some campaigns are polled by nobody, and their alerts can't fire."
ABSENT = scenario(
    "what is said where there is no target",
    "1m",
    "8m 12m 29m 32m",
    """
    -> ExporterAbsent critical 10m-30m
    -> ExporterShardMissing critical 10m-
    """,
    shown=[
        series("up", "1x*", job="another"),
        target("_x30 1x40"),
        series("leadterra_exporter_shards", "2x*", job=JOB),
        series("leadterra_exporter_shard_info", "1x*", job=JOB, index="0", total="2"),
    ],
    notices={
        "15m": [
            Notice("LeadterraExporterAbsent", {"severity": "critical", "job": JOB}, _ABSENT),
            Notice("LeadterraExporterShardMissing", {"severity": "critical", "job": JOB}, _SHARDS),
        ]
    },
)

_POOL = {"sent": "100x20 100+1x24 124x76", "bounced": "2x20 2+0.125x24 5x76"}
DAYS = scenario(
    "what the slow alerts say",
    "30m",
    shown=[
        target(**_KUBERNETES),
        *campaign("slow", _TEAM, sent="0+12x120", queued="5760", drain_warning="259200"),
        *campaign("unconfirmed", _TEAM, sent="1000+60x120", delivered="980", bounced="20"),
        *campaign("replies", _TEAM, sent="1000+60x120", delivered="980+60x120", replied="5+0.3x120", reply_info="0.01"),
        *(line for number in range(5) for line in campaign(f"pool/{number}", _KUBERNETES, **_POOL)),
        *bare("pool/", _KUBERNETES, accounts_active="10x20 8x100", accounts_paused="0x20 2x100"),
        *bare("acme/", _KUBERNETES, capacity_one="500x120"),
        *bare("half/0", _KUBERNETES, up="1", stale_after="300"),
        *(line for number in "123" for line in bare(f"half/{number}", _KUBERNETES, up="1", stale_after="300x56 stale")),
    ],
    notices={
        "29h": _sent("""
    CampaignQueueDrainSlow warning slow: Campaign Slow (acme/slow) needs 10.0 days for the 5760 emails in its queue at \
        the mean rate of the last seven days, above its limit of 3.0 days.
    CampaignDeliveryUnconfirmed warning unconfirmed: Campaign Unconfirmed (acme/unconfirmed) has 3480 emails that are \
        neither delivered nor bounced, more than 10 % of the 3480 sent in the last three days, and some for longer \
        than six hours.
    CampaignReplyRatioLow info replies: Campaign Replies (acme/replies) gets replies to 0.5022% of its delivered \
        emails, under its floor of 1%.
    WorkspaceBounceSpike critical workspace=pool: Workspace pool has had 15 of 120 emails bounce in the last 24 hours, \
        surely above 5%, the mildest critical limit of its campaigns; one that has a bounce alert of its own is not \
        counted.
    SenderAccountsLost warning workspace=pool status=active: Workspace pool has 8 active sender accounts, and had 10 a \
        day ago.
    SenderCapacityShort warning workspace=acme: Workspace acme has 5760 emails queued, and its sender pools send at \
        most 500 a day: that takes longer than 3.0 days, the smallest queue_drain limit of its campaigns.
    CampaignsDropped warning workspace=half: Workspace half is polled for 1 campaigns, and was for 4 within the last \
        day: the others are no longer in the configuration or in its lists.
    """)
    },
)
