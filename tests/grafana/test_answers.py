"""Every query of the dashboards, asked of a real Prometheus that knows two weeks of some campaigns."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from tests.grafana import history
from tests.grafana.boards import EVERY, Asked, load
from tests.grafana.history import DAY, HOUR, HOURS, NOW, TIMES, Story, is_open
from tests.monitoring import running_prometheus, select
from tests.rules.scenarios.sender import Life, office, sends

pytestmark = pytest.mark.slow

FLEET = [each for each in EVERY if each.board == "leadterra-fleet" and each.kind not in ("annotation", "variable")]
AWKWARD = 'O\'Brien "A" \\'
"""A name, an id and a workspace that breaks what is not quoted."""


def life(a_day: int, bounces: float = 0.015, queued: int = 300, **more: Any) -> Life:
    """Return a life in the office's hours."""
    rate = sends(a_day / 8, office, more.pop("pauses", ()))
    given = {"share": lambda _: bounces, "queued": lambda _: queued, "expected": office, "bounced": 15, **more}
    return Life(HOURS / 24, rate, **given)


BOUNCES = Story("acme", "camp_3d50", "Trade fair list 2019",
                life(400, share=lambda hour: 0.15 if hour >= HOURS - 5.5 else 0.018))  # fmt: skip
QUEUE = Story("acme", "camp_91bc", "SaaS founders DACH",
              life(260, queued=8640, limits={"queue_warning": "2000", "queue_critical": "8000"}))  # fmt: skip
STALLED = Story("globex", "camp_c001", "CTO reactivation", life(60, 0.01, pauses=[(HOURS - 230, 999)]))
GONE = Story("globex", "camp_dead", "Deleted last week",
             life(90, failing=[(HOURS - 150, 999)], reason="campaign_not_found"))  # fmt: skip
DRAFT = Story("globex", "camp_5p1a", "Spring launch", life(0, queued=0, sent=0, bounced=0))
SLOW = Story("globex", "camp_part", "Partner programme", replies=0.012, life=
             life(90, queued=1800, limits={"reply_info": "0.02", "drain_warning": "864000"}))  # fmt: skip
_BEFORE = [(0, HOURS - 54)]
SMALL = Story(AWKWARD, AWKWARD, AWKWARD, life(24, 0.07, away=_BEFORE, pauses=_BEFORE, sent=0, bounced=0))
STORIES = (BOUNCES, QUEUE, STALLED, GONE, DRAFT, SLOW, SMALL)

Answer: TypeAlias = dict[str, Any]
"""A series' labels, and its last value."""


