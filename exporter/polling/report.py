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

    Lists of senders, of which a workspace has two, are always logged one by one.
    """

    def __init__(self, workspace: str, store: Store) -> None:
        self._log = structlog.get_logger().bind(workspace=workspace)
        self._store = store
        self._failed: dict[Reason, list[tuple[Target, Failure]]] = defaultdict(list)
        self._recovered: list[Target] = []
        self._known: set[Reason | None] = set()  # what the last sweep logged as a whole; None: that campaigns recover
        self._is_limited = False  # by a 429 since the last sweep ended
        self._overrun = 0  # sweeps that have to end in time before it is over

    def failed(self, target: Target, failure: Failure) -> None:
        """Log that a target fails, where it did not fail for that reason before; a refused key has its own line."""
        last, what = self._last_failure(target), {**target.named, "reason": failure.reason.value}
        if failure.code is None or (last is not None and last.reason is failure.reason):
            self._log.debug("poll failed", **what, detail=failure.detail)
            return
        new = self._failed[failure.reason] if target.kind == Campaign.kind else []
        new.append((target, failure))
        if len(new) <= _LOGGED_ONE_BY_ONE and failure.reason not in self._known:
            self._log.warning("poll failed", **what, detail=failure.detail)

    def succeeded(self, target: Target) -> None:
        """Log that a target has a reading again, where its last poll failed."""
        last = self._last_failure(target)
        if last is not None and (last.code is not None or not last.refuses_key):
            self._recovered += [target] if target.kind == Campaign.kind else []
            if len(self._recovered) <= _LOGGED_ONE_BY_ONE and None not in self._known:
                self._log.info(f"polled again{', the key is accepted' * last.refuses_key}", **target.named)

    def limited(self) -> None:
        """Take note that the API limits the workspace: what is late then is late for that."""
        self._is_limited = True

    def swept(self, targets: Sequence[Target], late: int) -> None:
        """Log what has not been logged one by one, and the first sweep of some that did not end in time."""
        if targets[0].kind != Campaign.kind:
            return
        failing = Counter(failure.reason for target in targets if (failure := self._last_failure(target)))
        for reason, new in self._failed.items():
            if len(new) > _LOGGED_ONE_BY_ONE or reason in self._known:
                target, failure = new[0]
                what = {"reason": reason.value, "detail": failure.detail, "first_campaign_id": target.id}
                self._log.warning(f"{failing[reason]} of {len(targets)} polls fail", **what)
        recovers = len(self._recovered) > _LOGGED_ONE_BY_ONE or (None in self._known and bool(self._recovered))
        if recovers:
            self._log.info(f"{len(self._recovered)} campaigns are polled again", still_failing=failing.total())
        self._known = {reason for reason, count in failing.items() if count > _LOGGED_ONE_BY_ONE}
        self._known |= {None} if recovers and failing else set()
        self._failed.clear()
        self._recovered.clear()
        self._report_overrun(late, is_cure=not self._is_limited and failing.total() * 2 <= len(targets))
        self._is_limited = False

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
