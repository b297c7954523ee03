"""Which campaigns are shown and in which order: what the address of the status page and of its JSON says."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode

from exporter.web.campaigns import READINGS, reading
from exporter.web.evaluation import Condition, Evaluation

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


class Selection:
    """Select campaigns by an address' parameters. Raises ValueError, which says what to write instead.

    `sort` is what to sort by, with a - for the largest first; without it the worst come first. `label.NAME` is a
    label's value. What is empty selects all.
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = dict.fromkeys(_PARAMETERS, "")
        self.query |= {name: query[name] for name in query if name in self.query or name.startswith("label.")}
        others = [name for name in query if name not in self.query]
        if any(name.startswith("label") or get_close_matches(name, _PARAMETERS, 1, 0.75) for name in others):
            raise ValueError(f"a parameter is misspelled: write one of {', '.join(_PARAMETERS)}, label.NAME or format")
        self.query["problems"] = self.query["problems"].removeprefix("0")
        self.state, self.order, orders = self.query["state"], self.query["sort"], (*_COLUMNS, *READINGS)
        if self.state and self.state not in _STATES:
            raise ValueError(f"state: write one of {', '.join(_STATES)}")
        if self.order and self.order.removeprefix("-") not in orders:
            raise ValueError(f"sort: write one of {', '.join(orders)}, with a - before it for the largest first")

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
        unknown = [each for each in found if value(each) is None]
        known = [each for each in found if value(each) is not None]
        return sorted(known, key=value, reverse=self.order.startswith("-")) + unknown

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