@dataclass(frozen=True)
class World:
    prometheus: str

    def answers(self, query: Asked, story: Story | None = None) -> list[Answer]:
        """Return the last value of each series, as a dashboard of the last 24 hours would ask for it."""
        values = {"workspace": story.workspace, "campaign_id": story.id} if story else {}
        expr = query.filled(__interval="1h", __rate_interval="16m", **values)
        if query.instant:
            found, _ = select(self.prometheus, expr, time=NOW)
            return [{**each["metric"], "value": float(each["value"][1])} for each in found]
        drawn, _ = select(self.prometheus, expr, start=NOW - DAY, end=NOW, step=HOUR)
        last = ((each["metric"], *each["values"][-1]) for each in drawn)
        return [{**metric, "value": float(value)} for metric, at, value in last if at == NOW]

    def at(self, story: Story, ago: float = 0) -> dict[str, float]:
        """Return a campaign's figures some seconds ago."""
        return {short: values[-1 - round(ago / 300)] or 0 for short, values in story.figures.items()}

    def all(self, board: str, panel: str, ref: str = "A", story: Story | None = None) -> list[Answer]:
        """Return the answer of one query by its place."""
        (query,) = (q for q in EVERY if (q.board, q.panel, q.ref) == (f"leadterra-{board}", panel, ref))
        return self.answers(query, story)

    def one(self, board: str, panel: str, ref: str = "A", story: Story | None = None) -> float:
        (answer,) = self.all(board, panel, ref, story)
        return float(answer["value"])

    def column(self, panel: str, ref: str, label: str = "campaign") -> dict[str, float]:
        """Return a column of a table of Fleet, by a label."""
        return {str(each[label]): each["value"] for each in self.all("fleet", panel, ref)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    lines = [line for story in STORIES for line in story.lines()]
    lines += [
        *history.of_exporter(STORIES),
        *history.of_senders("acme", 900, 3),
        *history.of_source("acme", "clients/*.yaml", 2, 3),
    ]
    firing = {"alertname": "LeadterraExporterDown", "alertstate": "firing"}
    lines += [("ALERTS", labels | firing, [1 for _ in TIMES]) for labels in ({}, BOUNCES.labels())]
    target = {"job": "leadterra-exporter", "instance": "a:10421"}
    other = ("up", {"job": "other", "instance": "b:9090"}, [1 for _ in TIMES])
    history.backfill(history.written(lines, TIMES, target), folder / "data")
    history.backfill(history.written([other], TIMES, {}), folder / "data")
    with running_prometheus(folder, "", "--storage.tsdb.retention.time=100y") as prometheus:
        yield World(prometheus)


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_the_query_has_an_answer(world: World, query: Asked) -> None:
    """One of the chosen workspace only, whatever characters its name has."""
    stories = STORIES if query.board == "leadterra-campaign" else (None, SMALL)
    answers = {story: world.answers(query, story) for story in stories}
    found = [answer for each in answers.values() for answer in each]
    ranks = query.board == "leadterra-exporter" and query.kind == "timeseries" and query.ref in "BCDE"
    assert found or ranks, query.filled()  # one exporter and three workspaces: the lower ranks are empty
    assert all(math.isfinite(answer["value"]) for answer in found)
    if query.kind not in ("variable", "table"):  # no panel draws a line for each campaign: there are seven
        assert all(len(each) <= 2 for each in answers.values())
    if "workspace" in query.expr and query.panel != "workspace" and query.board != "leadterra-exporter":
        assert all(answer.get("workspace", AWKWARD) == AWKWARD for answer in answers[SMALL])


def test_campaigns_are_offered_by_name_and_chosen_by_id(world: World) -> None:
    variables = load("leadterra-campaign")["templating"]["list"]
    (regex,) = (each["regex"] for each in variables if each["name"] == "campaign_id")
    pattern = re.sub(r"\?<(\w+)>", r"?P<\1>", regex.strip("/"))
    offered = {}
    for each in world.all("campaign", "campaign_id", "variable", BOUNCES):
        labels = ",".join(f'{name}="{value}"' for name, value in each.items() if name != "value")
        text = f"{{{labels}}} 1 1793890800000"
        match = re.search(pattern, text)  # in what Grafana makes of an answer
        assert match
        offered[match["value"]] = match["text"]
    assert offered == {story.id: story.name for story in STORIES if story.workspace == "acme"}


def wilson(bounced: float, sent: float, sign: int = -1) -> float:
    """Return an end of the one-sided 95 % interval, as the textbook has it."""
    share, z = bounced / sent, 1.645
    middle, width = share + z * z / 2 / sent, z * math.sqrt(share * (1 - share) / sent + z * z / 4 / sent / sent)
    return (middle + sign * width) / (1 + z * z / sent)


def test_the_table_names_the_worst_limit_of_each_campaign(world: World) -> None:
    worst = {each["campaign"]: (each["limit"], each["value"]) for each in world.all("fleet", "Campaigns")}
    now, before = world.at(BOUNCES), world.at(BOUNCES, 6 * HOUR)
    six = wilson(now["bounced"] - before["bounced"], now["sent"] - before["sent"])
    week = world.at(SLOW)["sent"] - world.at(SLOW, 7 * DAY)["sent"]
    assert worst == {
        BOUNCES.name: ("bounces, 6 h", pytest.approx(six / 0.05, rel=1e-3)),
        QUEUE.name: ("queue", world.at(QUEUE)["queued"] / 2000),
        STALLED.name: ("stalled", 1),
        GONE.name: ("not read: campaign_not_found", 9.99),
        SLOW.name: ("drain time", pytest.approx(world.at(SLOW)["queued"] / (week / 7) / 10)),
    }
    assert [world.one("fleet", "What is wrong", ref) for ref in "ABCD"] == [len(STORIES), 1, 3, 1]
    assert world.column("Campaigns", "B")[SMALL.name] > 0.03  # few emails prove nothing
    assert SMALL.name not in world.column("Campaigns", "A")
    for story in (BOUNCES, QUEUE, GONE, SLOW):
        (alone,) = world.all("campaign", "Worst limit", story=story)
        assert (alone["limit"], alone["value"]) == worst[story.name]
    (alone,) = world.all("campaign", "Worst limit", story=STALLED)  # which counts sending time
    sent = STALLED.figures["sent"]
    since = TIMES[sent.index(sent[-1])]
    hours = sum(is_open(at) for at in TIMES if at >= max(since, NOW - 10 * DAY) and at % HOUR == 0)
    assert (alone["limit"], alone["value"]) == ("stalled", hours / 48)
    assert alone["value"] > 1


@pytest.mark.parametrize("story", [BOUNCES, SLOW, SMALL], ids=lambda story: story.id)
def test_the_band_is_what_the_share_surely_is(world: World, story: Story) -> None:
    now = world.at(story)
    parts = [world.one("campaign", "Bounced, since the campaign began", ref, story) for ref in "ABC"]
    shares = [now["bounced"] / now["sent"], *(wilson(now["bounced"], now["sent"], sign) for sign in (-1, 1))]
    assert parts == pytest.approx(shares, rel=1e-3)
    limits = world.all("campaign", "Bounced, since the campaign began", "D", story)
    assert {each["severity"]: each["value"] for each in limits} == {"warning": 0.03, "critical": 0.05}


@pytest.mark.parametrize(
    ("story", "at", "state", "badness"),
    [
        (BOUNCES, NOW, "sending", 0),
        (STALLED, NOW, "queued, but not sending", 1),
        (DRAFT, NOW, "nothing queued", 0),
        (GONE, NOW, "not read: campaign_not_found", 2),
        (QUEUE, NOW + 4 * HOUR - DAY, "waits for its sending time", 0),
        (SMALL, NOW - 53.5 * HOUR, "sending", 0),  # in its first hour
        (QUEUE, TIMES[0] + HOUR / 2, "queued, too early to tell", 0),
        (QUEUE, TIMES[0] - HOUR, "not read yet", 0),
    ],
)
def test_the_state_is_named_and_what_is_not_known_yet_is_not_wrong(
    world: World, story: Story, at: float, state: str, badness: int
) -> None:
    (query,) = (q for q in EVERY if (q.board, q.panel) == ("leadterra-campaign", "State"))
    expr = query.filled(workspace=story.workspace, campaign_id=story.id)
    (answer,), _ = select(world.prometheus, expr, time=at)
    assert (answer["metric"]["state"], float(answer["value"][1])) == (state, badness)


def test_a_bar_is_what_was_sent_in_its_time_and_a_week_before(world: World) -> None:
    def sent(story: Story, ago: float) -> float:
        return world.at(story, ago)["sent"] - world.at(story, ago + HOUR)["sent"]

    read = [story for story in STORIES if story != GONE]
    for ref, ago, campaigns in (("A", 0.0, read), ("B", 7 * DAY, STORIES)):
        assert world.one("campaign", "Emails sent", ref, BOUNCES) == sent(BOUNCES, ago)
        assert world.one("fleet", "Emails sent", ref) == sum(sent(story, ago) for story in campaigns)
    assert world.one("fleet", "Emails sent", "C") == 1


def test_limits_of_the_queue_are_in_emails_and_the_reply_ratio_is_not_rounded(world: World) -> None:
    limits = world.all("campaign", "Queue against its limits", "B", QUEUE)
    assert {each["severity"]: each["value"] for each in limits} == {"warning": 2000, "critical": 8000}
    week = world.at(SLOW)["sent"] - world.at(SLOW, 7 * DAY)["sent"]
    assert world.one("campaign", "Queue against its limits", "C", SLOW) == pytest.approx(week / 7 * 10)
    drain = world.at(SLOW)["queued"] / (week / 7)
    assert world.one("campaign", "Emails", "E", SLOW) == pytest.approx(drain)
    ratio = world.at(SLOW)["replied"] / world.at(SLOW)["delivered"]
    assert world.one("campaign", "Reply ratio", story=SLOW) == ratio == world.column("Campaigns", "E")[SLOW.name]
    assert world.one("campaign", "Reply ratio", "B", SLOW) == 0.02


def test_the_workspaces_are_judged_as_one(world: World) -> None:
    now, before = ([world.at(story, ago) for story in STORIES if story.workspace == "acme"] for ago in (0, DAY))
    bounced, sent = (
        sum(each[name] for each in now) - sum(each[name] for each in before) for name in ("bounced", "sent")
    )
    queued = sum(each["queued"] for each in now)
    assert world.column("Workspaces", "A", "workspace")["acme"] == pytest.approx(bounced / sent)
    assert world.column("Workspaces", "B", "workspace")["acme"] == pytest.approx(wilson(bounced, sent) / 0.05, rel=1e-3)
    assert world.column("Workspaces", "D", "workspace") == {"acme": pytest.approx(queued / 900)}
    assert world.column("Workspaces", "E", "workspace") == {"acme": 7}
    assert world.column("Workspaces", "F", "workspace") == {"acme": 3}
    assert world.column("Sender pools", "A", "pool") == {"Primary outbound": 720, "Warm-up": 180}
    assert world.column("Sender accounts", "A", "status") == {"active": 7, "paused": 3, "warming": 2}


def test_the_exporter_is_told_from_other_targets_and_says_which_workspace_fails_and_why(world: World) -> None:
    assert len(select(world.prometheus, "up", time=NOW)[0]) == 2
    tiles = [world.one("exporter", "Can the figures be trusted?", ref) for ref in "ABCDEFG"]
    assert tiles == [1, 0, len(STORIES), 1, 1, 0, 0]
    for panel in ("Memory", "Processor", "Duration of a scrape"):
        assert len(world.all("exporter", panel)) == 1
    failing = {each["workspace"]: each["value"] for each in world.all("exporter", "Workspaces", "C")}
    assert failing == {"acme": 0, "globex": pytest.approx(1 / 4), AWKWARD: 0}
    worst = world.all("exporter", "Polls that fail, the five worst workspaces")
    assert [each["workspace"] for each in worst] == ["globex"]
    results = {each["result"]: each["value"] for each in world.all("exporter", "Polls by result")}
    assert results == {"success": pytest.approx(6), "campaign_not_found": pytest.approx(1)}
    assert world.one("exporter", "Lists of campaigns kept elsewhere", "C") == 0


@pytest.mark.parametrize("query", FLEET, ids=lambda query: query.id)
def test_what_fleet_costs_grows_with_the_campaigns_and_no_faster(world: World, query: Asked) -> None:
    """Prometheus allows one query 50 million samples by default; here is one every four minutes."""

    def samples(**chosen: str) -> int:
        expr = query.filled(__interval="1h", __rate_interval="16m", **chosen)
        range_ = {"start": NOW - DAY, "end": NOW, "step": HOUR}
        return select(world.prometheus, expr, **({"time": NOW} if query.instant else range_))[1]

    parts = [samples(workspace=workspace) for workspace in {story.workspace for story in STORIES}]
    assert samples() <= 1.1 * sum(parts) + 10
    assert samples() < 500 * len(STORIES)
