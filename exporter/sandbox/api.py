"""The sandbox API: a request goes in, an answer or a fault that was asked for comes out; at the end also over HTTP."""

import asyncio
import json
import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiohttp import web

from exporter.errors import Reason
from exporter.sandbox.campaigns import WORKSPACES, fails, senders, simulate

_EVERY = "*"
_PATH = re.compile(r"/v1/(?:campaigns/(?P<campaign>[^/]*)/stats|(?P<senders>sender-pools|sender-accounts))")
_NOT_FOUND = "The sandbox has /v1/campaigns/:id/stats, /v1/sender-pools, /v1/sender-accounts."
_FORM = "write CAMPAIGN=latency:SECONDS or CAMPAIGN=status:CODE, with ,retry_after:SECONDS and ,rate:SHARE and ,count:N"
_FAULT = re.compile(
    r"(?P<target>.+)=(?=latency|status)(?:latency:(?P<latency>\d{1,4}(?:\.\d+)?),?)?(?:status:(?P<status>[45]\d\d))?"
    r"(?:,retry_after:(?P<retry_after>.+?))?(?:,rate:(?P<rate>0?\.\d+|[01]))?(?:,count:(?P<count>[1-9]\d*))?",
    re.ASCII,
)
_READ: Mapping[str, Callable[[str], Any]] = {"latency": float, "status": int, "rate": float, "count": int}
_JSON: Mapping[str, str] = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """An answer; `delay` is in seconds."""

    status: int
    body: bytes
    headers: Mapping[str, str] = _JSON
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Answers that come `latency` seconds late, or with an error's status: a share of them, the next `count`."""

    latency: float = 0.0
    status: int | None = None
    retry_after: str | None = None
    rate: float = 1.0
    count: float = math.inf


def parse_flag(text: str) -> tuple[str, Fault]:
    """Read a campaign and its fault, e.g. `camp_1=status:503,retry_after:3,count:2`. Raises ValueError."""
    match = _FAULT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r}: {_FORM}")
    target, *options = match.groupdict().items()
    return target[1], Fault(**{name: _READ.get(name, str)(value) for name, value in options if value})


def _error(status: int, code: str, message: str) -> Answer:
    """Return an error answer; the documentation names codes but no envelope, so the envelope is the sandbox's own."""
    return Answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())


class Sandbox:
    """Answer `GET /v1/campaigns/:id/stats`, and what there is of senders, for simulated campaigns.

    `workspaces` maps a key to its campaigns, id to scenario; `load_campaigns` more join the first workspace. The
    campaigns' time runs `speed` times as fast as `now`, from `origin` on, by default from now on.
    """

    def __init__(  # noqa: PLR0913 - all by name, all with a default
        self,
        *,
        seed: int = 1,
        speed: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        origin: float | None = None,
        workspaces: Mapping[str, Mapping[str, str]] = WORKSPACES,
        load_campaigns: int = 0,
    ) -> None:
        self._seed, self._speed, self._now = seed, speed, now
        self._origin = now() if origin is None else origin
        scenarios = {key: dict(campaigns) for key, campaigns in workspaces.items()}
        scenarios[next(iter(scenarios))] |= dict.fromkeys(load_ids(load_campaigns), "healthy")
        self._workspaces = {
            key: {id_: simulate(each, seed, id_) for id_, each in campaigns.items()}
            for key, campaigns in scenarios.items()
        }
        self._faults: dict[str, Fault] = {}
        self._chance = random.Random(seed)  # noqa: S311 - it must repeat

    def set_fault(self, target: str, fault: Fault | None) -> None:
        """Set the fault of a campaign, or of `*`: of all that have none of their own; None ends it.

        Raises ValueError for a campaign that is not there.
        """
        known = ["sender-pools", "sender-accounts", *(id_ for each in self._workspaces.values() for id_ in each)]
        if target not in (_EVERY, *known):
            near = get_close_matches(target, known) or known[2:14]
            raise ValueError(f"no campaign {target!r}: write {' or '.join(near)}")
        self._faults.pop(target, None)
        if fault:
            self._faults[target] = fault

    def answer(self, method: str, raw_path: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request; `raw_path` is as it was sent, query and all, header names as `Authorization`."""
        path, _, query = raw_path.partition("?")
        asked = _PATH.fullmatch(path)
        if asked is None:
            return _error(404, "not_found", _NOT_FOUND)
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in self._workspaces:
            message = "The Authorization header is missing, malformed, or the key is invalid."
            return _error(401, Reason.AUTHENTICATION_FAILED, message)
        if method != "GET":
            return _error(405, "method_not_allowed", "The endpoint knows GET only.")
        if query or headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers:
            return _error(400, Reason.INVALID_REQUEST, "The endpoint takes no query parameters and no request body.")
        return self._found(key, asked["senders"], unquote(asked["campaign"] or ""))

    def _found(self, key: str, endpoint: str | None, campaign_id: str) -> Answer:
        elapsed = self._now() - self._origin
        if endpoint:
            body = senders(endpoint, list(self._workspaces).index(key), elapsed * self._speed)
            return self._with_fault(endpoint, Answer(200, body))
        campaign = self._workspaces[key].get(campaign_id)
        if campaign is None:
            return _error(404, Reason.CAMPAIGN_NOT_FOUND, "No campaign with the given id exists in your workspace.")
        if campaign.flaky and fails(self._seed, campaign_id, elapsed):
            return self._with_fault(campaign_id, _error(500, "internal_error", "Something went wrong."))
        return self._with_fault(campaign_id, Answer(200, campaign.body(campaign_id, elapsed * self._speed)))

    def _with_fault(self, target: str, answer: Answer) -> Answer:
        target = target if target in self._faults else _EVERY
        fault = self._faults.get(target)
        if fault is None or self._chance.random() >= fault.rate:
            return answer
        self._faults[target] = replace(fault, count=fault.count - 1)
        if fault.count <= 1:
            del self._faults[target]
        if fault.status is not None:
            answer = _error(fault.status, "sandbox_fault", "The sandbox was asked to answer this.")
        more = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        return answer._replace(headers={**answer.headers, **more}, delay=fault.latency)


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
