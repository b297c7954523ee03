"""Which shard polls what."""

from collections import Counter

import pytest

from exporter.shard import Shard
from tests import build

KEYS = [(f"workspace_{number % 7}", f"camp_{number}") for number in range(800)]


def owner(key: tuple[str, str], total: int) -> int:
    """Return the one shard that owns the campaign."""
    (index,) = [index for index in range(total) if Shard(index, total).owns(*key)]
    return index


@pytest.mark.parametrize("total", [1, 2, 3, 4, 8, 15])
def test_each_shard_has_its_share_and_one_more_moves_its_own_and_only_to_itself(total: int) -> None:
    counts, share = Counter(owner(key, total) for key in KEYS), len(KEYS) / total
    assert all(share * 0.6 < counts[index] < share * 1.4 for index in range(total))
    moved = [(before, after) for key in KEYS if (before := owner(key, total)) != (after := owner(key, total + 1))]
    assert {after for _, after in moved} == {total}
    assert len(moved) < 1.3 * len(KEYS) / (total + 1)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (3, 4), (3, 8)])
def test_while_shards_are_added_nobody_is_left_out_and_the_budget_is_kept_roughly(before: int, after: int) -> None:
    for restarted in range(before + 1):  # a StatefulSet restarts its pods from the highest number down
        running = [Shard(index, before if index < before - restarted else after) for index in range(after)]
        assert all(any(shard.owns(*key) for shard in running) for key in KEYS)
        assert sum(1 / shard.total for shard in running) <= 1 + (after - before) / after + 1e-9


def test_owners_are_the_same_in_every_version() -> None:
    """Where this must change, each campaign is polled twice or not at all while an update rolls out."""
    assert [owner(("acme", f"camp_{number}"), 4) for number in range(12)] == [0, 3, 1, 1, 3, 2, 0, 0, 2, 1, 3, 2]
    assert any(owner(("ab", f"c{n}"), 16) != owner(("a", f"bc{n}"), 16) for n in range(8))


def test_a_shard_has_its_campaigns_and_its_part_of_the_budget() -> None:
    campaigns = [build.campaign(f"camp_{number}") for number in range(20)]
    whole = build.config(build.workspace(campaigns, requests_per_second=12, max_concurrency=10))
    parts = [Shard(index, 3).part_of(whole) for index in range(3)]
    assert sorted(campaign.id for part in parts for campaign in part.campaigns) == sorted(each.id for each in campaigns)
    limits = [(part.workspaces[0].api.requests_per_second, part.workspaces[0].api.max_concurrency) for part in parts]
    assert limits == [(4, 3)] * 3
    assert Shard(0, 16).part_of(whole).workspaces[0].api.max_concurrency == 1
    for index, part in enumerate(parts):
        assert all(Shard(index, 3).owns(each.workspace, each.id) for each in part.campaigns)
    assert Shard().part_of(whole) is whole
    one = build.config(build.workspace(campaigns[:1]))  # a workspace without campaigns here is left out
    assert sorted(len(Shard(index, 2).part_of(one).workspaces) for index in range(2)) == [0, 1]
