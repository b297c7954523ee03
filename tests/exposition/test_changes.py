"""Whatever happens, the page is the one that is written from scratch, and what did not change is not made again."""

import zlib
from collections.abc import Callable
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Campaign, Poll, Threshold, Thresholds
from exporter.errors import Failure, Reason
from exporter.exposition import Format, Page
from exporter.exposition.parts import Body, Part, Snapshot
from exporter.stats import Stats
from exporter.store import Store
from tests import build

Happens: TypeAlias = Callable[[Store, build.Clock], object]
IDS = [f"c{number}" for number in range(12)]
OWN = {Format.TEXT: b"own 1\n", Format.OPENMETRICS: b"own 1\n# EOF\n"}


def gunzip(packed: bytes) -> bytes:
    """Read one gzip member, as most clients do, and see that nothing is left."""
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    plain = reader.decompress(packed)
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
    lambda id_, sent, ratio: lambda store, _: store.succeeded(("acme", id_), Stats(sent=sent, open_rate=ratio)),
    st.sampled_from(IDS),
    st.integers(0, 2),
    st.none() | st.sampled_from([0.0, 0.5]),
)
FAILURE = st.builds(
    lambda id_, reason: lambda store, _: store.failed(("acme", id_), Failure(reason, "why")),
    st.sampled_from(IDS),
    st.sampled_from(Reason),
)
TIME = st.sampled_from([1, 60, 250]).map(
    lambda seconds: lambda _, clock: setattr(clock, "monotonic", clock.monotonic + seconds)
)


@settings(max_examples=60)
@given(st.lists(READING | configurations() | READING | FAILURE | TIME, max_size=20), st.integers(1, 5))
def test_after_any_changes_the_page_is_as_from_scratch(happens: list[Happens], largest_block: int) -> None:
    clock = build.Clock()
    store = clock.store()
    page = Page(store, OWN.__getitem__, largest_block=largest_block)
    store.configure([build.campaign(id_) for id_ in IDS[:7]])
    for each in happens:
        each(store, clock)
        for page_format in Format:
            fresh = Page(store, OWN.__getitem__, largest_block=1000).render(page_format)
            assert page.render(page_format) == fresh
            assert gunzip(b"".join(page.snapshot(page_format, OWN[page_format]).gzip())) == fresh


def world(campaigns: int) -> tuple[Store, Page]:
    store = build.Clock().store()
    page = Page(store, OWN.__getitem__, largest_block=10)
    store.configure(build.campaign(f"c{number}") for number in range(campaigns))
    for number in range(campaigns):
        store.succeeded(("acme", f"c{number}"), Stats(sent=1))
    return store, page


def made_again(before: Snapshot, after: Snapshot) -> list[bytes]:
    known = {id(piece) for piece in before.plain()}
    return [piece for piece in after.plain() if piece and id(piece) not in known]


def test_what_did_not_change_is_not_made_again() -> None:
    store, page = world(100)
    before = page.snapshot(Format.TEXT, b"")
    before.gzip()
    store.succeeded(("acme", "c42"), Stats(sent=2))
    after = page.snapshot(Format.TEXT, b"")

    (sent,) = made_again(before, after)
    assert [line.split(b" ")[1] for line in sent.splitlines()] == [b"1", b"1", b"2", *[b"1"] * 7]
    assert after.left_to_deflate == len(sent)


def test_many_changes_between_two_scrapes_are_all_on_the_page() -> None:
    store = build.Clock().store()
    page = Page(store, OWN.__getitem__, largest_block=200)
    store.configure(build.campaign(f"c{number}") for number in range(300))
    for number in [*range(299, -1, -1), *range(0, 300, 3)]:
        store.succeeded(("acme", f"c{number}"), Stats(sent=10 ** (number % 5)))

    assert page.render(Format.TEXT) == Page(store, OWN.__getitem__).render(Format.TEXT)


def test_a_poll_that_changes_nothing_leaves_the_page_as_it_is() -> None:
    store, page = world(30)
    before = page.snapshot(Format.TEXT, b"")
    store.succeeded(("acme", "c7"), Stats(sent=1))
    after = page.snapshot(Format.TEXT, b"")

    assert made_again(before, after) == []


def test_both_formats_share_what_is_compressed() -> None:
    _, page = world(30)
    page.snapshot(Format.TEXT, b"").gzip()

    left = page.snapshot(Format.OPENMETRICS, b"").left_to_deflate
    assert 0 < left < len(page.render(Format.TEXT)) / 2  # only the headers


def test_a_page_that_is_being_sent_does_not_change() -> None:
    store, page = world(30)
    snapshot, then = page.snapshot(Format.TEXT, b""), page.render(Format.TEXT).removesuffix(b"own 1\n")
    store.configure([build.campaign("c1")])
    store.succeeded(("acme", "c1"), Stats(sent=9))

    assert b"".join(snapshot.plain()) == gunzip(b"".join(snapshot.gzip())) == then


def test_blocks_that_have_become_small_are_put_together() -> None:
    store, page = world(100)
    whole = len(page.snapshot(Format.TEXT, b"").plain())
    store.configure(build.campaign(f"c{number}") for number in range(0, 100, 10))

    # One campaign is left in each of ten blocks: they become two or three.
    assert len(page.snapshot(Format.TEXT, b"").plain()) < whole / 2


@given(st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=300))
def test_any_parts_make_one_gzip_member(parts: list[bytes], own: bytes) -> None:
    snapshot = Snapshot(Body(map(Part, parts)), Part(own))

    assert gunzip(b"".join(snapshot.gzip())) == b"".join([*parts, own]) == b"".join(snapshot.plain())
