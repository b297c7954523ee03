"""What is said of a campaign: its figures against their limits, since when, and which are the worst."""

from typing import Any

import pytest

from exporter.api import Stats
from exporter.config import Campaign, Threshold, Thresholds
from exporter.errors import Failure
from exporter.store import State
from exporter.web.evaluation import FINISHED_AFTER, Condition, History, Seen, Since, evaluate, evaluate_all, surely
from tests import build
from tests.web.serving import TIMEOUT, look_up

NOW = build.Clock().wall()


def read(
    stats: Stats | None, name: str = "camp_123", *, workspace: str = "acme", up: bool = True, **limits: Any
) -> State:
    campaign = Campaign(workspace, name, name, thresholds=Thresholds(**limits))
    return State(campaign, stats, NOW - 12, up=up, error=None if up else TIMEOUT)


def bounced(count: int, sent: int = 1000) -> Stats:
    return Stats(sent=sent, bounced=count)


@pytest.mark.parametrize(
    ("state", "conditions"),
    [
        (State(build.campaign()), ["waiting"]),
        (read(Stats(sent=480, bounced=9)), ["ok"]),
        (read(Stats()), ["ok"]),
        (read(bounced(80), up=False), ["critical", "failing"]),
        (read(bounced(45), up=False), ["warning", "failing"]),
        (read(bounced(1), up=False), ["failing"]),
        (read(None, up=False), ["stale", "failing"]),
        (read(None), ["stale"]),
        (read(Stats(delivered=200, replied=1), reply_ratio=Threshold(info=0.02)), ["info"]),
        (read(Stats(sent=1000, bounced=45, queued=11), emails_queued=Threshold(critical=10)), ["critical", "warning"]),
    ],
)
def test_all_that_applies_is_said_the_worst_first(state: State, conditions: list[str]) -> None:
    assert list(evaluate(state, Seen(), NOW).conditions) == conditions


def test_the_share_that_surely_bounced() -> None:
    shares = {(6, 52): 0.0608, (9, 480): 0.0109, (5, 10): 0.2689, (10, 10): 0.787, (20, 10): 0.787, (4, 4): 0.5965}
    assert {pair: surely(*pair) for pair in shares} == pytest.approx(shares, abs=1e-3)


FLOOR = Threshold(info=0.02)


@pytest.mark.parametrize(
    ("figure", "stats", "limits", "note", "severity"),
    [
        ("bounce_ratio", bounced(6, 52), None, "6 of 52 bounced: surely above 5 %", "critical"),
        ("bounce_ratio", bounced(3, 52), None, "3 of 52: too few to be sure", None),
        ("bounce_ratio", bounced(4, 4), None, "4 of 4: too few to be sure", None),
        ("bounce_ratio", bounced(60), None, "60 of 1,000 bounced: surely above 3 %", "warning"),
        ("bounce_ratio", bounced(31), None, "31 of 1,000: too few to be sure", None),
        ("bounce_ratio", bounced(30), None, "warning 3 %, critical 5 %", None),  # at a limit is not over it
        ("bounce_ratio", bounced(9, 10), Threshold(), "no limit", None),
        ("bounce_ratio", bounced(0, 0), None, "nothing sent", None),
        ("bounce_ratio", Stats(bounced=9), None, "not reported", None),
        ("bounce_ratio", Stats(sent=480), None, "not reported", None),
        ("emails_queued", Stats(), Threshold(warning=500), "not reported", None),
        ("emails_queued", Stats(queued=9), None, "no limit", None),
        ("emails_queued", Stats(queued=500), Threshold(warning=500), "warning 500", None),
        ("emails_queued", Stats(queued=501), Threshold(warning=500), "over warning 500", "warning"),
        ("emails_queued", Stats(queued=2001), Threshold(None, 500, 2000.0), "over critical 2,000", "critical"),
        ("emails_queued", Stats(queued=2001), Threshold(critical=2000.5), "over critical 2,000.5", "critical"),
        ("emails_queued", Stats(queued=1), Threshold(critical=0), "over critical 0", "critical"),
        ("reply_ratio", Stats(delivered=200, replied=4), FLOOR, "floor 2 %", None),
        ("reply_ratio", Stats(delivered=200, replied=3), FLOOR, "under floor 2 %", "info"),
        ("reply_ratio", Stats(delivered=199, replied=0), FLOOR, "too few delivered: 199 of 200", None),
        ("reply_ratio", Stats(delivered=9, replied=1), None, "no limit", None),
        ("reply_ratio", Stats(delivered=0, replied=0), FLOOR, "nothing delivered", None),
        ("reply_ratio", Stats(delivered=200), FLOOR, "not reported", None),
        ("reply_ratio", Stats(replied=3), FLOOR, "not reported", None),
    ],
)
def test_a_figure_is_held_against_its_limits(
    figure: str, stats: Stats, limits: Threshold | None, note: str, severity: str | None
) -> None:
    given: dict[str, Any] = {} if limits is None else {figure: limits}
    found = getattr(evaluate(read(stats, **given), Seen(), NOW), figure)
    assert (found.note.replace("\N{NO-BREAK SPACE}", " "), found.severity) == (note, severity)
    assert found.is_sure == ("too few" not in note)


