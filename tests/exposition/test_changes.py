"""The page: what is on it, and that any change leaves it as if written from scratch; tests/golden has a whole one."""

import asyncio
import re
import zlib
from collections.abc import Callable
from itertools import groupby
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.config import Campaign, Poll, Sending, TargetKey, Threshold, Thresholds
from exporter.config.checks import label_name
from exporter.errors import Failure, Reason
from exporter.exposition import METRICS, Format, Page
from exporter.exposition.chunks import Snapshot
from exporter.store import Store
from tests import build
from tests.exposition.documented import documented_page, samples
from tests.tools import succeed

Happens: TypeAlias = Callable[[Store, build.Clock], object]
IDS = [f"c{number}" for number in range(12)]
OWN = {Format.TEXT: b"own 1\n", Format.OPENMETRICS: b"own 1\n# EOF\n"}


def key(id_: str) -> TargetKey:
    return "acme", Campaign.kind, id_


def with_sorted_lines(page: bytes) -> list[bytes]:
    """Return a page's lines with those of each metric sorted: a new row takes the place of one that has gone."""
    groups = groupby(page.splitlines(), key=lambda line: line.startswith(b"#"))
    return [line for is_header, lines in groups for line in (lines if is_header else sorted(lines))]


def gunzip(page: Snapshot) -> bytes:
    """Read one gzip member, as most clients do, and see that nothing is left."""
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    plain = reader.decompress(b"".join(page.gzip()))
    assert reader.eof
    assert reader.unused_data == b""
    return plain


@st.composite
def configurations(draw: st.DrawFn) -> Happens:
    label = draw(st.sampled_from([(), (("team", ""),), (("team", "growth"),)]))
    campaign = st.builds(
        lambda id_, poll, thresholds: Campaign("acme", id_, id_.upper(), label, poll, thresholds),
        st.sampled_from(IDS),
        st.sampled_from([Poll(stale_after=90), Poll(stale_after=300)]),
        st.sampled_from(
            [Thresholds(), Thresholds(bounce_ratio=Threshold()), Thresholds(emails_queued=Threshold(1, 2, 3))]
        ),
    )
    wanted = draw(st.lists(campaign, unique_by=lambda campaign: campaign.id))
    return lambda store, _: store.configure(wanted)


READING = st.builds(
    lambda id_, sent, ratio: lambda store, _: store.succeeded(key(id_), Stats(sent=sent, open_rate=ratio)),
    st.sampled_from(IDS),
    st.integers(0, 2),
    st.none() | st.sampled_from([0.0, 0.5]),
)
FAILURE = st.builds(
    lambda id_, reason: lambda store, _: store.failed(key(id_), Failure(reason, "why")),
    st.sampled_from(IDS),
    st.sampled_from(Reason),
)
TIME = st.sampled_from([1, 60, 250]).map(
    lambda seconds: lambda _, clock: setattr(clock, "monotonic", clock.monotonic + seconds)
)


@settings(max_examples=60)
@given(st.lists(st.lists(READING | configurations() | FAILURE | TIME), max_size=10), st.integers(1, 5))
def test_after_any_changes_the_page_is_as_from_scratch(scrapes: list[list[Happens]], rows_per_block: int) -> None:
    clock = build.Clock()
    store = clock.store()
    page = Page(store, OWN.__getitem__, rows_per_block=rows_per_block)
    store.configure([build.campaign(id_) for id_ in IDS[:7]])
    for happens in scrapes:
        for each in happens:
            each(store, clock)
        for page_format in Format:
            shown = page.render(page_format)
            assert with_sorted_lines(shown) == with_sorted_lines(Page(store, OWN.__getitem__).render(page_format))
            assert gunzip(page.snapshot(page_format, OWN[page_format])) == shown


def world(campaigns: int, rows_per_block: int = 10) -> tuple[Store, Page]:
    store = build.Clock().store()
    page = Page(store, OWN.__getitem__, rows_per_block=rows_per_block)
    store.configure(build.campaign(f"c{number}") for number in range(campaigns))
    for number in range(campaigns):
        store.succeeded(key(f"c{number}"), Stats(sent=1))
    return store, page


def made_again(before: Snapshot, after: Snapshot) -> list[bytes]:
    known = {id(piece) for piece in before.plain()}
    return [piece for piece in after.plain() if piece and id(piece) not in known]


def test_what_did_not_change_is_not_made_again() -> None:
    store, page = world(100)
    before = page.snapshot(Format.TEXT, b"")
    before.gzip()
    store.succeeded(key("c42"), Stats(sent=1))
    assert made_again(before, page.snapshot(Format.TEXT, b"")) == []
    store.succeeded(key("c42"), Stats(sent=2))
    after = page.snapshot(Format.TEXT, b"")
    (sent,) = made_again(before, after)
    assert [line.split(b" ")[1] for line in sent.splitlines()] == [b"1", b"1", b"2", *[b"1"] * 7]
    assert after.left_to_deflate == len(sent)
    after.gzip()
    openmetrics = page.snapshot(Format.OPENMETRICS, b"")  # of which only the headers are others
    assert 0 < openmetrics.left_to_deflate < sum(map(len, after.plain())) / 2


