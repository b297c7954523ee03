"""How one workspace's targets are polled: budget, retries, and a key that is refused."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from exporter.api import ENDPOINTS, Access, excerpt
from exporter.config import Campaign, SenderList, Target, TargetKey
from exporter.errors import TRANSIENT, Failure, PollError, Reason
from exporter.polling.budget import Budget
from exporter.polling.report import Report
from exporter.polling.workers import Poll, Workers
from exporter.store import Store
from exporter.telemetry import Telemetry

if TYPE_CHECKING:
    from exporter.api.client import Client


class WorkspacePoller:
    """Poll single targets of one workspace and record what came of it.

    No target is polled twice at once: where its last poll still goes on, the next one is passed over.
    """

    def __init__(  # noqa: PLR0913 - its parts, all but the first two by name
        self, name: str, access: Access, *, client: "Client", store: Store, telemetry: Telemetry, budget: Budget | None
    ) -> None:
        self.name = name
        self.access = access
        self.api = access.api
        self.budget = budget or Budget(access.api.requests_per_second)
        self.targets: Sequence[Target] = ()
        self.refusal = Refusal()
        self.report = Report(name, store)
        self._client = client
        self._store = store
        self._telemetry = telemetry
        self._loop = asyncio.get_running_loop()
        self._log = structlog.get_logger().bind(workspace=name)
        self._workers = Workers(access.api.max_concurrency)
        self._polled: dict[TargetKey, Poll] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def poll(self, target: Target, deadline: float, ended: Callable[[], None], *, probe: bool = False) -> None:
        """Begin to poll one target; no retry starts after `deadline`, in the event loop's time.

        `ended` is called when the poll has ended, perhaps before this returns. While the key is refused, nothing is
        sent and the refusal is the outcome, unless the poll is a probe.
        """
        key = target.key
        state, running = self._store.get(key), self._polled.get(key)
        if running or state is None:
            if running and self.budget.is_held:  # it is shown, or `up` would stay 1 until the target is polled again
                running.failed = True
                self._fail(target, Failure(Reason.RATE_LIMITED, "not asked, the API told the workspace to wait"))
            ended()
            return
        slow = state.error is not None and state.error.reason is Reason.TIMEOUT
        poll = self._polled[key] = Poll(target, deadline, ended, probe, failed=state.error is not None, slow=slow)
        self._idle.clear()
        self._workers.put(poll, self._attempt)

    async def all_ended(self) -> None:
        """Wait for all polls that have begun."""
        await self._idle.wait()

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        for poll in self._polled.values():
            if poll.retry:
                poll.retry.cancel()
        await self._workers.stop()
        self._polled.clear()  # they refer to what began them, and that to this
        await self._client.aclose()

    def _end(self, poll: Poll) -> None:
        self._polled.pop(poll.target.key, None)
        if not self._polled:
            self._polled.clear()  # so that it gives its memory back
            self._idle.set()
        poll.ended()

    async def _attempt(self, poll: Poll) -> None:
        """Send one request and record the outcome, unless another attempt follows."""
        has_ended, poll.retry = True, None  # a timer that has fired still refers to the poll
        try:
            if poll.probe or self.refusal.failure is None:  # what is not sent need not wait for its turn
                await self.budget.acquire()
            failure = await self._ask(poll)
            has_ended = failure is None or not self._retry(poll, failure)
            if failure is not None and has_ended:
                self._fail(poll.target, failure)
        except Exception:  # noqa: BLE001 - logged: a fault of ours must not end the sweep, and is not the API's
            self._log.exception("internal error while polling", **poll.target.named)
            self._fail(poll.target, Failure(Reason.INVALID_RESPONSE, "internal error, see the log"))
        finally:
            if has_ended:
                self._end(poll)

    async def _ask(self, poll: Poll) -> Failure | None:
        """Send one request and record a reading; return why there is none."""
        if (refused := self.refusal.failure) and not poll.probe:  # perhaps another target has met it in the meantime
            why = "" if refused.code is None else "the workspace's key was refused: "
            return Failure(refused.reason, f"not asked, {why}{refused.detail}")
        target, failure, body, started = poll.target, None, b"", self._loop.time()
        endpoint = ENDPOINTS[target.endpoint]
        try:
            body = await self._client.get(endpoint.path(target.id))
        except PollError as error:
            failure = error.failure
        seconds = self._loop.time() - started
        self._answered(target, failure, seconds)
        try:
            reading = None if failure else endpoint.parse(body, target.id)
        except PollError as error:
            failure = replace(error.failure, excerpt=excerpt(body))
        if failure is not None:
            return replace(endpoint.explain(failure), seconds=seconds)
        self._log.debug("polled", **target.named, bytes=len(body), reading=reading)
        if poll.failed:
            self.report.succeeded(target)
        if target.kind == Campaign.kind:
            self._telemetry.polled(self.name, "success")
        self._store.succeeded(target.key, reading, seconds, len(body))
        return None

    def _answered(self, target: Target, failure: Failure | None, seconds: float) -> None:
        """Record a request, and what it says of the key."""
        code = failure.code if failure else "200"
        if code is not None:
            self._telemetry.requested(self.name, target.endpoint, code, seconds)
            self._log.debug("request ended", **target.named, code=code, seconds=round(seconds, 3))
        before = self.refusal.failure
        self.refusal.record(target, failure, self.targets)
        refusal = self.refusal.failure
        if refusal is None and before is not None:
            self._log.info("key no longer refused")
            self._poll_refused()
        elif refusal is not None and before is None:
            self._log.error("no key" if refusal.code is None else "key refused", detail=refusal.detail)

    def _retry(self, poll: Poll, failure: Failure) -> bool:
        """Queue the poll again after a pause, if that can help and there is time for it.

        The pause is exponential with full jitter, or as the API says; a 429 holds the whole workspace.
        """
        pause = failure.retry_after
        if pause is None:
            pause = random.uniform(0, 2.0**poll.attempt)  # noqa: S311 - spreads retries, guards nothing
        if failure.reason is Reason.RATE_LIMITED:
            self.report.is_limited = True
            # A campaign comes first: a list of senders, asked more rarely, holds them no longer than one would.
            self.budget.hold(min(pause, *(target.poll.interval for target in (poll.target, *self.targets[:1]))))
        is_late = self._loop.time() + pause >= poll.deadline
        if is_late or poll.attempt >= self.api.retries or failure.reason not in TRANSIENT:
            return False
        poll.attempt += 1
        poll.slow = failure.reason is Reason.TIMEOUT
        poll.retry = self._loop.call_later(pause, self._workers.put, poll, self._attempt)
        return True

    def _fail(self, target: Target, failure: Failure) -> None:
        self.report.failed(target, failure)
        if target.kind == Campaign.kind:
            self._telemetry.polled(self.name, failure.reason)
        self._store.failed(target.key, failure)

    def _poll_refused(self) -> None:
        """Poll at once what was not polled while the key was refused."""
        now = self._loop.time()
        for target in self.targets:
            state = self._store.get(target.key)
            if state is not None and state.error is not None and state.error.refuses_key:
                self.poll(target, now + target.poll.interval, lambda: None)


class Refusal:
    """The key is refused when two targets met a 401 with no answer in between, or the only one did.

    A 401 for one target while others are answered is that target's own trouble. A key may be allowed to read campaigns
    and no senders, so what is refused to lists of senders says nothing of it.
    """

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self._refused_ids: set[str] = set()
        self._probes = 0

    def record(self, target: Target, failure: Failure | None, targets: Sequence[Target]) -> None:
        """Record the outcome of a request, None for a reading."""
        if failure is not None and failure.code is not None and target.kind == SenderList.kind:
            return
        if failure is None or (not failure.refuses_key and (failure.code or "").isdigit()):
            self.failure = None
            self._refused_ids.clear()
        elif failure.refuses_key:
            self._refused_ids.add(target.id)
            others = (other for other in targets if other.kind == target.kind and other.id != target.id)
            if len(self._refused_ids) > 1 or not any(others) or failure.code is None:
                self.failure = failure

    def next_probe(self, targets: Sequence[Target]) -> Target:
        """Return the target to ask with while the key is refused: another one each time."""
        self._probes += 1
        return targets[self._probes % len(targets)]
