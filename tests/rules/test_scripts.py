"""The simulation of docs/alerts.md and the mutation run: their judgement, and the table on the page."""

from collections import Counter

import pytest

from exporter.web.evaluation import surely
from tests.process import ROOT
from tests.rules.mutate import judge, mutants, survives
from tests.rules.scenarios import SCENARIOS
from tests.rules.simulate import alerted_after, plain, row, surely_above, table


@pytest.mark.parametrize(
    ("bounced", "sent", "limit", "fires"),
    [(6, 52, 0.05, True), (5, 52, 0.05, False), (3, 52, 0.03, False), (30, 30, 0.05, True), (4, 4, 0.05, False)],
)
def test_surely_above(bounced: int, sent: int, limit: float, *, fires: bool) -> None:
    """Wilson's interval ends, by its definition, where the ratio is 1.645 standard errors below what was seen."""
    end = surely(bounced, sent)
    assert (bounced / sent - end) / (end * (1 - end) / sent) ** 0.5 == pytest.approx(1.645)
    assert surely_above(bounced, sent, limit) == (sent if fires else None)


def test_the_plain_rule_waits_for_fifty_emails() -> None:
    assert [alerted_after(bounces, plain, 0.03) for bounces in ([1, 2], [1], [1, 200])] == [50, None, None]
    assert row(0.5, 20)[1:] == ["50 emails", "50 emails", "9 emails", "9 emails"]


@pytest.mark.slow
def test_the_page_has_the_table() -> None:
    assert table() in (ROOT / "docs" / "alerts.md").read_text("utf-8"), "python -m tests.rules.simulate prints it"


def test_a_noticed_mutant_is_dead_and_one_that_nobody_looks_at_survives() -> None:
    mutant = next(each for each in mutants() if each.name == "LeadterraCampaignQueueBacklog warning: for 0")
    backlog = [scenario for scenario in SCENARIOS if scenario.name == "queue against its limit"]
    assert not survives(mutant, backlog, Counter())
    assert survives(mutant, [], Counter())


def test_survivors_and_entries_that_are_untrue_are_wrong() -> None:
    survived = {"a: 1": False, "a: 2": True, "a: 3": None, "b: 1": False, "b: 2": True, "b: 3": None}
    wrong = ["survived: a: 2", "named equivalent, but killed: b: 1", "matches no mutant: b"]
    assert judge(survived, {"b: .": "a reason", "b": "a reason"}) == wrong
