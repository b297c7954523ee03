"""Every query of the dashboards, asked of a real Prometheus that has scraped the real exporter for a day."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

from exporter.config import Campaign, load
from exporter.sandbox import WORKSPACES, demo_config, demo_keys
from tests.grafana.boards import ROOT, Asked, every_query, fill
from tests.grafana.history import DAY, HOUR, Past, backfill, lines
from tests.grafana.prometheus import Prometheus, running
from tests.process import RunningSandbox, running_exporter

pytestmark = pytest.mark.slow

EVERY = every_query()
_ENV = "LEADTERRA_TEST_KEY"
_ORPHANED = """\
  - name: orphan
    api_key_env: LEADTERRA_TEST_KEY_3
    campaigns:
      - {id: camp_lost, name: Nobody's}
"""
_CAMPAIGNS = {"Trade fair list 2019": "acme", "SaaS founders DACH": "acme", "VP Sales EMEA": "acme"}
"""Those that have between them everything that the Campaign dashboard can show: bounces, a queue limit, replies."""


Answer: TypeAlias = dict[str, Any]
"""A series' labels, and its last value."""


class Counts(NamedTuple):
    """A campaign's totals; the sandbox leaves none out."""

    total_enrolled: int
    sent: int
    delivered: int
    bounced: int
    replied: int
    queued: int


_SIGNS_OF_LIFE = (
    "ALERTS{alertstate='firing', campaign='SaaS founders DACH'}",
    "ALERTS{alertstate='firing', alertname='LeadterraAPIAuthFailing'}",
    "sum(rate(leadterra_api_requests_total{code='200'}[1m])) > 0",
    "leadterra_workspace_sweep_duration_seconds{workspace='acme'}",
)


@dataclass(frozen=True)
class World:
    prometheus: Prometheus
    past: Past
    now: float
    """When the campaigns' time stopped."""
    campaigns: dict[str, Campaign]
    checked: set[str] = field(default_factory=set)
    """Queries whose values were looked at."""

    def answers(self, query: Asked, values: dict[str, str]) -> list[Answer]:
        """Give the last value of each series, as a dashboard of the last 24 hours would ask for it."""
        expr, end = fill(query.expr, {"__rate_interval": "1m", **values}), time.time()
        if query.instant or query.kind == "annotation":
            return [{**each["metric"], "value": float(each["value"][1])} for each in self.prometheus.ask(expr)]
        drawn = self.prometheus.draw(expr, end - DAY, end, 600)
        return [{**each["metric"], "value": float(each["values"][-1][1])} for each in drawn]

    def over(self, name: str, seconds: float) -> tuple[Campaign, Counts, Counts]:
        """Give a campaign, and its totals some time ago and now."""
        campaign = self.campaigns[name]
        return campaign, self._counts(campaign, self.now - seconds), self._counts(campaign, self.now)

    def _counts(self, campaign: Campaign, at: float) -> Counts:
        found = self.past.stats(campaign, at)
        figures = (found.total_enrolled, found.sent, found.delivered, found.bounced, found.replied, found.queued)
        return Counts(*(figure for figure in figures if figure is not None))

    def has_figures(self, campaign: Campaign) -> bool:
        return campaign.workspace != "orphan" and campaign.id != "camp_gone"

    def one(self, board: str, panel: str, ref: str = "A", campaign: str = "") -> list[Answer]:
        """Give the answer of one query by its place."""
        (query,) = (q for q in EVERY if (q.board, q.panel, q.ref) == (f"leadterra-{board}", panel, ref))
        chosen = {"workspace": self.campaigns[campaign].workspace, "campaign": campaign} if campaign else {}
        self.checked.add(query.id)
        return self.answers(query, chosen)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, now = tmp_path_factory.mktemp("world"), time.time()
    origin = now - 2 * HOUR  # by now the bouncing campaign is above both its limits
    with ExitStack() as stack:
        sandbox = stack.enter_context(RunningSandbox(now=lambda: now, origin=origin))
        file = folder / "config.yaml"
        file.write_text(_config(sandbox.url), "utf-8")
        environment = demo_keys(_ENV) | {f"{_ENV}_3": list(WORKSPACES)[2]}
        flags = (f"--config.file={file}", "--web.listen-address=127.0.0.1:0")
        exporter = stack.enter_context(running_exporter(*flags, **environment))
        address = exporter.url.removeprefix("http://")
        campaigns = {each.name: each for each in load(file).campaigns}
        past = Past(dict(zip(("acme", "globex"), demo_keys(_ENV).values(), strict=True)), origin)
        told = [each for each in campaigns.values() if each.workspace != "orphan"]
        times = [now - 26 * HOUR + 60 * minute for minute in range(26 * 60)]
        backfill(lines(past, told, times, f'job="leadterra-exporter",instance="{address}"'), folder / "data")
        prometheus = stack.enter_context(running(folder, _scraping(address, folder)))
        for sign in _SIGNS_OF_LIFE:
            prometheus.wait(sign)
        made = World(prometheus, past, now, campaigns)
        yield made
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write(_coverage(made.checked))


_DECIDING = ("ounce", "ueue", "imit", "unnel", "rain", "Campaigns", "State", "current")


def _coverage(checked: set[str]) -> str:
    figures = [query for query in EVERY if query.kind not in ("variable", "annotation", "state-timeline")]
    deciding = {q.id for q in figures if q.board != "leadterra-exporter" and any(w in q.panel for w in _DECIDING)}
    missed = ", ".join(sorted(deciding - checked)) or "none"
    return (
        f"\nvalues checked: {len(checked)} of {len(figures)} panel queries; "
        f"of the {len(deciding)} that carry a decision {len(deciding & checked)}, not: {missed}\n"
    )


def _config(url: str) -> str:
    return demo_config(url, _ENV).replace("interval: 5s", "interval: 1s") + _ORPHANED


def _scraping(address: str, folder: Path) -> dict[str, object]:
    rules = yaml.safe_load((ROOT / "prometheus" / "rules.yaml").read_text("utf-8"))
    for group in rules["groups"]:
        group.pop("interval", None)
        for rule in group["rules"]:
            rule.pop("for", None)  # nobody waits a quarter of an hour for an annotation
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), "utf-8")
    jobs = [{"job_name": "leadterra-exporter", "static_configs": [{"targets": [address]}]}]
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": jobs}


