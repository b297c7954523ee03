"""The campaigns of a benchmark: how an exporter is told of them, and which figures the peers publish."""

from collections.abc import Iterable

from exporter.sandbox import WORKSPACES, load_ids

KEY = next(iter(WORKSPACES))
KEY_ENV = "LEADTERRA_BENCH_KEY"
WORKSPACE = "acme"
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
"""Metric names and the API's fields."""


def ids(count: int) -> list[str]:
    return list(load_ids(count))


def config(base_url: str, names: Iterable[str], *, interval: float = 3600, budget: int = 10_000) -> str:
    """Write a configuration that asks for the campaigns every `interval` seconds, by default with a loose budget."""
    return (
        f"api: {{base_url: {base_url}, requests_per_second: {budget}, max_concurrency: 32}}\n"
        f"poll: {{interval: {round(interval * 1000)}ms, stale_after: 2h}}\n"
        "thresholds: {emails_queued: {warning: 5000, critical: 20000}}\n"
        f"workspaces: [{{name: {WORKSPACE}, api_key_env: {KEY_ENV}, campaigns: [{', '.join(names)}]}}]\n"
    )