def test_a_page_that_is_being_sent_does_not_change_and_a_new_row_takes_the_place_of_one_that_has_gone() -> None:
    store, page = world(30)
    snapshot, then = page.snapshot(Format.TEXT, b""), page.render(Format.TEXT).removesuffix(b"own 1\n")
    store.configure([build.campaign("c1")])
    store.succeeded(key("c1"), Stats(sent=9))
    assert b"".join(snapshot.plain()) == gunzip(snapshot) == then
    store, page = world(100)
    pieces = len(page.snapshot(Format.TEXT, b"").plain())
    for number in range(20):
        store.configure(build.campaign(f"c{each}") for each in range(number * 30, number * 30 + 100))
        assert len(page.snapshot(Format.TEXT, b"").plain()) <= pieces


async def test_a_scrape_gives_way_to_polls() -> None:
    store, page = world(20_000, rows_per_block=256)
    scraping, polls = asyncio.create_task(page.scrape(Format.TEXT, b"")), 0
    while not scraping.done():
        await asyncio.sleep(0)
        store.succeeded(key("c7"), Stats(sent=polls))
        polls += 1
    assert polls > 5  # some 0.2 s in steps of 5 ms


@pytest.mark.parametrize("swapped_at", range(0, 18, 3))
async def test_a_scrape_shows_readings_and_configurations_whole(
    monkeypatch: pytest.MonkeyPatch, swapped_at: int
) -> None:
    monkeypatch.setattr("exporter.exposition.page._LONGEST_STEP", 0)  # so it gives way wherever it can
    old, new = range(100), range(50, 150)
    store, page = world(100)
    page.render(Format.TEXT)
    store.succeeded(key("c0"), Stats(sent=-1, delivered=-1))
    scraping, step = asyncio.create_task(page.scrape(Format.TEXT, b"")), 0
    while not scraping.done():
        if step == swapped_at:
            store.configure(build.campaign(f"c{number}") for number in new)
        for number in range(100):
            store.succeeded(key(f"c{number}"), Stats(sent=step, delivered=step))
        await asyncio.sleep(0)
        step += 1
    assert (step > swapped_at + 1) is (swapped_at < 12)

    shown: dict[str, dict[str, str]] = {}
    for line in b"".join(scraping.result().plain()).decode().splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition("{")
            shown.setdefault(name, {})[labels.split('"')[3]] = line.split()[-1]
    assert shown["leadterra_campaign_emails_sent"] == shown["leadterra_campaign_emails_delivered"]
    ids = {f"c{number}" for number in (new if swapped_at < 12 else old)}
    assert set(shown["leadterra_campaign_emails_sent"]) <= ids
    assert set(shown["leadterra_campaign_stale_after_seconds"]) == ids


@pytest.mark.parametrize("label", sorted({label for metric in METRICS for label in metric.labels} | {"alertname"}))
def test_no_configured_label_has_the_name_of_a_metric_s_own(label: str) -> None:
    with pytest.raises(ValueError, match="choose another name"):  # a series with a name twice ends a whole scrape
        label_name(label)


def test_promtool_has_nothing_to_say_of_the_page_and_all_helps_end_alike() -> None:
    text = documented_page(Format.TEXT).decode()
    assert [
        each for each in re.findall(r"(?m)^# HELP \w+ (.*)$", text) if not re.fullmatch(r"[A-Z1].*[^.]\.", each)
    ] == []
    assert succeed("promtool", "check", "metrics", given=text) == ""


TEXTS = st.text() | st.text('\\"\n\r{},= n\t\u2028#\x00', max_size=12)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(Format))
def test_any_text_in_a_label_comes_back(id_: str, name: str, value: str, page_format: Format) -> None:
    store = build.Clock().store()
    page = Page(store, lambda each: b"# EOF\n" if each is Format.OPENMETRICS else b"")
    store.configure([build.campaign(id_, name=name, labels=(("team", value),))])
    labels = {"workspace": "acme", "campaign_id": id_, "campaign": name, "team": value}
    told = samples(page.render(page_format), page_format)
    assert told["leadterra_campaign_stale_after_seconds", frozenset(labels.items())] == 300


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

    assert names() == []
    store.configure([campaign])
    assert names() == FROM_CONFIGURATION  # never polled
    store.succeeded(campaign.key, Stats(sent=1, open_rate=1.0))
    assert [line.split()[-1] for line in lines()[:2]] == ["1", "1.0"]  # a count and a ratio, written as what they are
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

    store.configure([campaign, build.campaign("b", sending=Sending(days=(6,)))])
    told = []
    for clock.monotonic in (301, 8.9 * 3600, 9 * 3600):  # from a Sunday, 15:06:40
        told.append([line[-1] for line in lines() if "sending_expected" in line])
    assert told == [["0", "1"], ["1", "0"], ["1", "0"]]  # without a poll
