"""What the status page and its JSON show: all that is known at one moment, and which of it an address asks for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from exporter.api import Pool
from exporter.config import Campaign, Config
from exporter.errors import Failure
from exporter.exposition import METRICS_OF
from exporter.shard import Shard
from exporter.sources import SourceState
from exporter.store import State
from exporter.web.evaluation import Condition, Evaluation, Seen, evaluate_all

READINGS = {
    metric.name.removeprefix("leadterra_campaign_"): metric.samples
    for metric in METRICS_OF[Campaign.kind]
    if metric.field
}
"""What makes the figures of a campaign's last reading, by their metrics' names."""
OVER_A_LIMIT = "over_a_limit"
_STATES = (OVER_A_LIMIT, *Condition)
_COLUMNS: dict[str, Callable[[Evaluation], Any]] = {
    "campaign": lambda evaluation: evaluation.state.target.name.lower(),
    "last_success": lambda evaluation: evaluation.state.last_success,
    "bounce_ratio": lambda evaluation: evaluation.bounce_ratio.value if evaluation.bounce_ratio.is_sure else None,
    "error": lambda evaluation: evaluation.state.error and evaluation.state.error.reason,
}
_PARAMETERS = ("q", "state", "workspace", "sort", "problems")
_MOST_WORDS = 10  # are looked for: each is looked for in every campaign


def reading(name: str, state: State) -> float | None:
    """Return a figure of a campaign's last reading, None where it is not known."""
    return dict(READINGS[name](state, 0.0)).get(())


class Supply(NamedTuple):
    """The sender pools and accounts of a workspace, and what its campaigns have queued; None is not known."""

    workspace: str
    pools: Sequence[Pool] | None = None
    accounts: Mapping[str, int] | None = None
    emails_queued: int | None = None
    errors: tuple[Failure, ...] = ()

    @property
    def daily_capacity(self) -> int | None:
        """The emails that all pools may send in 24 hours, of those pools that say it."""
        return sum(pool.daily_capacity or 0 for pool in self.pools) if self.pools is not None else None

    @property
    def remaining(self) -> int | None:
        """What is left of it, where every pool says it."""
        left = [pool.remaining for pool in self.pools or ()]
        return sum(filter(None, left)) if left and None not in left else None

    @property
    def queue_days(self) -> float | None:
        """The days that the queue needs at the full capacity of all pools."""
        queued, capacity = self.emails_queued, self.daily_capacity
        return queued / capacity if queued is not None and capacity else None


@dataclass(frozen=True)
class Overview:
    """What is known of campaigns and of `senders`; what follows from it is computed when asked for, in any thread.

    `now` is Unix time, `notices` are what is to be said at the top of the page.
    """

    now: float
    states: Sequence[State]
    senders: Sequence[State]
    sources: Sequence[SourceState]
    seen: Callable[[State], Seen]
    config: Config
    shard: Shard
    notices: Sequence[str]

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """The campaigns, the worst first."""
        return evaluate_all(self.states, self.seen, self.now)

    @cached_property
    def supplies(self) -> list[Supply]:
        """What each workspace can send; a shard does not have all its campaigns, and so not its queue."""
        queued: Counter[str] = Counter()
        for state in self.states:
            if state.reading is not None and self.shard.total == 1:
                queued[state.target.workspace] += state.reading.queued or 0
        supplies: dict[str, Supply] = {}
        for state in self.senders:
            name = state.target.workspace
            known = supplies.get(name, Supply(name, emails_queued=queued.get(name)))
            what = "pools" if state.target.endpoint == "sender_pools" else "accounts"
            errors = (*known.errors, state.error) if state.error else known.errors
            supplies[name] = known._replace(**{what: state.reading, "errors": errors})
        return list(supplies.values())


class Selection:
    """Select campaigns by an address' parameters. Raises HTTPBadRequest, which says what to write.

    `sort` is what to sort by, with a - for the largest first; without it the worst come first. `label.NAME` is a
    label's value. What is empty selects all.
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = dict.fromkeys(_PARAMETERS, "")
        self.query |= {name: query[name] for name in query if name in self.query or name.startswith("label.")}
        others = [name for name in query if name not in self.query]
        if any(name.startswith("label") or get_close_matches(name, _PARAMETERS, 1, 0.75) for name in others):
            advice = f"write one of {', '.join(_PARAMETERS)}, label.NAME or format"
            raise web.HTTPBadRequest(text=f"a parameter is misspelled: {advice}\n")
        self.query["problems"] = self.query["problems"].removeprefix("0")
        self.state, self.order, orders = self.query["state"], self.query["sort"], (*_COLUMNS, *READINGS)
        if self.state and self.state not in _STATES:
            raise web.HTTPBadRequest(text=f"state: write one of {', '.join(_STATES)}\n")
        if self.order and self.order.removeprefix("-") not in orders:
            advice = f"write one of {', '.join(orders)}, with a - before it for the largest first"
            raise web.HTTPBadRequest(text=f"sort: {advice}\n")

    def address(self, **changes: str) -> str:
        """Return the parameters that ask for this, with changes, as the end of an address."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value}
        return f"?{urlencode(query)}"

    def sorted_by(self, column: str) -> str:
        """Return the order after a click on a column: of figures the largest first, then turned round."""
        first, second = (column, f"-{column}") if column in ("campaign", "error") else (f"-{column}", column)
        return second if self.order == first else first

    def among(self, evaluations: Iterable[Evaluation]) -> list[Evaluation]:
        """Return those of the same workspace and labels."""
        workspace = self.query["workspace"]
        given = [(name, value) for name, value in self.query.items() if value and name.startswith("label.")]
        labels = {(name.removeprefix("label."), value) for name, value in given}
        return [
            each
            for each in evaluations
            if workspace in ("", each.state.target.workspace) and labels <= set(each.state.target.labels)
        ]

    def of_all(self, evaluations: Iterable[Evaluation]) -> list[Evaluation]:
        """Return all that are selected, in order; what is not known stands last."""
        words = self.query["q"].lower().split()[:_MOST_WORDS]
        found = [each for each in self.among(evaluations) if self._is_shown(each) and _has_all(each, words)]
        if not self.order:
            return found
        name = self.order.removeprefix("-")
        value: Callable[[Evaluation], Any] = _COLUMNS.get(name) or (lambda evaluation: reading(name, evaluation.state))
        known = sorted((each for each in found if value(each) is not None), key=value, reverse=self.order[0] == "-")
        return known + [each for each in found if value(each) is None]

    def _is_shown(self, evaluation: Evaluation) -> bool:
        if self.query["problems"] and not evaluation.is_problem:
            return False
        if self.state == OVER_A_LIMIT:
            return evaluation.is_over_a_limit
        return self.state in ("", *evaluation.conditions)


def _has_all(evaluation: Evaluation, words: list[str]) -> bool:
    if not words:
        return True
    state, campaign = evaluation.state, evaluation.state.target
    labels = (f"{name}={value}" for name, value in campaign.labels if value)
    error = (state.error.reason, state.error.detail) if state.error else ()
    text = " ".join((campaign.name, campaign.id, campaign.workspace, *labels, *evaluation.conditions, *error)).lower()
    return all(word in text for word in words)
