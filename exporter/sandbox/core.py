"""The sandbox API without its HTTP: a request goes in, an answer comes out; no input, output or waiting."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from exporter.errors import Reason
from exporter.sandbox.answer import Answer, error
from exporter.sandbox.demo import WORKSPACES
from exporter.sandbox.faults import Faults, spoil
from exporter.sandbox.stories import Story, cast, fails


class Request(NamedTuple):
    """Note one request for statistics, for tests that check pacing; `time` is the sandbox's `now`."""

    time: float
    campaign_id: str
    status: int


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = error(status, code, message)


class Sandbox:
    """Answer `GET /v1/campaigns/:id/stats` for made-up campaigns.

    `workspaces` maps a key to its campaigns, id to story; None is a key without a workspace. `load_campaigns` more
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
        on_request: Callable[[Request], object] | None = None,
    ) -> None:
        self._seed, self._speed, self._now, self._on_request = seed, speed, now, on_request
        self._origin = now() if origin is None else origin
        self._workspaces = {key: _cast_all(stories, seed) for key, stories in workspaces.items()}
        if load_campaigns:
            first = next(iter(workspaces))
            load = _cast_all(dict.fromkeys(load_ids(load_campaigns), "healthy"), seed)
            self._workspaces[first] = (self._workspaces[first] or {}) | (load or {})
        self.faults = Faults(seed, dict.fromkeys(id_ for stories in self._workspaces.values() for id_ in stories or ()))

    def answer(self, method: str, raw_path: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request; `raw_path` is as it was sent, query and all, header names as `Authorization`."""
        path, _, query = raw_path.partition("?")
        segments = path.split("/")
        if segments[:3] != ["", "v1", "campaigns"] or segments[4:] != ["stats"]:
            return error(404, "not_found", "The sandbox has /v1/campaigns/:id/stats and /sandbox/faults.")
        campaign_id = unquote(segments[3])
        try:
            campaigns = self._authenticate(headers)
            _check(method, query, headers)
            answer = self._stats(campaigns, campaign_id)
        except _RefusedError as refused:
            answer = refused.answer
        if self._on_request:
            self._on_request(Request(self._now(), campaign_id, answer.status))
        return answer

    def _authenticate(self, headers: Mapping[str, str]) -> Mapping[str, Story]:
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in self._workspaces:
            message = "The Authorization header is missing, malformed, or the key is invalid."
            raise _RefusedError(401, Reason.AUTHENTICATION_FAILED, message)
        campaigns = self._workspaces[key]
        if campaigns is None:
            raise _RefusedError(404, Reason.WORKSPACE_NOT_FOUND, "The key belongs to no workspace.")
        return campaigns

    def _stats(self, campaigns: Mapping[str, Story], campaign_id: str) -> Answer:
        story = campaigns.get(campaign_id)
        if story is None:
            message = "No campaign with the given id exists in your workspace."
            raise _RefusedError(404, Reason.CAMPAIGN_NOT_FOUND, message)
        elapsed = self._now() - self._origin
        if story.flaky and fails(self._seed, campaign_id, elapsed):
            answer = error(500, "internal_error", "Something went wrong.")
        else:
            answer = Answer(200, story.body(campaign_id, elapsed * self._speed))
        fault = self.faults.strike(campaign_id)
        return spoil(fault, answer) if fault else answer


def load_ids(count: int) -> Iterator[str]:
    """Give the ids of the campaigns that are there for load."""
    return (f"camp_load_{number:05}" for number in range(1, count + 1))


def _cast_all(stories: Mapping[str, str] | None, seed: int) -> dict[str, Story] | None:
    return None if stories is None else {id_: cast(story, seed, id_) for id_, story in stories.items()}


def _check(method: str, query: str, headers: Mapping[str, str]) -> None:
    if method != "GET":
        raise _RefusedError(405, "method_not_allowed", "The endpoint knows GET only.")
    if query:
        raise _RefusedError(400, Reason.INVALID_REQUEST, "The endpoint takes no query parameters.")
    if headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers:
        raise _RefusedError(400, Reason.INVALID_REQUEST, "The endpoint accepts no request body.")
