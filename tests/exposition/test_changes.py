"""Whatever happens, the page is the one that is written from scratch, and what did not change is not made again."""

import asyncio
import zlib
from collections.abc import Callable
from itertools import groupby
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api import Stats
from exporter.config import Campaign, Poll, TargetKey, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.exposition import Format, Page
from exporter.exposition.chunks import Body, Chunk, Snapshot
from exporter.store import Store
from tests import build

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


def test_a_page_that_is_being_sent_does_not_change() -> None:
    store, page = world(30)
    snapshot, then = page.snapshot(Format.TEXT, b""), page.render(Format.TEXT).removesuffix(b"own 1\n")
    store.configure([build.campaign("c1")])
    store.succeeded(key("c1"), Stats(sent=9))

    assert b"".join(snapshot.plain()) == gunzip(snapshot) == then


def test_a_new_row_takes_the_place_of_one_that_has_gone() -> None:
    store, page = world(100)
    pieces = len(page.snapshot(Format.TEXT, b"").plain())
    for number in range(20):
        store.configure(build.campaign(f"c{each}") for each in range(number * 30, number * 30 + 100))
        assert len(page.snapshot(Format.TEXT, b"").plain()) <= pieces


def test_preparing_gives_way_to_polls_and_leaves_nothing_to_do() -> None:
    async def scenario() -> int:
        store, page = world(20_000, rows_per_block=256)
        preparing, polls = asyncio.create_task(page.prepare()), 0
        while not preparing.done():
            await asyncio.sleep(0)
            store.succeeded(key("c7"), Stats(sent=polls))
            polls += 1
        await page.prepare()
        first = page.snapshot(Format.TEXT, b"")
        assert made_again(first, page.snapshot(Format.TEXT, b"")) == []
        assert f'campaign_id="c7",campaign="c7"}} {polls - 1}\n'.encode() in b"".join(first.plain())
        return polls

    assert asyncio.run(scenario()) > 5  # some 0.2 s in steps of 5 ms


@given(st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=300))
def test_any_chunks_make_one_gzip_member(chunks: list[bytes], own: bytes) -> None:
    snapshot = Snapshot(Body(map(Chunk, chunks)), Chunk(own))

    assert gunzip(snapshot) == b"".join([*chunks, own]) == b"".join(snapshot.plain())
