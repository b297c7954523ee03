"""The campaigns of a benchmark: their configuration, of 17 series each, and readings for runs without an API."""

import json
from collections.abc import Iterable
from itertools import islice

from exporter.sandbox import WORKSPACES, load_ids

KEY = next(iter(WORKSPACES))
KEY_ENV = "LEADTERRA_BENCH_KEY"
WORKSPACE = "acme"
SERIES = 17
FIGURES = {
    "leadterra_campaign_leads_enrolled": "totalEnrolled",
    "leadterra_campaign_emails_sent": "sent",
    "leadterra_campaign_emails_delivered": "delivered",
    "leadterra_campaign_emails_bounced": "bounced",
    "leadterra_campaign_leads_replied": "replied",
    "leadterra_campaign_emails_queued": "queued",
    "leadterra_campaign_open_ratio": "openRate",
    "leadterra_campaign_reply_ratio": "replyRate",
}
"""Metric names and the API's fields, for the peers."""
STALE_AFTER = 7200.0
SETTINGS = {"leadterra_campaign_stale_after_seconds": STALE_AFTER, "leadterra_campaign_min_emails_sent_threshold": 50.0}
LIMITS = (
    ("leadterra_campaign_bounce_ratio_threshold", "warning", 0.03),
    ("leadterra_campaign_bounce_ratio_threshold", "critical", 0.05),
    ("leadterra_campaign_emails_queued_threshold", "warning", 5000.0),
    ("leadterra_campaign_emails_queued_threshold", "critical", 20000.0),
    ("leadterra_campaign_queue_drain_seconds_threshold", "warning", 259200.0),
)


def ids(count: int) -> list[str]:
    return list(load_ids(count))


def config(base_url: str, count: int, *, interval: float = 3600.0, in_flight: int = 32) -> str:
    """Write a configuration of `count` campaigns, asked every `interval` seconds, with a budget that never binds."""
    return (
        f"api: {{base_url: {base_url}, requests_per_second: 10000, max_concurrency: {in_flight}}}\n"
        f"poll: {{interval: {round(interval * 1000)}ms, stale_after: {STALE_AFTER:.0f}s}}\n"
        "thresholds: {emails_queued: {warning: 5000, critical: 20000}}\n"
        f"workspaces: [{{name: {WORKSPACE}, api_key_env: {KEY_ENV}, campaigns: [{', '.join(ids(count))}]}}]\n"
    )


def readings(names: Iterable[str], turn: int) -> dict[str, dict[str, str | float]]:
    """Make up answers of the API; they differ from campaign to campaign and from turn to turn."""
    return {id_: _reading(id_, number + turn) for number, id_ in enumerate(names)}


def _reading(campaign_id: str, seed: int) -> dict[str, str | float]:
    sent = 1000 + seed * 7 % 9000
    bounced, replied = sent // 60, sent // 30
    return {
        "campaignId": campaign_id,
        "totalEnrolled": sent + 500,
        "sent": sent,
        "delivered": sent - bounced,
        "bounced": bounced,
        "replied": replied,
        "queued": 500 + seed % 100,
        "openRate": 0.4 + seed % 10 / 100,
        "replyRate": round(replied / (sent - bounced), 2),
    }


def body(reading: dict[str, str | float]) -> bytes:
    return json.dumps(reading).encode()


def quarter(names: list[str], turn: int) -> list[str]:
    """Give every fourth campaign, others each turn."""
    return list(islice(names, turn % 4, None, 4))
