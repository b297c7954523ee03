"""The status page as a browser shows it, served as the exporter serves it; the page's clock is handed in."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect, sync_playwright

from exporter.config import Campaign, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.stats import Stats
from exporter.store import State
from exporter.web.status import CONTENT_SECURITY_POLICY, render_page, rows
from tests.web.screenshots import launch

pytestmark = pytest.mark.slow

NOW = 1_795_377_600.0
HOSTILE = "<script>alert(1)</script>"


def reading(name: str, sent: int, bounced: int = 0, *, workspace: str = "acme") -> State:
    thresholds = Thresholds(emails_queued=Threshold(warning=10_000))
    campaign = Campaign(workspace, f"id_of_{name}", name, (("team", "growth"),), thresholds=thresholds)
    return State(campaign, Stats(900, sent, sent - bounced, bounced, 20, 30, 0.4, 0.02), NOW - 12, up=True)


BURNING = reading("Burning", 1000, 90)
HEALTHY = reading("Healthy", 2000, workspace="globex")
SMALL = reading("Small", 90)
GONE = State(
    Campaign("acme", "gone", "Gone"), up=False, error=Failure(Reason.CAMPAIGN_NOT_FOUND, "HTTP 404: no such campaign")
)
WORST_FIRST = ["Burning", "Gone", "Small", "Healthy"]


@dataclass
class Served:
    """What the server answers with; a test changes it between two refreshes."""

    states: list[State] = field(default_factory=lambda: [BURNING, HEALTHY, SMALL, GONE])
    status: int = 200
    url: str = ""

    async def answer(self, _request: web.Request) -> web.Response:
        text = render_page(rows(self.states), now=NOW, version="1.2.3")
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=text, status=self.status, content_type="text/html", headers=headers)

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        app = web.Application()
        app.router.add_get("/", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}/".format(*runner.addresses[0])
        started.set()
        await stop.wait()
        await runner.cleanup()


@pytest.fixture
def served() -> Iterator[Served]:
    served, started, stop, loop = Served(), threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(served.serve(started, stop),))
    thread.start()
    assert started.wait(10)
    yield served
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """Open the page with a clock that stands until a test moves it; nothing may complain on the console."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(5000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(error.message))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.clock.install(time=NOW)
    page.goto(served.url)
    yield page
    page.close()
    unexpected = [text for text in complaints if "the server responded with a status of 503" not in text]
    assert unexpected == []


def names(page: Page) -> list[str]:
    return page.locator("tbody tr:visible th b").all_inner_texts()


def header(page: Page, name: str) -> str | None:
    return page.get_by_role("columnheader", name=name, exact=True).get_attribute("aria-sort")


