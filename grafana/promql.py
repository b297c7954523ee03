"""Expressions over campaigns: one value a campaign, whichever process it came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from grafana.metrics import CAMPAIGN_LABELS, EXPORTED, TARGET_LABELS

IDENTITY = ", ".join(CAMPAIGN_LABELS)
AT_END = " @ end()"
BUILD_INFO = "leadterra_exporter_build_info"

_TARGETS = tuple(f'{label}=~"${label}"' for label in TARGET_LABELS)


@dataclass(frozen=True)
class Scope:
    """Write selectors with a dashboard's variables; `at` is a modifier that each gets.

    `only` is an expression: of what it has no series for, nothing is read.
    """

    matchers: tuple[str, ...] = ()
    at: str = ""
    only: str = ""

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

    def of(self, metric: str, pick: str = "max", **matchers: str) -> str:
        """Write a metric's value for each campaign: replicas and moved processes are one campaign."""
        among = f" and on ({IDENTITY}) {self.only}" if self.only else ""
        return f"{pick} by ({IDENTITY}) ({self.select(metric, **matchers)}{among})"

    def change(self, metric: str, window: str, step: str) -> str:
        """Write by how much a total changed in a window; negative after a correction.

        It looks at one value in each `step`: a window over every sample would cost ten times as much, and would start
        anew with each process.
        """
        return f"delta({replace(self, at='').of(metric)}[{window}:{step}]{self.at})"

    def own(self, expression: str) -> str:
        """Keep what is of an exporter: with all jobs chosen, every target of Prometheus has an `up`."""
        return f"{expression} and on (job, instance) {self.select(BUILD_INFO)}"

    def ending(self) -> "Scope":
        """Give the scope of values at the end of the time range."""
        return replace(self, at=AT_END)


def worst_campaigns(count: int, scope: Scope, expression: Callable[[Scope], str]) -> str:
    """Keep the campaigns that are highest at the end of the time range, and at each point compute no others.

    With 5,000 campaigns that takes a tenth of the time that it takes to compute all and drop most.
    """
    highest = f"topk({count}, {expression(scope.ending())})"
    return expression(replace(scope, only=highest))


def worst(count: int, scope: Scope, expression: Callable[[Scope], str]) -> str:
    """Keep the series that are highest at the end of the time range, so that no panel draws more than `count` lines."""
    return f"{expression(scope)} and topk({count}, {expression(scope.ending())})"


def how_many(expression: str, *, among: str) -> str:
    """Count series: 0 where there are none, and nothing where there is not even `among` to be counted."""
    return f"count({expression}) or 0 * count({among})"
