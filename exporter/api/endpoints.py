"""What the API is asked for. Another endpoint is another record here, and a metric table in exporter/exposition."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from exporter.api import senders
from exporter.api.answers import count, decode, ratio, refuse_error, reject
from exporter.errors import Failure

_SAFE_IN_PATH = "!$&'()*,:;=@"


class Endpoint(NamedTuple):
    """One of the API's endpoints.

    `path` makes the path of a request out of an id, and `parse` reads the body of an answer with status 200 for that
    id, or raises PollError. `explain` makes out of a failure what it is for this endpoint.
    """

    path: Callable[[str], str]
    parse: Callable[[bytes, str], Any]
    explain: Callable[[Failure], Failure]


class Stats(NamedTuple):
    """One reading of a campaign; a field that the API left out or sent as null is None.

    Counts are the API's lifetime totals: leads for `total_enrolled` and `replied`, emails for the rest.
    Ratios are between 0 and 1.
    """

    total_enrolled: int | None = None
    sent: int | None = None
    delivered: int | None = None
    bounced: int | None = None
    replied: int | None = None
    queued: int | None = None
    open_rate: float | None = None
    reply_rate: float | None = None


FIELDS: Mapping[str, Callable[[str, object], Any]] = {
    "totalEnrolled": count,
    "sent": count,
    "delivered": count,
    "bounced": count,
    "replied": count,
    "queued": count,
    "openRate": ratio,
    "replyRate": ratio,
}
"""The API's fields in the order of those of Stats, each with what reads its value."""


def stats_path(campaign_id: str) -> str:
    """Return the path below `api.base_url`; an id is one segment of it, whatever it holds."""
    return f"/v1/campaigns/{quote(campaign_id, safe=_SAFE_IN_PATH)}/stats"


def parse_stats(body: bytes, campaign_id: str) -> Stats:
    """Read the answer for `campaign_id`, whole or not at all.

    The documented object may stand bare or in one `data` or `stats` envelope; fields that are not documented are
    ignored. Raises PollError (invalid_response) that names the field at fault, never the value of a string.
    """
    answer = decode(body)
    if not isinstance(answer, dict):
        reject("the answer is not a JSON object")
    if FIELDS.keys().isdisjoint(answer):
        inner = (answer[envelope] for envelope in ("data", "stats") if isinstance(answer.get(envelope), dict))
        answer = next(inner, answer)
        refuse_error(answer)
    if answer.get("campaignId") not in (None, campaign_id):
        reject("campaignId is not the campaign that was asked for")
    if FIELDS.keys().isdisjoint(answer):
        reject("the answer has none of the documented figures")
    return Stats(*(read(field, answer.get(field)) for field, read in FIELDS.items()))


ENDPOINTS: Mapping[str, Endpoint] = {
    "campaign_stats": Endpoint(stats_path, parse_stats, lambda failure: failure),
    "sender_pools": Endpoint(lambda _: "/v1/sender-pools", senders.parse_pools, senders.explain),
    "sender_accounts": Endpoint(lambda _: "/v1/sender-accounts", senders.parse_accounts, senders.explain),
}
"""The endpoints by their label value in `leadterra_api_requests_total`."""