@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.id)
def test_the_query_has_an_answer(world: World, query: Asked) -> None:
    chosen: list[dict[str, str]] = [{}]
    if query.board == "leadterra-campaign":
        chosen = [{"campaign": name, "workspace": workspace} for name, workspace in _CAMPAIGNS.items()]
    found = [answer for values in chosen for answer in world.answers(query, values)]
    assert found, fill(query.expr)
    assert all(math.isfinite(answer["value"]) for answer in found)


def _only(answers: list[Answer]) -> float:
    (answer,) = answers
    return float(answer["value"])


def _per_campaign(answers: list[Answer]) -> dict[str, float]:
    return {str(answer["campaign"]): answer["value"] for answer in answers}


@pytest.mark.parametrize("name", ["Trade fair list 2019", "VP Sales EMEA", "Board members"])
def test_the_bounces_are_those_of_the_campaign(world: World, name: str) -> None:
    campaign, before, after = world.over(name, 0)
    limit = campaign.thresholds.bounce_ratio.warning
    assert limit
    assert _only(world.one("campaign", "Bounce ratio", campaign=name)) == after.bounced / after.sent
    used = pytest.approx(after.bounced / after.sent / limit)
    assert _only(world.one("campaign", "Bounce limit used", campaign=name)) == used
    assert _only(world.one("campaign", "Threshold used", campaign=name)) == used
    assert _only(world.one("campaign", "Bounce ratio against its limits", campaign=name)) == after.bounced / after.sent
    limits = {
        each["severity"]: each["value"] for each in world.one("campaign", "Bounce ratio against its limits", "D", name)
    }
    assert limits == {"warning": limit, "critical": campaign.thresholds.bounce_ratio.critical}
    assert before == after


