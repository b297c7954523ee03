"""The API of a long run: the sandbox behind httpx's transport, its faults, its keys, and what it says is true."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from random import Random

import httpx

from exporter.api import Client
from exporter.config import Workspace
from exporter.sandbox import Sandbox, parse_flag
from exporter.sandbox.answer import Answer
from exporter.secret import ApiKey

_STORIES = ("healthy", "bouncing", "backlog", "paused", "finished", "draft")
_FAULTS = (
    *("latency:0.7", "latency:4", "latency:60", "cut", "malformed", "huge", "gzip_garbage", "redirect", "wrong_id"),
    *("status:400", "status:401", "status:403", "status:404", "status:418", "status:500", "status:503", "status:204"),
    *("status:429", "status:429,retry_after:3", "status:429,retry_after:1000000000", "status:429,retry_after:soon"),
    "status:429,retry_after:Wed, 21 Oct 2015 07:28:00 GMT",
    "status:503,retry_after:120",
)
FIGURES = {
    "leadterra_campaign_leads_enrolled": "totalEnrolled",
    "leadterra_campaign_emails_sent": "sent",
    "leadterra_campaign_emails_delivered": "delivered",
    "leadterra_campaign_emails_bounced": "bounced",
    "leadterra_campaign_leads_replied": "replied",
    "leadterra_campaign_emails_queued": "queued",
    "leadterra_campaign_open_ratio": "openRate",
    "leadterra_campaign_reply_ratio": "replyRate",
}


class _Body(httpx.AsyncByteStream):
    """A body that breaks off where the answer says so."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._answer.body[: self._answer.cut_after]
        if self._answer.cut_after is not None:
            raise httpx.ReadError("the connection broke")


class _Transport(httpx.MockTransport):
    """Tell when it is closed."""

    def __init__(self, api: "Api") -> None:
        super().__init__(api.answer)
        self._api = api
        api.open_clients += 1

    async def aclose(self) -> None:
        self._api.open_clients -= 1


@dataclass
class Api:
    """Answer for some workspaces; the keys that it takes change, what it knows of the campaigns does not."""

    dice: Random
    workspaces: Mapping[str, tuple[str, ...]]
    keys: dict[str, str] = field(default_factory=dict)
    is_down: bool = False
    requests: int = 0
    open_clients: int = 0
    _frozen_at: float | None = None
    _accounts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        stories = {
            name: {id_: _STORIES[n % len(_STORIES)] for n, id_ in enumerate(ids)}
            for name, ids in self.workspaces.items()
        }
        self._sandbox = Sandbox(seed=self.dice.randrange(2**32), now=self.now, workspaces=stories)
        for name in self.workspaces:
            self.renew_key(name)

    def now(self) -> float:
        """Give the API's own time, which can be made to stand still."""
        return self._loop.time() if self._frozen_at is None else self._frozen_at

    def freeze(self) -> None:
        """Let the campaigns stand still, so that a reading is true however old it is."""
        self._frozen_at = self.now()

    def thaw(self) -> None:
        """Let the campaigns live on."""
        self._frozen_at = None

    def renew_key(self, workspace: str) -> str:
        """Revoke a workspace's key and return its new one."""
        self._accounts = {key: name for key, name in self._accounts.items() if name != workspace}
        key = self.keys[workspace] = f"sk_canary_{self.dice.randrange(2**64):x}"
        self._accounts[key] = workspace
        return key

    def misbehave(self) -> None:
        """Let a campaign or all of them misbehave from now on, at each request or at some."""
        target = self.dice.choice(["*", *(id_ for ids in self.workspaces.values() for id_ in ids)])
        rate = self.dice.choice(["", "", ",rate:0.5", ",count:7"])
        self._sandbox.faults.put(*parse_flag(f"{target}={self.dice.choice(_FAULTS)}{rate}"))

    def behave(self) -> None:
        """End all faults."""
        self.is_down = False
        for target in self._sandbox.faults.show():
            self._sandbox.faults.remove(target)

    def truth(self, workspace: str, campaign_id: str) -> dict[str, float]:
        """Give the figures of a campaign as they are now, by metric; those that are null are left out."""
        body = json.loads(self._ask(campaign_id, workspace).body)
        return {metric: body[name] for metric, name in FIGURES.items() if body[name] is not None}

    def open_client(self, workspace: Workspace) -> Client:
        """Build the client of one workspace."""
        return Client(workspace.api, ApiKey(workspace.key), transport=_Transport(self), wall=self._loop.time)

    def _ask(self, campaign_id: str, key: str) -> Answer:
        return self._sandbox.answer("GET", f"/v1/campaigns/{campaign_id}/stats", {"Authorization": f"Bearer {key}"})

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request as the real thing may."""
        self.requests += 1
        if self.is_down:
            raise httpx.ConnectError("refused")
        await asyncio.sleep(self.dice.uniform(0.02, 0.4))
        key = request.headers["Authorization"].removeprefix("Bearer ")
        answer = self._ask(request.url.path.split("/")[3], self._accounts.get(key, ""))
        await asyncio.sleep(answer.delay)
        return httpx.Response(answer.status, headers=dict(answer.headers), stream=_Body(answer))
