"""The sandbox API: a request goes in, an answer comes out; at the end of the file also over HTTP."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

from aiohttp import web

from exporter.errors import Reason
from exporter.sandbox import senders
from exporter.sandbox.campaigns import WORKSPACES, fails, simulate
from exporter.sandbox.faults import Answer, Faults, error

_PATH = re.compile(r"/v1/(?:campaigns/(?P<campaign>[^/]*)/stats|(?P<senders>sender-pools|sender-accounts))")
_NOT_FOUND = "The sandbox has /v1/campaigns/:id/stats, /v1/sender-pools, /v1/sender-accounts."


class Sandbox:
    """Answer `GET /v1/campaigns/:id/stats`, and what there is of senders, for simulated campaigns.

    `workspaces` maps a key to its campaigns, id to scenario; None is a key without a workspace. `load_campaigns` more
    join the first workspace. The campaigns' time runs `speed` times as fast as `now`, from `origin` on, by default
    from now on.
    """

    def __init__(  # noqa: PLR0913 - all by name, all with a default
        self,
        *,
        seed: int = 1,
        speed: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        origin: float | None = None,
        workspaces: Mapping[str, Mapping[str, str] | None] = WORKSPACES,
        load_campaigns: int = 0,
    ) -> None:
        self._seed, self._speed, self._now = seed, speed, now
        self._origin = now() if origin is None else origin
        first = next(iter(workspaces))
        load = {first: {**(workspaces[first] or {}), **dict.fromkeys(load_ids(load_campaigns), "healthy")}}
        self._workspaces = {
            key: None if scenarios is None else {id_: simulate(each, seed, id_) for id_, each in scenarios.items()}
            for key, scenarios in {**workspaces, **load}.items()
        }
        ids = [id_ for campaigns in self._workspaces.values() for id_ in campaigns or ()]
        self.faults = Faults(seed, [*ids, *senders.ENDPOINTS])

    def answer(self, method: str, raw_path: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request; `raw_path` is as it was sent, query and all, header names as `Authorization`."""
        path, _, query = raw_path.partition("?")
        asked = _PATH.fullmatch(path)
        if asked is None:
            return error(404, "not_found", _NOT_FOUND)
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in self._workspaces:
            message = "The Authorization header is missing, malformed, or the key is invalid."
            return error(401, Reason.AUTHENTICATION_FAILED, message)
        if self._workspaces[key] is None:
            return error(404, Reason.WORKSPACE_NOT_FOUND, "The key belongs to no workspace.")
        if method != "GET":
            return error(405, "method_not_allowed", "The endpoint knows GET only.")
        if query or headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers:
            return error(400, Reason.INVALID_REQUEST, "The endpoint takes no query parameters and no request body.")
        return self._found(key, asked["senders"], unquote(asked["campaign"] or ""))

    def _found(self, key: str, endpoint: str | None, campaign_id: str) -> Answer:
        elapsed = self._now() - self._origin
        if endpoint:
            body = senders.body(endpoint, list(self._workspaces).index(key), elapsed * self._speed)
            return self.faults.apply(endpoint, Answer(200, body))
        campaign = (self._workspaces[key] or {}).get(campaign_id)
        if campaign is None:
            return error(404, Reason.CAMPAIGN_NOT_FOUND, "No campaign with the given id exists in your workspace.")
        if campaign.flaky and fails(self._seed, campaign_id, elapsed):
            answer = error(500, "internal_error", "Something went wrong.")
        else:
            answer = Answer(200, campaign.body(campaign_id, elapsed * self._speed))
        return self.faults.apply(campaign_id, answer)


def load_ids(count: int) -> Iterator[str]:
    """Yield the ids of the campaigns that are there for load."""
    return (f"camp_load_{number:05}" for number in range(1, count + 1))


def create_app(sandbox: Sandbox) -> web.Application:
    """Return the application that answers as the sandbox does."""

    async def answer(request: web.Request) -> web.Response:
        found = sandbox.answer(request.method, request.raw_path, request.headers)
        await asyncio.sleep(found.delay)
        return web.Response(status=found.status, headers=found.headers, body=found.body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app
