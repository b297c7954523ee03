"""The status page as a browser shows it, served by the exporter's endpoints; the page's clock is handed in."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from exporter.api import Stats
from exporter.config import Campaign, Threshold, Thresholds
from exporter.errors import Failure, Reason
from tests import build
from tests.process import in_thread
from tests.tools import need
from tests.web.serving import Program, application_of, serving

pytestmark = pytest.mark.slow

NOW = build.Clock().wall()
GONE = Failure(Reason.CAMPAIGN_NOT_FOUND, "HTTP 404: no such campaign")
WORST_FIRST = ["Burning", "Gone", "Small", "Healthy"]


class Served:
    """A program with four campaigns, whose readings a test changes between two refreshes."""

    def __init__(self) -> None:
        self.program = Program()
        self.url = ""
        self.readings: dict[Campaign, Stats | Failure] = {}
        self.know("Burning", 1000, 90)
        self.know("Healthy", 2000, workspace="globex")
        self.know("Small", 90)
        self.know("Gone", failure=GONE)

    def know(
        self, name: str, sent: int = 0, bounced: int = 0, *, workspace: str = "acme", failure: Failure | None = None
    ) -> None:
        """Set what the last poll of a campaign has brought."""
        thresholds = Thresholds(emails_queued=Threshold(warning=10_000))
        campaign = Campaign(workspace, f"id_of_{name}", name, (("team", "growth"),), thresholds=thresholds)
        self.readings[campaign] = failure or Stats(900, sent, sent - bounced, bounced, 20, 30, 0.4, 0.02)
        self.program.store.configure(self.readings)
        for each, reading in self.readings.items():
            known: Any = self.program.store.failed if isinstance(reading, Failure) else self.program.store.succeeded
            known(each.key, reading)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    with in_thread(serving(application_of(served.program))) as listener:
        served.url = f"{listener.url}/"
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
    path = need("chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=quiet) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """Open the page with a clock that a test moves; nothing may complain on the console."""
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
    return page.locator("tbody th a").all_inner_texts()


def header(page: Page, name: str) -> str | None:
    return page.get_by_role("columnheader", name=name, exact=True).get_attribute("aria-sort")


def refresh(page: Page, action: Callable[[], object] = lambda: None, milliseconds: int = 15_000) -> None:
    """Make the page ask again, at its time or after an action."""
    with page.expect_response(lambda response: response.request.resource_type == "fetch"):
        action()
        page.clock.run_for(milliseconds)


def search(page: Page, words: str) -> None:
    refresh(page, lambda: page.get_by_role("searchbox", name="Search campaigns").fill(words), 250)


def test_the_worst_come_first_and_a_click_or_the_keyboard_sorts_by_a_column(page: Page) -> None:
    expect(page).to_have_title("1 over a limit · Leadterra campaigns")
    assert (names(page), header(page, "State")) == (WORST_FIRST, "ascending")
    expect(page.get_by_role("row", name="Burning")).to_contain_text("90 of 1,000 bounced: surely above 5 %")
    page.get_by_role("link", name="Sent", exact=True).click()
    expect(page).to_have_url(f"{page.url.partition('?')[0]}?sort=-emails_sent")
    assert names(page) == ["Healthy", "Burning", "Small", "Gone"]
    assert (header(page, "Sent"), header(page, "State")) == ("descending", None)
    page.get_by_role("link", name="Sent", exact=True).focus()
    refresh(page)
    page.keyboard.press("Enter")  # the refresh has left the focus where it was
    page.wait_for_url("**/?sort=emails_sent")
    assert names(page) == ["Small", "Burning", "Healthy", "Gone"]  # what is not known stays last


def test_search_choices_and_tiles_stand_in_the_address(page: Page) -> None:
    for words, found in [("GLOBEX", ["Healthy"]), ("growth small", ["Small"]), ("growth gone small", [])]:
        search(page, words)
        expect(page.get_by_role("status")).to_contain_text(f"{len(found)} of 4 campaigns")
        assert names(page) == found
    search(page, "")
    refresh(page, lambda: page.get_by_label("workspace").select_option("acme"), 1)
    refresh(page, lambda: page.get_by_label("Only problems").check(), 1)
    assert page.url.endswith("/?workspace=acme&problems=1")
    assert names(page) == ["Burning", "Gone"]
    page.reload()
    assert names(page) == ["Burning", "Gone"]
    expect(page.get_by_label("Only problems")).to_be_checked()
    page.get_by_role("link", name="failing").click()
    page.wait_for_url("**/?state=failing&workspace=acme")
    assert names(page) == ["Gone"]
    page.get_by_role("link", name="show all").click()
    expect(page.get_by_role("row", name="Healthy")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("workspace")).to_have_value("acme")


def test_a_refresh_keeps_what_was_typed_the_focus_and_the_place_and_the_summary_follows(
    page: Page, served: Served
) -> None:
    for index in range(60):
        served.readings[build.campaign(f"regional_{index}")] = Stats(sent=100, bounced=0)
    served.know("Burning too", 1000, 90)
    search(page, "acme")
    summary = page.get_by_role("list", name="Summary")
    expect(summary).to_contain_text("65campaigns")  # as tall as it will be
    served.know("Burning", 1001, 90)
    page.evaluate("scrollTo(0, 2000)")
    refresh(page)
    expect(page).to_have_title("2 over a limit · Leadterra campaigns")
    expect(summary).to_contain_text("65campaigns")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("acme")
    expect(page.get_by_role("row", name="Burning acme")).to_contain_text("1,001")
    assert page.evaluate("scrollY") == 2000


def test_an_id_is_copied(page: Page) -> None:
    page.get_by_role("row", name="Gone").get_by_role("button", name="copy id").click()
    expect(page.get_by_role("row", name="Gone").get_by_role("button")).to_have_text("copied")
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_role("searchbox")).to_have_value("id_of_Gone")


def test_a_failed_refresh_is_said_with_the_age_of_what_is_shown(page: Page) -> None:
    alert = page.get_by_role("alert")
    page.route("**/", lambda route: route.fulfill(status=503))
    refresh(page)
    expect(alert).to_contain_text("Not refreshed: the exporter answered 503. ")
    expect(alert).to_contain_text(re.compile(r"What you see is 1[5-9] s old\."))
    for _ in range(8):
        refresh(page)
    expect(alert).to_contain_text("What you see is 2 min old.")
    assert names(page) == WORST_FIRST
    page.route("**/", lambda route: route.fulfill(body="<h1>Sign in</h1>", content_type="text/html"))
    refresh(page)
    expect(alert).to_contain_text("the answer is not this page")
    assert names(page) == WORST_FIRST
    page.unroute("**/")
    refresh(page)
    expect(alert).to_be_hidden()


def test_a_page_of_another_version_is_loaded_whole(page: Page) -> None:
    def other(route: Route) -> None:
        text = route.fetch().text().replace("REFRESH_MS = 15000", "REFRESH_MS = 20000")
        route.fulfill(body=text.replace("Leadterra campaigns</h1>", "Another</h1>"), content_type="text/html")

    page.route("**/", other)
    with page.expect_event("load"):
        refresh(page)
    expect(page.get_by_role("heading")).to_have_text("Another")


def test_no_width_needs_sideways_scrolling_and_a_phone_little_for_three_hundred_campaigns(
    page: Page, served: Served
) -> None:
    for index in range(294):
        served.readings[build.campaign(f"camp_{index}")] = Stats(sent=100, bounced=0)
    served.know("Name" * 20, 10**7, 10**6, workspace="acme" * 9)
    served.know("n" * 64, workspace="acme" * 9, failure=GONE)
    for width in (1280, 1081, 561, 360):
        page.set_viewport_size({"width": width, "height": 844})
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.scrollHeight") < 30 * 844
    row = page.get_by_role("table", name="Campaigns and what their last reading says").get_by_role("row", name="Gone")
    expect(row.get_by_role("rowheader")).to_contain_text("Gone")
    expect(row).to_contain_text("campaign_not_found")


def test_without_scripts_the_form_works(browser: Browser, served: Served) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(served.url)
        assert names(page) == WORST_FIRST
        page.get_by_label("Only problems").check()
        page.get_by_role("button", name="Show").click()
        assert names(page) == ["Burning", "Gone"]
