"""The mutation run itself: it makes the mutants that it should, and tells the dead from the living."""

import yaml

from tests.rules.mutate import EQUIVALENT, mutants, report, survives
from tests.rules.promtool import RULES
from tests.rules.scenarios import SCENARIOS

BY_NAME = {mutant.name: mutant for mutant in mutants(yaml.safe_load(RULES.read_text("utf-8")))}
BACKLOG = [scenario for scenario in SCENARIOS if scenario.name == "queue against its limit"]


def test_each_for_and_keep_firing_for_is_zeroed() -> None:
    alerts = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    for key in ("for", "keep_firing_for"):
        assert sum(name.endswith(f": {key} 0") for name in BY_NAME) == sum(key in rule for rule in alerts) > 10


def test_each_delta_and_each_aggregation_is_spoilt() -> None:
    text = RULES.read_text("utf-8")
    assert sum("delta( -> increase(" in name for name in BY_NAME) == text.count(" delta(campaign:")
    assert sum("without (instance," in name for name in BY_NAME) == text.count(" without (instance, ")


def test_a_noticed_mutant_is_dead() -> None:
    assert not survives(BY_NAME["LeadterraCampaignQueueBacklog warning: for 0"], BACKLOG)


def test_an_unnoticed_mutant_survives() -> None:
    assert survives(BY_NAME["LeadterraCampaignQueueBacklog warning: for 0"], [])


def test_what_is_equivalent_is_a_mutant_and_has_a_reason() -> None:
    assert EQUIVALENT.keys() <= BY_NAME.keys()
    assert all(reason.endswith(".") for reason in EQUIVALENT.values())


def test_a_survivor_without_a_reason_is_a_failure() -> None:
    assert report({"a": False, "b": True}, {}) == (["survived: b", "1/2 mutants killed, 0 equivalent"], False)


def test_a_survivor_with_a_reason_is_none() -> None:
    assert report({"a": False, "b": True}, {"b": "why."}) == (
        ["equivalent: b: why.", "1/2 mutants killed, 1 equivalent"],
        True,
    )


def test_a_reason_for_what_was_killed_is_a_failure() -> None:
    assert report({"a": False}, {"a": "why."}) == (
        ["listed as equivalent, but killed or gone: a", "1/1 mutants killed, 0 equivalent"],
        False,
    )
