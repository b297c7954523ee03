"""The simulation of docs/alerts.md and the mutation run: their judgement, and the table on the page."""

from collections import Counter

import pytest

from tests.process import ROOT
from tests.rules.mutate import EQUIVALENT, Mutant, judge, main, mutants, survives
from tests.rules.promtool import AS_SHIPPED
from tests.rules.scenarios import SCENARIOS, api
from tests.rules.simulate import alerted_after, lower_end, plain, row, surely_above, table


@pytest.mark.parametrize(
    ("bounced", "sent", "limit", "fires"),
    [(6, 52, 0.05, True), (5, 52, 0.05, False), (3, 52, 0.03, False), (30, 30, 0.05, True), (4, 4, 0.05, False)],
)
def test_surely_above(bounced: int, sent: int, limit: float, *, fires: bool) -> None:
    """Wilson's interval ends, by its definition, where the ratio is 1.645 standard errors below what was seen."""
    end = lower_end(bounced, sent)
    assert (bounced / sent - end) / (end * (1 - end) / sent) ** 0.5 == pytest.approx(1.645)
    assert surely_above(bounced, sent, limit) == (sent if fires else None)


def test_the_plain_rule_waits_for_fifty_emails() -> None:
    assert [alerted_after(bounces, plain, 0.03) for bounces in ([1, 2], [1], [1, 200])] == [50, None, None]
    assert row(0.5, 20)[1:] == ["50 emails", "50 emails", "9 emails", "9 emails"]


@pytest.mark.slow
def test_the_page_has_the_table() -> None:
    assert table() in (ROOT / "docs" / "alerts.md").read_text("utf-8"), "python -m tests.rules.simulate prints it"


BY_NAME = {mutant.name: mutant for mutant in mutants(AS_SHIPPED)}
BACKLOG = [scenario for scenario in SCENARIOS if scenario.name == "queue against its limit"]


def test_each_for_and_keep_firing_for_is_zeroed() -> None:
    alerts = [rule for group in AS_SHIPPED["groups"] for rule in group["rules"]]
    for key in ("for", "keep_firing_for"):
        assert sum(name.endswith(f": {key} 0") for name in BY_NAME) == sum(key in rule for rule in alerts) > 0


def test_a_noticed_mutant_is_dead_and_what_nobody_looks_at_or_is_not_spoilt_survives() -> None:
    mutant = BY_NAME["LeadterraCampaignQueueBacklog warning: for 0"]
    assert not survives(mutant, BACKLOG, Counter())
    assert survives(mutant, [], Counter())
    assert survives(Mutant("", AS_SHIPPED, frozenset({"LeadterraCampaignStatsStale"})), [api.KEYS], Counter())


def test_survivors_and_entries_that_are_untrue_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    survived = {"a: 1": False, "a: 2": True, "a: 3": None, "b: 1": False, "b: 2": True, "b: 3": None}
    wrong = ["survived: a: 2", "named equivalent, but killed: b: 1", "matches no mutant: b"]
    assert judge(survived, {"b: .": "a reason", "b": "a reason"}) == wrong
    assert main(["the name of no mutant"]) == 0
    monkeypatch.setitem(EQUIVALENT, "the name of no mutant", "a reason")
    assert main(["the name of no mutant"]) == 1