@pytest.mark.parametrize(
    ("panel", "ref", "hours"),
    [("Bounce ratio against its limits", "B", 6), ("Bounce ratio against its limits", "C", 1)],
)
def test_the_windows_are_of_what_was_sent_in_them(world: World, panel: str, ref: str, hours: float) -> None:
    name = "Trade fair list 2019"
    _, before, after = world.over(name, hours * HOUR)
    ratio = (after.bounced - before.bounced) / (after.sent - before.sent)
    assert _only(world.one("campaign", panel, ref, name)) == pytest.approx(ratio, rel=0.1)
    if hours == 6:
        assert _only(world.one("campaign", "Threshold used", "B", name)) == pytest.approx(ratio / 0.03, rel=0.1)


def test_the_queue_is_held_against_its_limits(world: World) -> None:
    name = "SaaS founders DACH"
    _, before, after = world.over(name, DAY)
    drain = after.queued / (after.sent - before.sent) * DAY
    assert _only(world.one("campaign", "Queued", campaign=name)) == after.queued
    assert _only(world.one("campaign", "Queue against its limits", campaign=name)) == after.queued
    assert _only(world.one("campaign", "Threshold used", "C", name)) == after.queued / 2000
    limits = {each["severity"]: each["value"] for each in world.one("campaign", "Queue against its limits", "B", name)}
    assert limits == {"warning": 2000, "critical": 5000}
    forecast = after.queued - (before.queued - after.queued)
    assert _only(world.one("campaign", "Queue against its limits", "C", name)) == pytest.approx(forecast, rel=0.02)
    for panel in ("Queue drains in", "Drain time against its limit"):
        assert _only(world.one("campaign", panel, campaign=name)) == pytest.approx(drain, rel=0.03)
    assert _only(world.one("campaign", "Drain time against its limit", "B", name)) == 72 * HOUR
    assert _only(world.one("campaign", "Threshold used", "D", name)) == pytest.approx(drain / (72 * HOUR), rel=0.03)


def test_the_funnels_are_those_of_the_campaign(world: World) -> None:
    for name in _CAMPAIGNS:
        _, _, after = world.over(name, 0)
        unconfirmed = after.sent - after.delivered - after.bounced
        emails = [_only(world.one("campaign", "Funnel of emails", ref, name)) for ref in "ABCD"]
        assert emails == [after.sent, after.delivered, after.bounced, unconfirmed]
        leads = [_only(world.one("campaign", "Funnel of leads", ref, name)) for ref in "AB"]
        assert leads == [after.total_enrolled, after.replied]


def test_the_state_of_a_paused_and_of_a_sending_campaign(world: World) -> None:
    assert _only(world.one("campaign", "State", campaign="CTO reactivation")) == 2
    assert _only(world.one("campaign", "State", campaign="Spring launch")) == 0
    assert _only(world.one("campaign", "State", campaign="SaaS founders DACH")) == 1


def test_the_fleet_counts_what_is_wrong(world: World) -> None:
    judged = {name: world.over(name, DAY) for name, each in world.campaigns.items() if world.has_figures(each)}
    over = [
        name
        for name, (campaign, before, after) in judged.items()
        if after.sent >= 50
        and after.sent > before.sent
        and after.bounced / after.sent > (campaign.thresholds.bounce_ratio.warning or 1)
    ]
    assert "Trade fair list 2019" in over
    assert _only(world.one("fleet", "Over a bounce limit")) == len(over)
    assert _only(world.one("fleet", "Over a queue limit")) == 1
    assert _only(world.one("fleet", "Stalled queues")) == len(
        [name for name, (_, before, after) in judged.items() if after.queued and after.sent == before.sent]
    )
    assert _only(world.one("fleet", "Campaigns watched")) == len(world.campaigns)
    lost = {"Deleted last week", "Nobody's"}
    assert _only(world.one("fleet", "Figures not current")) == len(lost)
    polls = _per_campaign(world.one("fleet", "Campaigns", "A"))
    assert {name: polls[name] for name in (*_CAMPAIGNS, *lost)} == {
        **dict.fromkeys(_CAMPAIGNS, 1),
        **dict.fromkeys(lost, 0),
    }
    failing = {str(each["campaign"]): str(each["reason"]) for each in world.one("fleet", "Failing now")}
    assert {name: failing[name] for name in lost} == {
        "Deleted last week": "campaign_not_found",
        "Nobody's": "workspace_not_found",
    }


