"""What is logged of polls: an outage of a thousand campaigns, and its end, are a handful of lines each."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import structlog

from exporter.config import Campaign, Target
from exporter.errors import Failure, Reason
from exporter.store import Store

_LOGGED_ONE_BY_ONE = 3
_SWEEPS_IN_TIME = 3


class Report:
    """Log the first of a kind at once, one by one, and the rest together when a sweep has ended.

    What happens to a campaign is a Reason, or None where it has a reading again. Lists of senders, of which a workspace
    has two, are always logged one by one.
    """

    def __init__(self, workspace: str, store: Store) -> None:
        self._log = structlog.get_logger().bind(workspace=workspace)
        self._store = store
        self._new: defaultdict[Reason | None, list[tuple[Target, Failure]]] = defaultdict(list)  # since the last sweep
        self._known: set[Reason | None] = set()  # what the last sweep logged as a whole
        self.is_limited = False  # by a 429 since the last sweep ended: what is late then is late for that
        self._overrun = 0  # sweeps that have to end in time before it is over

    def failed(self, target: Target, failure: Failure) -> None:
        """Log that a target fails, where it did not fail for that reason before; a refused key has its own line."""
        last, what = self._last_failure(target), {**target.named, "reason": failure.reason.value}
        if failure.code is None or (last is not None and last.reason is failure.reason):
            self._log.debug("poll failed", **what, detail=failure.detail)
        elif self._is_one_of_few(failure.reason, target, failure):
            self._log.warning("poll failed", **what, detail=failure.detail)

    def succeeded(self, target: Target) -> None:
        """Log that a target has a reading again, where its last poll failed."""
        last = self._last_failure(target)
        if last is None or (last.code is None and last.refuses_key):
            return
        if self._is_one_of_few(None, target, last):
            self._log.info(f"polled again{', the key is accepted' * last.refuses_key}", **target.named)

    def swept(self, targets: Sequence[Target], late: int) -> None:
        """Log what has not been logged one by one, and the first sweep of some that did not end in time."""
        if targets[0].kind != Campaign.kind:
            return
        failing = Counter(failure.reason for target in targets if (failure := self._last_failure(target)))
        known: set[Reason | None] = {reason for reason, count in failing.items() if count > _LOGGED_ONE_BY_ONE}
        for what, new in self._new.items():
            target, failure = new[0]
            if len(new) <= _LOGGED_ONE_BY_ONE and what not in self._known:
                continue
            if what is None:
                self._log.info(f"{len(new)} campaigns are polled again", still_failing=failing.total())
                known |= {None} if failing else set()
            else:
                said = {"reason": what.value, "detail": failure.detail, "first_campaign_id": target.id}
                self._log.warning(f"{failing[what]} of {len(targets)} polls fail", **said)
        self._known = known
        self._new.clear()
        self._report_overrun(late, is_cure=not self.is_limited and failing.total() * 2 <= len(targets))
        self.is_limited = False

    def _is_one_of_few(self, what: Reason | None, target: Target, failure: Failure) -> bool:
        """Keep what happens to a campaign for the end of the sweep; return whether it is also logged at once."""
        if target.kind != Campaign.kind:
            return True
        self._new[what].append((target, failure))
        return len(self._new[what]) <= _LOGGED_ONE_BY_ONE and what not in self._known

    def _report_overrun(self, late: int, *, is_cure: bool) -> None:
        if late and not self._overrun:
            hint = {"hint": "raise poll.interval, api.requests_per_second or api.max_concurrency"} if is_cure else {}
            self._log.warning("a sweep has not ended within its interval", late_campaigns=late, **hint)
        if self._overrun == 1 and not late:
            self._log.info("sweeps end within their interval again")
        self._overrun = _SWEEPS_IN_TIME if late else max(0, self._overrun - 1)

    def _last_failure(self, target: Target) -> Failure | None:
        state = self._store.get(target.key)
        return state.error if state else None
