"""How one workspace's campaigns are asked: slots, budget, retries, and a key that is refused."""

import asyncio
import random
from contextlib import nullcontext

import structlog

from exporter.client import Client
from exporter.config import Campaign, Key, Workspace
from exporter.errors import Failure, PollError, Reason
from exporter.poller.budget import Budget
from exporter.stats import Stats
from exporter.store import Store
from exporter.telemetry import Telemetry

log = structlog.get_logger()


class Asking:
    """Poll single campaigns of one workspace and record what came of it.

    No campaign is asked twice at once: where its last poll still goes on, a turn passes. Campaigns whose last poll
    timed out share half of the slots, so that those that hang leave room for those that answer.
    """

    def __init__(
        self, workspace: Workspace, client: Client, store: Store, telemetry: Telemetry, *, budget: Budget | None = None
    ) -> None:
        self.workspace = workspace
        self.client = client
        self.budget = budget or Budget(workspace.api.requests_per_second)
        self.refusal: Failure | None = None
        self._store = store
        self._telemetry = telemetry
        self._slots = asyncio.Semaphore(workspace.api.max_concurrency)
        self._slow = asyncio.Semaphore(max(1, workspace.api.max_concurrency // 2))
        self._asked: set[Key] = set()
        self._polls: set[asyncio.Task[None]] = set()

    def begin(self, campaign: Campaign, deadline: float, *, probing: bool = False) -> asyncio.Task[None]:
        """Begin to poll one campaign; no retry starts after `deadline`, in the event loop's time.

        While the key is refused, nothing is sent and the refusal is what came of the poll, unless it is `probing`.
        """
        task = asyncio.create_task(self._record(campaign, deadline, probing=probing))
        self._polls.add(task)
        task.add_done_callback(self._polls.discard)
        return task

    async def finish(self) -> None:
        """Wait for all polls that have begun."""
        if self._polls:
            await asyncio.wait(self._polls)

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        for task in self._polls:
            task.cancel()
        await self.finish()
        await self.client.aclose()

    async def _record(self, campaign: Campaign, deadline: float, *, probing: bool) -> None:
        if campaign.key in self._asked:
            self._pass(campaign)
            return
        if self._store.get(campaign.key) is None:
            return
        self._asked.add(campaign.key)
        try:
            stats = await self._poll(campaign, deadline, probing=probing)
        except PollError as error:
            self._failed(campaign, error.failure)
        except Exception:  # a fault of ours must not end the sweep, and is not the API's to explain
            log.exception("internal error while polling", workspace=campaign.workspace, campaign_id=campaign.id)
            self._failed(campaign, Failure(Reason.INVALID_RESPONSE, "internal error, see the log"))
        else:
            last = self._last_failure(campaign)
            tell = log.info if last and last.code else log.debug
            tell("polled", workspace=campaign.workspace, campaign_id=campaign.id)
            self._store.succeeded(campaign.key, stats)
        finally:
            self._asked.discard(campaign.key)

    def _pass(self, campaign: Campaign) -> None:
        """Let a turn pass; one that a 429 lets pass is told, or `up` would stay 1 until the campaign is asked again."""
        if self.budget.is_held:
            self._failed(campaign, Failure(Reason.RATE_LIMITED, "not asked, the API told the workspace to wait"))

    def _failed(self, campaign: Campaign, error: Failure) -> None:
        last = self._last_failure(campaign)
        # Once when it starts, not at each poll of a long night; a refused key is told of once, not for each campaign.
        is_news = (last is None or last.reason is not error.reason) and error.code is not None
        say = log.warning if is_news else log.debug
        say(
            "poll failed",
            workspace=campaign.workspace,
            campaign_id=campaign.id,
            reason=error.reason.value,
            detail=error.detail,
        )
        self._store.failed(campaign.key, error)

    async def _poll(self, campaign: Campaign, deadline: float, *, probing: bool) -> Stats:
        attempt = 0
        while True:
            try:
                return await self._attempt(campaign, probing=probing)
            except PollError as error:
                pause = self._pause(error.failure, attempt, campaign.poll.interval)
                out_of_time = asyncio.get_running_loop().time() + pause >= deadline
                if not error.failure.may_pass or attempt >= self.workspace.api.retries or out_of_time:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    def _pause(self, error: Failure, attempt: int, interval: float) -> float:
        """Back off exponentially with full jitter, or as the API says; a 429 holds the whole workspace."""
        pause = error.retry_after
        if pause is None:
            pause = random.uniform(0, 2.0**attempt)  # noqa: S311 - spreads retries, guards nothing
        if error.reason is Reason.RATE_LIMITED:
            self.budget.hold(min(pause, interval))
        return pause

    async def _attempt(self, campaign: Campaign, *, probing: bool) -> Stats:
        self._check_key(probing=probing)
        last = self._last_failure(campaign)
        hangs = last is not None and last.reason is Reason.TIMEOUT
        async with self._slow if hangs else nullcontext(), self._slots:
            await self.budget.acquire()
            self._check_key(probing=probing)  # another campaign may have learnt of a refusal in the meantime
            return await self._send(campaign, probing=probing)

    def _last_failure(self, campaign: Campaign) -> Failure | None:
        state = self._store.get(campaign.key)
        return state.error if state else None

    def _check_key(self, *, probing: bool) -> None:
        if self.refusal is not None and not probing:
            raise PollError(self.refusal.reason, f"not asked, the workspace's key was refused: {self.refusal.detail}")

    def _judge_key(self, refusal: Failure | None) -> None:
        if refusal is not None and self.refusal is None:
            log.error("key refused", workspace=self.workspace.name, detail=refusal.detail)
        elif refusal is None and self.refusal is not None:
            log.info("key no longer refused", workspace=self.workspace.name)
            self.refusal = None
            self._ask_again()
        self.refusal = refusal

    def _ask_again(self) -> None:
        """Ask at once for all that were not asked while the key was refused."""
        now = asyncio.get_running_loop().time()
        for campaign in self.workspace.campaigns:
            last = self._last_failure(campaign)
            if last is not None and last.refuses_key:
                self.begin(campaign, now + campaign.poll.interval)

    async def _send(self, campaign: Campaign, *, probing: bool) -> Stats:
        loop = asyncio.get_running_loop()
        started = loop.time()
        code: str | None = None
        try:
            stats = await self.client.read(campaign.id)
        except PollError as error:
            code = error.failure.code
            if error.failure.refuses_key or probing:
                self._judge_key(error.failure if error.failure.refuses_key else None)
            raise
        else:
            code = "200"
            self._judge_key(None)
            return stats
        finally:
            if code is not None:
                self._telemetry.requested(self.workspace.name, code, loop.time() - started)
