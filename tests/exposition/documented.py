"""The page after one poll of the documented example, and of a campaign that does not exist."""

import asyncio
import re

import httpx

from exporter.api import Client
from exporter.config import Config, Threshold, Thresholds, Workspace
from exporter.exposition import Format, Page
from exporter.polling import Poller
from exporter.secret import ApiKey
from exporter.store import Store
from exporter.telemetry import Telemetry
from tests import build
from tests.conftest import run_virtually

STARTED = 1_750_000_000.0
LATENCY = 0.25  # seconds; like the budget a fraction that a float holds exactly
LABELS = (("team", "growth"),)
EVERY_THRESHOLD = Thresholds(
    bounce_ratio=Threshold(warning=0.03, critical=0.05),
    emails_queued=Threshold(warning=1000, critical=5000),
    queue_drain=Threshold(warning=72 * 3600.0),
    reply_ratio=Threshold(info=0.01),
    min_emails_sent=50,
)


def documented_config() -> Config:
    known = build.campaign("camp_123", name="VP Sales", labels=LABELS, thresholds=EVERY_THRESHOLD)
    missing = build.campaign("camp_404", name="Nobody", labels=LABELS)
    return build.config(build.workspace([known, missing], requests_per_second=8.0))


def documented_page(page_format: Format) -> bytes:
    """Render the page; the versions in build_info, which change without the page's doing, are made "0"."""
    page = run_virtually(_poll_once(page_format))
    return re.sub(rb'((?:python_)?version|revision)="[^"]*"', rb'\1="0"', page)


async def _poll_once(page_format: Format) -> bytes:
    config, telemetry = documented_config(), Telemetry(of_process=False)
    clock = asyncio.get_running_loop().time
    store = Store(wall=lambda: STARTED + clock(), monotonic=clock)
    render_own = {Format.TEXT: telemetry.render_text, Format.OPENMETRICS: telemetry.render_openmetrics}
    page = Page(store, lambda own_format: render_own[own_format]())
    store.configure(config.campaigns)
    telemetry.configure((workspace.name, len(workspace.campaigns)) for workspace in config.workspaces)
    telemetry.loaded(STARTED)
    poller = Poller(store, telemetry, _open_client)
    await poller.poll_once(config)
    await poller.stop()
    return page.render(page_format)


def _open_client(workspace: Workspace) -> Client:
    return Client(workspace.api, ApiKey(workspace.key), transport=httpx.MockTransport(_answer))


async def _answer(request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(LATENCY)
    if request.url.path == "/v1/campaigns/camp_123/stats":
        return httpx.Response(200, json=build.DOCUMENTED)
    return httpx.Response(404, json={"error": {"code": "campaign_not_found"}})
