"""Expressions over campaigns: one value a campaign, whichever process it came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from grafana.metrics import CAMPAIGN_LABELS, EXPORTED, TARGET_LABELS

IDENTITY = ", ".join(CAMPAIGN_LABELS)
AT_END = " @ end()"
BUILD_INFO = "leadterra_exporter_build_info"

_TARGETS = tuple(f'{label}=~"${label}"' for label in TARGET_LABELS)


@dataclass(frozen=True)
class Scope:
    """Write selectors with a dashboard's variables; `by` names what has one value, `at` modifies each selector."""

    matchers: tuple[str, ...] = ()
    by: str = IDENTITY
    at: str = ""

    def select(self, metric: str, **matchers: str) -> str:
        """Write the selector of an exported metric; a matcher's value has its operator, as `reason='="timeout"'`."""
        return self._bare(metric, matchers) + self.at

    def rate(self, metric: str, **matchers: str) -> str:
        """Write a counter's rate per second."""
        return f"rate({self._bare(metric, matchers)}[$__rate_interval]{self.at})"

    def _bare(self, metric: str, matchers: Mapping[str, str]) -> str:
        labels = EXPORTED[metric]
        if unknown := matchers.keys() - labels:
            raise ValueError(f"{metric} has no label {', '.join(sorted(unknown))}")
        own = tuple(name + value for name, value in matchers.items())
        scoped = tuple(matcher for matcher in self.matchers if matcher.split("=")[0] in labels)
        return f"{metric}{{{', '.join((*_TARGETS, *scoped, *own))}}}"

    def of(self, metric: str, pick: str = "max", *more: str, ago: str = "", **matchers: str) -> str:
        """Write a metric's value for each campaign, and each value of the labels `more`.

        Replicas and moved processes are one campaign. `ago` is a duration.
        """
        back = f" offset {ago}" if ago else ""
        return f"{pick} by ({self.labels(*more)}) ({self.select(metric, **matchers)}{back})"

    def labels(self, *more: str) -> str:
        """Write what has one value, with further labels."""
        return ", ".join(filter(None, (self.by, *more)))

    def gained(self, metric: str, window: str) -> str:
        """Write by how much a total changed since `window` ago, of what was there then; negative after a correction.

        Two values are read, however long the window: delta() over it reads them all.
        """
        return f"({self.of(metric)} - {self.of(metric, ago=window)})"

    def ending(self) -> "Scope":
        """Return the scope of values at the end of the time range."""
        return replace(self, at=AT_END)

    def own(self, expression: str) -> str:
        """Keep what is of an exporter: with all jobs chosen, every target of Prometheus has an `up`."""
        return f"{expression} and on (job, instance) {self.select(BUILD_INFO)}"


def ranks(count: int, scope: Scope, expression: Callable[[Scope], str]) -> list[str]:
    """Write one expression for each rank at the end of the time range, the highest first: each has its own colour."""
    every, last = expression(scope), expression(scope.ending())
    best = [f"topk({rank}, {last})" for rank in range(1, count + 1)]
    return [f"{every} and {best[0]}", *(f"{every} and ({one} unless {above})" for above, one in pairwise(best))]


def a_week_before(expression: str) -> str:
    """Write what an expression was a week before."""
    return f"last_over_time(({expression})[$__interval:$__interval] offset 1w)"
