"""The closed set of ways in which a poll can fail.

A reason is a label value of `leadterra_campaign_error`, a field of a log event and a row of docs/metrics.md.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Name why a poll brought no reading; the values are the label values."""

    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION_FAILED = "authentication_failed"
    CAMPAIGN_NOT_FOUND = "campaign_not_found"
    WORKSPACE_NOT_FOUND = "workspace_not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    INVALID_RESPONSE = "invalid_response"
    UNEXPECTED_STATUS = "unexpected_status"


TRANSIENT = {Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.TIMEOUT, Reason.CONNECTION_FAILED}
"""Where another attempt soon can help."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a poll brought no reading.

    `detail` is one line for people; what the API itself said is in it, shortened, and never a secret. `code` is the
    HTTP status, `timeout` or `connection_failed`, None where no request was sent. `retry_after` is in seconds from
    the answer, `excerpt` the beginning of an answer that was refused, `seconds` how long the request took.
    """

    reason: Reason
    detail: str
    code: str | None = None
    retry_after: float | None = None
    excerpt: str = field(default="", repr=False)
    seconds: float = 0.0

    @property
    def refuses_key(self) -> bool:
        """Whether the key was refused (HTTP 401), or there is none to send."""
        return self.reason is Reason.AUTHENTICATION_FAILED and self.code in ("401", None)


class PollError(Exception):
    """A poll that brought no reading; whoever keeps it keeps the failure only, so that no traceback lives on."""

    def __init__(self, reason: Reason, detail: str, **more: Any) -> None:
        super().__init__(f"{reason}: {detail}")
        self.failure = Failure(reason, detail, **more)
