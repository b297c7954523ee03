"""The page after one poll of the documented example, and of a campaign that does not exist."""

import asyncio
import re

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.config import Config, Poll, SenderList, Threshold, Thresholds
from exporter.exposition import Format
from tests import build
from tests.exporting import polled_page

LABELS = (("team", "growth"),)
SENDERS = {
    b"/v1/sender-pools": [
        {
            "id": "pool_01HABC123",
            "name": "Primary Outbound Pool",
            "dailyCapacity": 2000,
            "remainingVolume": 1340,
            "senderAccountIds": ["sa_01HXYZ001", "sa_01HXYZ002"],
        },
        {"id": "pool_01HZ9KQMX8W4VC3P", "name": "Warm-Up Pool", "senderCount": 3, "dailyCapacity": 300},
    ],
    b"/v1/sender-accounts": [
        {"id": "sa_01HXYZ001", "email": "alex.rivera@acme.io", "name": "Alex Rivera", "status": "active"},
        {"id": "sa_01HXYZ002", "email": "morgan.lee@acme.io", "name": "Morgan Lee", "status": "paused"},
    ],
}


def documented_config() -> Config:
    every = Thresholds(
        emails_queued=Threshold(None, 1000, 5000), queue_drain=Threshold(None, 72 * 3600.0), reply_ratio=Threshold(0.01)
    )
    known = build.campaign("camp_123", name="VP Sales", labels=LABELS, thresholds=every)
    missing = build.campaign("camp_404", name="Nobody", labels=LABELS)
    senders = [SenderList("acme", endpoint, LABELS, Poll(300, 900)) for endpoint in ("sender_pools", "sender_accounts")]
    acme = build.workspace([known, missing], requests_per_second=8.0)
    globex = build.workspace([], name="globex", base_url="https://globex.test")
    return build.config(
        acme._replace(senders=tuple(senders)), globex._replace(senders=(SenderList("globex", "sender_pools", LABELS),))
    )


def documented_page(page_format: Format) -> bytes:
    """Render the page; the versions in build_info, which change without the page's doing, are made "0"."""
    page = polled_page(documented_config(), _answer, page_format)
    return re.sub(rb'((?:python_)?version|revision)="[^"]*"', rb'\1="0"', page)


async def _answer(request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(0.25)  # like the budget a fraction that a float holds exactly
    if request.extensions["target"] == b"/v1/campaigns/camp_123/stats":
        return httpx.Response(200, json=build.DOCUMENTED)
    if request.url.host != "globex.test" and request.extensions["target"] in SENDERS:
        return httpx.Response(200, json=SENDERS[request.extensions["target"]])
    return httpx.Response(404, json={"error": {"code": "campaign_not_found"}})


Labels = frozenset[tuple[str, str]]


def samples(page: bytes, page_format: Format) -> dict[tuple[str, Labels], float]:
    """Parse a page strictly and return each series' value; a series that stands twice is an error."""
    parse = {Format.TEXT: parse_text, Format.OPENMETRICS: parse_openmetrics}[page_format]
    families = parse(page.decode())  # type: ignore[no-untyped-call]  # ships no types here
    lines = [sample for family in families for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in lines}
    assert len(found) == len(lines)
    return found