def test_the_fleet_sums_what_was_sent(world: World) -> None:
    judged = [world.over(name, DAY) for name, each in world.campaigns.items() if world.has_figures(each)]
    sent = sum(after.sent - before.sent for _, before, after in judged)
    bounced = sum(after.bounced - before.bounced for _, before, after in judged)
    replied = sum(after.replied - before.replied for _, before, after in judged)
    assert _only(world.one("fleet", "Emails sent")) == pytest.approx(sent, rel=0.03)
    assert _only(world.one("fleet", "Bounce ratio of all")) == pytest.approx(bounced / sent, rel=0.05)
    assert _only(world.one("fleet", "Leads that replied")) == pytest.approx(replied, rel=0.05)


def test_the_fleet_table_says_of_each_campaign_what_its_own_dashboard_says(world: World) -> None:
    same = {
        "B": "Bounce ratio",
        "C": "Bounce limit used",
        "D": "Funnel of emails",
        "F": "Queued",
        "H": "Queue drains in",
    }
    for ref, panel in same.items():
        table = _per_campaign(world.one("fleet", "Campaigns", ref))
        for name in _CAMPAIGNS:
            assert _only(world.one("campaign", panel, campaign=name)) == pytest.approx(table[name], rel=0.01)
    queues = _per_campaign(world.one("fleet", "Campaigns", "G"))
    assert queues == {"SaaS founders DACH": _only(world.one("campaign", "Threshold used", "C", "SaaS founders DACH"))}
    longest = _per_campaign(world.one("fleet", "Longest queues"))
    assert longest == {name: _per_campaign(world.one("fleet", "Campaigns", "F"))[name] for name in longest}
    for name, sent in _per_campaign(world.one("fleet", "Campaigns", "E")).items():
        _, before, after = world.over(name, DAY)
        assert sent == pytest.approx(after.sent - before.sent, rel=0.05, abs=2)
    worst = _per_campaign(world.one("fleet", "Bounce limit used, the ten highest"))
    assert worst == pytest.approx(_per_campaign(world.one("fleet", "Campaigns", "C")))


def test_the_exporter_is_not_mistaken_for_other_targets(world: World) -> None:
    assert len(world.prometheus.ask("up")) == 2
    assert _only(world.one("exporter", "Exporters up")) == 1
    assert _only(world.one("exporter", "Campaigns polled")) == len(world.campaigns)
    for panel in ("Memory", "Processor", "Duration of a scrape", "Series per scrape", "Restarts"):
        assert len(world.one("exporter", panel)) == 1


def test_what_else_the_table_and_the_bars_say(world: World) -> None:
    replies = _per_campaign(world.one("fleet", "Campaigns", "I"))
    ages = _per_campaign(world.one("fleet", "Campaigns", "J"))
    for name in _CAMPAIGNS:
        assert replies[name] == world.past.stats(world.campaigns[name], world.now).reply_rate
        assert 0 <= ages[name] < 60
    name = "Trade fair list 2019"
    _, before, after = world.over(name, HOUR)
    bounced = _only(world.one("campaign", "Bounced emails per hour", campaign=name))
    assert bounced == pytest.approx(after.bounced - before.bounced, rel=0.15)
