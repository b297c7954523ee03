"""The page: that it says what was read, in both formats, and follows every change."""

import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Campaign, Poll, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.exposition import METRICS, Format, Page
from exporter.stats import Stats
from tests import build
from tests.exposition.documented import STARTED, documented_page
from tests.exposition.parsed import families, samples
from tests.tools import need

PAGES = {page_format: documented_page(page_format) for page_format in Format}
OF_ACME = {"workspace": "acme", "team": "growth"}
KNOWN = OF_ACME | {"campaign_id": "camp_123", "campaign": "VP Sales"}
MISSING = OF_ACME | {"campaign_id": "camp_404", "campaign": "Nobody"}

EXPECTED: list[tuple[str, dict[str, str], float]] = [
    ("leads_enrolled", KNOWN, 500),
    ("emails_sent", KNOWN, 480),
    ("emails_delivered", KNOWN, 471),
    ("emails_bounced", KNOWN, 9),
    ("leads_replied", KNOWN, 38),
    ("emails_queued", KNOWN, 20),
    ("open_ratio", KNOWN, 0.42),
    ("reply_ratio", KNOWN, 0.08),
    ("up", KNOWN, 1),
    ("up", MISSING, 0),
    ("last_success_timestamp_seconds", KNOWN, STARTED + 0.25),
    ("error", MISSING | {"reason": "campaign_not_found"}, 1),
    ("emails_queued_threshold", KNOWN | {"severity": "warning"}, 1000),
    ("emails_queued_threshold", KNOWN | {"severity": "critical"}, 5000),
    ("reply_ratio_threshold", KNOWN | {"severity": "info"}, 0.01),
]
for both in (KNOWN, MISSING):
    EXPECTED += [
        ("stale_after_seconds", both, 300),
        ("bounce_ratio_threshold", both | {"severity": "warning"}, 0.03),
        ("bounce_ratio_threshold", both | {"severity": "critical"}, 0.05),
        ("queue_drain_seconds_threshold", both | {"severity": "warning"}, 259_200),
        ("min_emails_sent_threshold", both, 50),
    ]


@pytest.mark.parametrize("page_format", Format)
def test_each_sample_is_what_was_read(page_format: Format) -> None:
    of_campaigns = {
        series: value
        for series, value in samples(PAGES[page_format], page_format).items()
        if series[0].startswith("leadterra_campaign_")
    }

    assert of_campaigns == {
        (f"leadterra_campaign_{name}", frozenset(labels.items())): value for name, labels, value in EXPECTED
    }


@pytest.mark.parametrize("page_format", Format)
def test_the_exporter_s_own_metrics_are_on_the_page(page_format: Format) -> None:
    told = samples(PAGES[page_format], page_format)

    for code, count in {"200": 1, "404": 1, "500": 0}.items():
        series = frozenset({("workspace", "acme"), ("code", code)})
        assert told["leadterra_api_requests_total", series] == count
    assert told["leadterra_workspace_campaigns", frozenset({("workspace", "acme")})] == 2


@pytest.mark.parametrize("page_format", Format)
def test_each_family_stands_together_under_its_help_and_type(page_format: Format) -> None:
    lines = PAGES[page_format].decode().splitlines()
    headers = [line.split()[2] for line in lines if line.startswith("# TYPE ")]

    assert len(set(headers)) == len(headers)
    assert set(headers) == {line.split()[2] for line in lines if line.startswith("# HELP ")}
    assert [family.name for family in families(PAGES[page_format], page_format)] == [
        name.removesuffix("_total") for name in headers
    ]
    assert {metric.name for metric in METRICS} <= set(headers)
    current = ""
    for line in lines:
        if not line.startswith("#"):
            assert re.fullmatch(rf"{current}(_total|_bucket|_sum|_count)?", re.split("[{ ]", line)[0])
        elif line != "# EOF":
            current = line.split()[2]


def test_openmetrics_names_units_and_ends_with_its_mark() -> None:
    page = PAGES[Format.OPENMETRICS]

    assert page.endswith(b"\n# EOF\n")
    assert page.count(b"# EOF") == 1
    assert b"\n# UNIT leadterra_campaign_stale_after_seconds seconds\n" in page
    assert b"# UNIT" not in PAGES[Format.TEXT]
    assert b"# EOF" not in PAGES[Format.TEXT]


