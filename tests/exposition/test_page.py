"""The page: what is on it, and when; tests/golden has a whole one, and test_changes.py holds each change to it."""

import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.config import Poll, Sending, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.exposition import METRICS, Format, Page
from tests import build
from tests.exposition.documented import documented_page
from tests.exposition.parsed import families, samples
from tests.tools import need

PAGES = {page_format: documented_page(page_format) for page_format in Format}


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


def test_every_help_is_a_sentence() -> None:
    texts = [line.split(" ", 3)[3] for line in documented_page(Format.TEXT).decode().splitlines() if "# HELP" in line]
    assert [text for text in texts if not re.fullmatch(r"[A-Z1].*[^.]\.", text)] == []


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
    store.succeeded(("acme", "campaign", "camp_123"), stats)

    told = {name: value for (name, _), value in samples(page.render(Format.TEXT), Format.TEXT).items()}
    for metric in METRICS[:8]:
        attribute = re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", metric.field or "")
        assert told.get(metric.name) == getattr(stats, attribute)


def test_without_campaigns_the_page_is_empty() -> None:
    assert build.page(build.Clock().store())() == []


FROM_POLLS = ["up", "last_success_timestamp_seconds"]
FROM_CONFIGURATION = [
    "stale_after_seconds",
    *["bounce_ratio_threshold"] * 2,
    "queue_stalled_seconds_threshold",
    "min_emails_bounced_threshold",
    "sending_expected",
]


def test_what_is_on_the_page_through_a_campaign_s_life() -> None:
    clock, campaign = build.Clock(), build.campaign("a")
    store = clock.store()
    lines = build.page(store)

    def names() -> list[str]:
        return [line.removeprefix("leadterra_campaign_").split("{")[0] for line in lines()]

    store.configure([campaign])
    assert names() == FROM_CONFIGURATION  # never polled
    store.succeeded(campaign.key, Stats(sent=7, open_rate=0.5))
    assert names() == (whole := ["emails_sent", "open_ratio", *FROM_POLLS, *FROM_CONFIGURATION])
    clock.monotonic = 301
    assert names() == [*FROM_POLLS, *FROM_CONFIGURATION]  # stale
    store.succeeded(campaign.key, Stats(sent=7, open_rate=0.5))
    assert names() == whole
    store.succeeded(campaign.key, Stats(open_rate=0.5))
    assert names() == ["open_ratio", *FROM_POLLS, *FROM_CONFIGURATION]  # a field that is no longer sent
    for reason in (Reason.TIMEOUT, Reason.SERVER_ERROR):
        store.failed(campaign.key, Failure(reason, "why"))
        (line,) = [line for line in lines() if "campaign_error" in line]
        assert line.endswith(f',reason="{reason}"}} 1')
    store.succeeded(campaign.key, Stats(sent=7))
    assert names() == ["emails_sent", *FROM_POLLS, *FROM_CONFIGURATION]


def test_changed_thresholds_are_shown_at_once() -> None:
    store, campaign = build.Clock().store(), build.campaign("a")
    lines = build.page(store)
    store.configure([campaign])
    assert len(lines()) == len(FROM_CONFIGURATION)
    thresholds = Thresholds(bounce_ratio=Threshold(critical=0.08), queue_stalled=Threshold())
    store.configure([replace(campaign, thresholds=thresholds, poll=Poll(stale_after=400))])

    labels = 'workspace="acme",campaign_id="a",campaign="a"'
    assert lines() == [
        f"leadterra_campaign_stale_after_seconds{{{labels}}} 400",
        f'leadterra_campaign_bounce_ratio_threshold{{{labels},severity="critical"}} 0.08',
        f"leadterra_campaign_min_emails_bounced_threshold{{{labels}}} 5",
        f"leadterra_campaign_sending_expected{{{labels}}} 0",
    ]


def test_what_time_changes_is_shown_without_a_poll() -> None:
    clock = build.Clock()  # a Sunday, 15:06:40
    store = clock.store()
    lines = build.page(store)
    store.configure([build.campaign("a"), build.campaign("b", sending=Sending(days=(6,)))])
    told = {}
    for clock.monotonic in (0, 8.9 * 3600, 9 * 3600):
        told[clock.monotonic] = [line[-1] for line in lines() if "sending_expected" in line]
    assert list(told.values()) == [["0", "1"], ["1", "0"], ["1", "0"]]
