"""How one workspace's campaigns are asked: budget, retries, and a key that is refused."""

import asyncio
import random
from collections.abc import Callable

import structlog

from exporter.api import Client
from exporter.config import Campaign, Key, Workspace
from exporter.errors import Failure, PollError, Reason
from exporter.polling.budget import Budget
from exporter.polling.workers import Slots, Turn
from exporter.stats import Stats
from exporter.store import Store
from exporter.telemetry import Telemetry


class Asking:
    """Poll single campaigns of one workspace and record what came of it.

    No campaign is asked twice at once: where its last poll still goes on, a turn passes.
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
        self._loop = asyncio.get_running_loop()
        self._log = structlog.get_logger().bind(workspace=workspace.name)
        self._slots = Slots(workspace.api.max_concurrency, self._take)
        self._asked: set[Key] = set()
        self._pausing: dict[Turn, asyncio.TimerHandle] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self, campaign: Campaign, deadline: float, ended: Callable[[], None], *, probing: bool = False) -> None:
        """Begin to poll one campaign; no retry starts after `deadline`, in the event loop's time.

        `ended` is called when it has ended, perhaps before this returns. While the key is refused, nothing is sent
        and the refusal is what came of the poll, unless it is `probing`.
        """
        key = campaign.key
        if key in self._asked or self._store.get(key) is None:
            self._pass(campaign)
            ended()
            return
        self._asked.add(key)
        self._idle.clear()
        self._line_up(Turn(campaign, deadline, ended, probing))

    async def finish(self) -> None:
        """Wait for all polls that have begun."""
        await self._idle.wait()

    async def stop(self) -> None:
        """End all polls at once and close the connections."""
        for pause in self._pausing.values():
            pause.cancel()
        self._pausing.clear()
        await self._slots.stop()
        await self.client.aclose()

    def _pass(self, campaign: Campaign) -> None:
        """Let a turn pass; one that a 429 lets pass is told, or `up` would stay 1 until the campaign is asked again."""
        if self.budget.is_held:
            self._fail(campaign, Failure(Reason.RATE_LIMITED, "not asked, the API told the workspace to wait"))

    def _line_up(self, turn: Turn) -> None:
        self._pausing.pop(turn, None)
        if (refused := self._refused(turn)) is not None:
            try:
                self._fail(turn.campaign, refused)
            finally:
                self._end(turn)
            return
        last = self._last_failure(turn.campaign)
        turn.hangs = last is not None and last.reason is Reason.TIMEOUT
        self._slots.put(turn)

    def _end(self, turn: Turn) -> None:
        self._asked.discard(turn.campaign.key)
        if not self._asked:
            self._idle.set()
        turn.ended()

    async def _take(self, turn: Turn) -> None:
        goes_on = False
        try:
            goes_on = await self._attempt(turn)
        except Exception:  # noqa: BLE001 - logged: a fault of ours must not end the sweep, and is not the API's
            self._log.exception("internal error while polling", campaign_id=turn.campaign.id)
            self._fail(turn.campaign, Failure(Reason.INVALID_RESPONSE, "internal error, see the log"))
        finally:
            if not goes_on:
                self._end(turn)

    async def _attempt(self, turn: Turn) -> bool:
        """Ask once and record what came of it; tell whether another attempt follows instead."""
        await self.budget.acquire()
        if (refused := self._refused(turn)) is not None:  # another campaign has learnt of it in the meantime
            self._fail(turn.campaign, refused)
            await asyncio.sleep(0)  # nothing was waited for, and thousands may follow: let others run
            return False
        try:
            stats = await self._send(turn)
        except PollError as error:
            if self._retry(turn, error.failure):
                return True
            self._fail(turn.campaign, error.failure)
        else:
            self._succeed(turn, stats)
        return False

    async def _send(self, turn: Turn) -> Stats:
        started = self._loop.time()
        code: str | None = None
        try:
            stats = await self.client.read(turn.campaign.id)
        except PollError as error:
            code = error.failure.code
            if error.failure.refuses_key or turn.probing:
                self._judge_key(error.failure if error.failure.refuses_key else None)
            raise
        else:
            code = "200"
            self._judge_key(None)
            return stats
        finally:
            if code is not None:
                self._telemetry.requested(self.workspace.name, code, self._loop.time() - started)

    def _retry(self, turn: Turn, error: Failure) -> bool:
        """Let the turn line up again after a pause, if that can help and there is time for it."""
        pause = self._pause(error, turn.attempt, turn.campaign.poll.interval)
        out_of_time = self._loop.time() + pause >= turn.deadline
        if not error.may_pass or turn.attempt >= self.workspace.api.retries or out_of_time:
            return False
        turn.attempt += 1
        self._pausing[turn] = self._loop.call_later(pause, self._line_up, turn)
        return True

    def _pause(self, error: Failure, attempt: int, interval: float) -> float:
        """Back off exponentially with full jitter, or as the API says; a 429 holds the whole workspace."""
        pause = error.retry_after
        if pause is None:
            pause = random.uniform(0, 2.0**attempt)  # noqa: S311 - spreads retries, guards nothing
        if error.reason is Reason.RATE_LIMITED:
            self.budget.hold(min(pause, interval))
        return pause

    def _succeed(self, turn: Turn, stats: Stats) -> None:
        last = self._last_failure(turn.campaign)
        tell = self._log.info if last and last.code else self._log.debug
        tell("polled", campaign_id=turn.campaign.id)
        self._store.succeeded(turn.campaign.key, stats)

    def _fail(self, campaign: Campaign, error: Failure) -> None:
        last = self._last_failure(campaign)
        # Once when it starts, not at each poll of a long night; a refused key is told of once, not for each campaign.
        is_news = (last is None or last.reason is not error.reason) and error.code is not None
        say = self._log.warning if is_news else self._log.debug
        say("poll failed", campaign_id=campaign.id, reason=error.reason.value, detail=error.detail)
        self._store.failed(campaign.key, error)

    def _last_failure(self, campaign: Campaign) -> Failure | None:
        state = self._store.get(campaign.key)
        return state.error if state else None

    def _refused(self, turn: Turn) -> Failure | None:
        if self.refusal is None or turn.probing:
            return None
        return Failure(self.refusal.reason, f"not asked, the workspace's key was refused: {self.refusal.detail}")

    def _judge_key(self, refusal: Failure | None) -> None:
        if refusal is not None and self.refusal is None:
            self._log.error("key refused", detail=refusal.detail)
        elif refusal is None and self.refusal is not None:
            self._log.info("key no longer refused")
            self.refusal = None
            self._ask_again()
        self.refusal = refusal

    def _ask_again(self) -> None:
        """Ask at once for all that were not asked while the key was refused."""
        now = self._loop.time()
        for campaign in self.workspace.campaigns:
            last = self._last_failure(campaign)
            if last is not None and last.refuses_key:
                self.begin(campaign, now + campaign.poll.interval, lambda: None)