def test_the_worst_come_first_by_how_far_over_the_limit_and_bounces_before_queues() -> None:
    queue: dict[str, Any] = {"emails_queued": Threshold(critical=10)}
    ordered = [
        read(bounced(90), "bounces more"),
        read(bounced(80), "bounces"),
        read(Stats(queued=90), "long queue", **queue),
        read(Stats(queued=11), "queue", **queue),
        read(None, "stale"),
        read(bounced(45), "warning"),
        read(bounced(1), "failing for long", up=False),
        read(bounced(1), "failing", up=False),
        State(build.campaign("waiting")),
        read(bounced(1), "ok b", workspace="aaa"),
        read(bounced(1), "ok a"),
        read(bounced(1), "ok b"),
    ]
    of = {"failing for long": (Condition.FAILING, 9), "failing": (Condition.FAILING, 1), "ok b": (Condition.OK, 9)}
    seen = {
        ("acme", "campaign", name): Seen(((condition, Since(NOW - age, is_exact=True)),))
        for name, (condition, age) in of.items()
    }
    found = evaluate_all(ordered[::-1], look_up(seen), NOW)
    assert [evaluation.state for evaluation in found] == ordered


class Watched:
    """A store that is watched, with one campaign that is polled every minute."""

    def __init__(self) -> None:
        self.clock = build.Clock()
        self.store = self.clock.store()
        self.history = History(self.store)
        self.campaign = build.campaign()
        self.store.configure([self.campaign])

    def poll(self, *answers: Stats | Failure) -> "Watched":
        for answer in answers:
            self.clock.monotonic += 60
            known: Any = self.store.succeeded if isinstance(answer, Stats) else self.store.failed
            known(self.campaign.key, answer)
        return self

    def since(self, condition: Condition) -> tuple[float, bool] | None:
        """Return how long a condition holds, and whether that is exact."""
        (evaluation,) = evaluate_all(self.store.states(), self.history.seen, self.clock.wall())
        since = evaluation.since(condition)
        return since and (self.clock.wall() - since.time, since.is_exact)


GOOD, BAD, MORE = bounced(1), bounced(80), bounced(1, 1001)


@pytest.mark.parametrize(
    ("answers", "condition", "since"),
    [
        ([BAD, BAD, BAD], Condition.CRITICAL, (120, False)),  # it may have been so before
        ([GOOD, BAD, BAD], Condition.CRITICAL, (60, True)),
        ([BAD, GOOD, BAD], Condition.CRITICAL, (0, True)),
        ([BAD, TIMEOUT, BAD], Condition.CRITICAL, (120, False)),
        ([TIMEOUT, BAD], Condition.CRITICAL, (0, False)),
        ([TIMEOUT, TIMEOUT], Condition.FAILING, (60, False)),
        ([GOOD, TIMEOUT, TIMEOUT], Condition.FAILING, (60, True)),
        ([GOOD, BAD], Condition.FAILING, None),
        ([GOOD] + [TIMEOUT] * 6, Condition.STALE, (0, True)),
    ],
)
def test_since_when_it_is_so_as_far_as_this_process_has_seen(
    answers: list[Stats | Failure], condition: Condition, since: tuple[float, bool] | None
) -> None:
    assert Watched().poll(*answers).since(condition) == since


@pytest.mark.parametrize(
    ("answers", "nothing_sent"),
    [
        ([GOOD, GOOD], (60, False)),
        ([GOOD, MORE], (0, True)),
        ([GOOD, MORE, TIMEOUT, MORE], (120, True)),
        ([TIMEOUT], None),
    ],
)
def test_since_when_nothing_was_sent(answers: list[Stats | Failure], nothing_sent: tuple[float, bool] | None) -> None:
    watched = Watched().poll(*answers)
    assert watched.since(Condition.FINISHED) == nothing_sent
    watched.store.configure([])  # a campaign that is taken out is forgotten
    watched.clock.monotonic += 60
    watched.store.configure([watched.campaign])
    assert watched.since(Condition.WAITING) == (0, False)
    assert watched.since(Condition.FINISHED) is None


@pytest.mark.parametrize("is_polled", [True, False])
def test_what_other_limits_say_is_so_since_they_were_adopted(*, is_polled: bool) -> None:
    watched = Watched().poll(BAD, BAD)
    limits = Thresholds(bounce_ratio=Threshold(warning=0.01))
    watched.store.configure([watched.campaign._replace(thresholds=limits)])
    watched.clock.monotonic += 60
    since = watched.clock.monotonic
    if is_polled:
        watched.poll(BAD)
    assert watched.since(Condition.WARNING) == (watched.clock.monotonic - since + 60, True)
    assert watched.since(Condition.CRITICAL) is None
    assert watched.poll(TIMEOUT, BAD).since(Condition.WARNING) == (watched.clock.monotonic - since + 60, True)


@pytest.mark.parametrize(
    ("last", "queued", "conditions"),
    [(BAD, 0, ["finished"]), (TIMEOUT, 0, ["failing", "finished"]), (BAD, 1, ["critical"]), (BAD, None, ["critical"])],
)
def test_what_has_nothing_queued_and_sent_nothing_for_long_is_finished(
    last: Stats | Failure, queued: int | None, conditions: list[str]
) -> None:
    over = Stats(sent=1000, bounced=80, queued=queued)
    watched = Watched().poll(over)
    watched.clock.monotonic += FINISHED_AFTER - 61
    watched.poll(over)
    before = evaluate_all(watched.store.states(), watched.history.seen, watched.clock.wall())
    assert list(before[0].conditions) == ["critical"]
    watched.poll(over if isinstance(last, Stats) else last)
    (evaluation,) = evaluate_all(watched.store.states(), watched.history.seen, watched.clock.wall())
    assert list(evaluation.conditions) == conditions
    assert (evaluation.bounce_ratio.severity is None) == (queued == 0)
    assert evaluation.is_problem == (conditions != ["finished"])