def test_promtool_finds_nothing_to_say() -> None:
    command = [need("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=PAGES[Format.TEXT], capture_output=True, timeout=20, check=False)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


TEXTS = st.text() | st.text('\\"\n\r{},= n\t\u2028#\x00', max_size=12)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(Format))
def test_any_text_in_a_label_comes_back(id_: str, name: str, value: str, page_format: Format) -> None:
    store = build.Clock().store()
    page = Page(store, lambda each: b"# EOF\n" if each is Format.OPENMETRICS else b"")
    store.configure([build.campaign(id_, name=name, labels=(("team", value),))])

    labels = {"workspace": "acme", "campaign_id": id_, "campaign": name, "team": value}
    told = samples(page.render(page_format), page_format)
    assert told["leadterra_campaign_stale_after_seconds", frozenset(labels.items())] == 300


@given(st.builds(Stats, *[st.none() | st.integers(0, 2**53 - 1)] * 6, *[st.none() | st.floats(0, 1)] * 2))
def test_any_reading_comes_back(stats: Stats) -> None:
    store = build.Clock().store()
    page = Page(store, lambda _: b"")
    store.configure([build.campaign()])
    store.succeeded(("acme", "camp_123"), stats)

    told = {name: value for (name, _), value in samples(page.render(Format.TEXT), Format.TEXT).items()}
    for metric in METRICS[:8]:
        attribute = re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", metric.field or "")
        assert told.get(metric.name) == getattr(stats, attribute)


class World:
    """A page of some campaigns that have been read."""

    def __init__(self, *campaigns: Campaign) -> None:
        self.clock = build.Clock()
        self.store = self.clock.store()
        self.lines = build.page(self.store)
        self.store.configure(campaigns)
        for each in campaigns:
            self.store.succeeded(each.key, Stats(sent=7, open_rate=0.5))

    def names(self) -> list[str]:
        return [line.removeprefix("leadterra_campaign_").split("{")[0] for line in self.lines()]


A, B = build.campaign("a"), build.campaign("b")
FROM_POLLS = ["up", "last_success_timestamp_seconds"]
FROM_CONFIGURATION = [
    "stale_after_seconds",
    "bounce_ratio_threshold",
    "bounce_ratio_threshold",
    "queue_drain_seconds_threshold",
    "min_emails_sent_threshold",
]


def test_without_campaigns_the_page_is_empty() -> None:
    assert Page(World().store, lambda _: b"").render(Format.TEXT) == b""


def test_a_campaign_that_goes_leaves_no_line_and_takes_no_other() -> None:
    world = World(A, B)
    of_b = [line for line in world.lines() if 'campaign_id="b"' in line]
    world.store.configure([B])

    assert world.lines() == of_b


def test_a_campaign_that_was_never_polled_shows_its_configuration() -> None:
    world = World()
    world.store.configure([A])

    assert world.names() == FROM_CONFIGURATION


def test_what_is_stale_goes_and_comes_back_with_the_next_reading() -> None:
    world = World(A)
    whole = world.names()
    assert whole == ["emails_sent", "open_ratio", *FROM_POLLS, *FROM_CONFIGURATION]

    world.clock.monotonic = 301
    assert world.names() == [*FROM_POLLS, *FROM_CONFIGURATION]
    world.store.succeeded(A.key, Stats(sent=7, open_rate=0.5))
    assert world.names() == whole


def test_a_field_that_is_no_longer_sent_goes() -> None:
    world = World(A)
    world.store.succeeded(A.key, Stats(open_rate=0.5))

    assert world.names() == ["open_ratio", *FROM_POLLS, *FROM_CONFIGURATION]


def test_an_error_stands_while_polls_fail() -> None:
    world = World(A)
    for reason in (Reason.TIMEOUT, Reason.SERVER_ERROR):
        world.store.failed(A.key, Failure(reason, "why"))
        (line,) = [line for line in world.lines() if "campaign_error" in line]
        assert line.endswith(f',reason="{reason}"}} 1')
    world.store.succeeded(A.key, Stats(sent=7))

    assert "error" not in world.names()


def test_changed_labels_change_every_line() -> None:
    world = World(A, B)
    before = world.lines()
    world.store.configure([replace(A, name="renamed", labels=(("team", "growth"),)), B])

    old, new = 'campaign_id="a",campaign="a"', 'campaign_id="a",campaign="renamed",team="growth"'
    assert world.lines() == [line.replace(old, new) for line in before]


def test_changed_thresholds_are_shown_at_once() -> None:
    world = World(A)
    thresholds = Thresholds(bounce_ratio=Threshold(critical=0.08), queue_drain=Threshold(), min_emails_sent=0)
    world.store.configure([replace(A, thresholds=thresholds, poll=Poll(stale_after=400))])

    labels = 'workspace="acme",campaign_id="a",campaign="a"'
    assert world.lines()[-3:] == [
        f"leadterra_campaign_stale_after_seconds{{{labels}}} 400",
        f'leadterra_campaign_bounce_ratio_threshold{{{labels},severity="critical"}} 0.08',
        f"leadterra_campaign_min_emails_sent_threshold{{{labels}}} 0",
    ]