def sort_by(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def refresh(page: Page) -> None:
    with page.expect_response(lambda response: response.request.resource_type == "fetch"):
        page.clock.run_for(15_000)


def test_it_shows_the_worst_first(page: Page) -> None:
    expect(page).to_have_title("1 past a limit · Leadterra campaigns")
    assert names(page) == WORST_FIRST
    assert header(page, "State") == "ascending"
    expect(page.get_by_role("row", name="Burning")).to_contain_text("over critical 5 %")


def test_a_click_sorts_by_a_column_and_another_turns_it_round(page: Page) -> None:
    sort_by(page, "Sent")
    assert names(page) == ["Healthy", "Burning", "Small", "Gone"]
    assert (header(page, "Sent"), header(page, "State")) == ("descending", None)
    sort_by(page, "Sent")
    assert names(page) == ["Small", "Burning", "Healthy", "Gone"]  # what is not known stays last
    assert header(page, "Sent") == "ascending"


def test_the_keyboard_sorts_too(page: Page) -> None:
    page.get_by_role("button", name="State").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert names(page) == ["Burning", "Gone", "Healthy", "Small"]
    page.keyboard.press("Space")
    assert names(page) == ["Small", "Healthy", "Gone", "Burning"]
    assert header(page, "Campaign") == "descending"


def test_the_filter_looks_for_every_word_in_all_that_a_row_says(page: Page) -> None:
    search = page.get_by_role("searchbox", name="Filter campaigns")
    for words, found in [
        ("GLOBEX", ["Healthy"]),
        ("growth small", ["Small"]),
        ("campaign_not_found", ["Gone"]),
        ("growth gone", []),
    ]:
        search.fill(words)
        assert names(page) == found
        expect(page.get_by_role("status")).to_have_text(f"{len(found)} of 4 shown")
    search.fill("")
    assert names(page) == WORST_FIRST
    expect(page.get_by_role("status")).to_have_text("")


def test_only_problems_hides_what_is_well(page: Page) -> None:
    page.get_by_label("Only problems").check()
    assert names(page) == ["Burning", "Gone"]
    page.get_by_label("Only problems").uncheck()
    assert names(page) == WORST_FIRST


def test_a_refresh_keeps_sorting_filter_and_focus(page: Page, served: Served) -> None:
    sort_by(page, "Sent")
    search = page.get_by_role("searchbox")
    search.fill("acme")
    served.states = [SMALL, reading("Burning", 1001, 90), reading("New", 5000), HEALTHY]
    refresh(page)
    expect(page.get_by_role("row", name="New")).to_be_visible()
    assert names(page) == ["New", "Burning", "Small"]
    assert header(page, "Sent") == "descending"
    expect(search).to_be_focused()
    expect(search).to_have_value("acme")
    expect(page.get_by_role("row", name="Burning")).to_contain_text("1,001")


def test_a_refresh_keeps_the_place_and_the_summary_follows(page: Page, served: Served) -> None:
    served.states = [reading(f"Regional {index}", 1000) for index in range(100)]
    refresh(page)
    expect(page).to_have_title("Leadterra campaigns")
    expect(page.get_by_role("list", name="Summary")).to_contain_text("100campaigns")
    page.evaluate("scrollTo(0, 2000)")
    served.states = [*served.states, BURNING]
    refresh(page)
    expect(page).to_have_title("1 past a limit · Leadterra campaigns")
    assert page.evaluate("scrollY") == 2000


def test_a_failed_refresh_is_said_with_the_age_of_what_is_shown(page: Page, served: Served) -> None:
    alert = page.get_by_role("alert")
    served.status = 503
    refresh(page)
    expect(alert).to_contain_text("Not refreshed: the exporter answered 503. What you see is 15 s old.")
    for _ in range(8):
        refresh(page)
    expect(alert).to_contain_text("What you see is 2 min old.")
    assert names(page) == WORST_FIRST
    served.status = 200
    refresh(page)
    expect(alert).to_be_hidden()
    served.status = 503
    refresh(page)
    expect(alert).to_contain_text("What you see is 15 s old.")


def test_another_page_in_its_place_is_a_failed_refresh(page: Page) -> None:
    page.route("**/", lambda route: route.fulfill(body="<h1>Sign in</h1>", content_type="text/html"))
    refresh(page)
    expect(page.get_by_role("alert")).to_contain_text("the answer is not this page")
    assert names(page) == WORST_FIRST


def test_a_page_of_another_version_is_loaded_whole(page: Page) -> None:
    text = render_page(rows([SMALL]), now=NOW, version="2.0.0").replace("REFRESH_MS = 15000", "REFRESH_MS = 20000")
    page.route("**/", lambda route: route.fulfill(body=text, content_type="text/html"))
    with page.expect_event("load"):
        refresh(page)
    expect(page.get_by_text("leadterra-exporter 2.0.0")).to_be_visible()


def test_a_name_like_a_script_stays_text(page: Page, served: Served) -> None:
    served.states = [reading(HOSTILE, 100)]
    refresh(page)
    expect(page.locator("tbody th b")).to_have_text(HOSTILE)
    page.reload()
    expect(page.locator("tbody th b")).to_have_text(HOSTILE)
    assert page.locator("script").count() == 1


@pytest.mark.parametrize("width", [360, 1081, 1279, 1280])
def test_no_width_needs_sideways_scrolling(page: Page, served: Served, width: int) -> None:
    limits = Thresholds(emails_queued=Threshold(warning=1, critical=100_000), reply_ratio=Threshold(info=0.5))
    wide = Campaign("acme" * 9, "x" * 64, "Name" * 20, (("team", "t" * 50),), thresholds=limits)
    full = Stats(10**6, 10**7, 10**7, 10**6, 20, 90_000, 0.4, 0.02)
    served.states.append(State(wide, full, NOW - 90000, up=False, error=GONE.error))
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_it_is_still_a_table(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    row = page.get_by_role("table", name="Campaigns and what their last reading says").get_by_role("row", name="Gone")
    expect(row.get_by_role("rowheader")).to_contain_text("Gone")
    assert row.get_by_role("cell").count() == 8
    sort_by(page, "Sent")
    assert names(page)[0] == "Healthy"


def test_without_scripts_the_table_is_all_there(browser: Browser, served: Served) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(served.url)
        assert names(page) == WORST_FIRST
        expect(page.locator("#controls")).to_be_hidden()
