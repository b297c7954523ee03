"""All that the status page and its JSON show, as it is known at one moment."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from exporter.api import Pool
from exporter.config import Config
from exporter.errors import Failure
from exporter.shard import Shard
from exporter.sources import SourceState
from exporter.store import State
from exporter.web.evaluation import Evaluation, Seen, evaluate_all


class Supply(NamedTuple):
    """The sender pools and accounts of a workspace, and what its campaigns have queued; None is not known."""

    workspace: str
    pools: Sequence[Pool] | None = None
    accounts: Mapping[str, int] | None = None
    queued: int | None = None
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
        return self.queued / self.daily_capacity if self.queued is not None and self.daily_capacity else None


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
            known = supplies.get(name, Supply(name, queued=queued.get(name)))
            what = "pools" if state.target.endpoint == "sender_pools" else "accounts"
            errors = (*known.errors, state.error) if state.error else known.errors
            supplies[name] = known._replace(**{what: state.reading, "errors": errors})
        return list(supplies.values())
