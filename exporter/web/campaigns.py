"""Campaigns for programs: as JSON, and as a table for a spreadsheet. Safe to call in any thread."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from exporter.config import Links, Threshold, Thresholds, settings
from exporter.errors import Failure
from exporter.sources import SourceState
from exporter.web.evaluation import Evaluation
from exporter.web.overview import READINGS, Overview, Supply, reading

_SPREADSHEETS_EXECUTE = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that a spreadsheet takes for a formula, or may."""


def rfc3339(unix_time: float | None) -> str | None:
    """Return a time as other programs read it, None for one that is not known."""
    if unix_time is None:
        return None
    return datetime.fromtimestamp(unix_time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def render_json(overview: Overview, evaluations: Iterable[Evaluation]) -> bytes:
    """Render these campaigns as JSON, senders and sources with them. What is not known is null."""
    links = overview.config.links
    # One by one: in one go, ten thousand keep all other threads waiting for a quarter of a second.
    compact = json.JSONEncoder(separators=(",", ":")).encode
    campaigns = ",".join([compact(_fields(evaluation, links)) for evaluation in evaluations])
    senders, sources = compact(list(map(_supply, overview.supplies))), compact(list(map(_source, overview.sources)))
    time = rfc3339(overview.now)
    return f'{{"time":"{time}","campaigns":[{campaigns}],"senders":{senders},"sources":{sources}}}'.encode()


def render_one(
    evaluation: Evaluation, links: Links, *, next_poll: float | None, failures: Iterable[tuple[float, Failure]]
) -> bytes:
    """Render one campaign as JSON that people read too: effective settings, the last poll, the next, last failures.

    `next_poll` and the times of the failures are Unix times.
    """
    state = evaluation.state
    last = state.error or state
    fields = _fields(evaluation, links) | {
        "settings": settings(state.target),
        "next_poll": rfc3339(next_poll),
        "last_poll": {
            "status": state.error.code if state.error else "200" if state.up else None,
            "seconds": None if last.seconds is None else round(last.seconds, 3),
            "bytes": None if state.error else state.size,
        },
        "failures": [
            {"time": rfc3339(at)} | asdict(each) | {"seconds": round(each.seconds, 3), "excerpt": each.excerpt or None}
            for at, each in failures
        ],
    }
    return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode()


def render_csv(evaluations: Iterable[Evaluation], links: Links) -> bytes:
    """Render campaigns as a table. A text that a spreadsheet would execute gets an apostrophe before it."""
    rows = [_cells(_fields(evaluation, links)) for evaluation in evaluations]
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0] if rows else ["workspace", "campaign_id"])
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode("utf-8-sig")  # with the mark by which spreadsheets know UTF-8


def _cells(fields: dict[str, Any]) -> dict[str, Any]:
    error = fields.pop("error") or {"reason": None, "detail": None}
    flat = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    flat |= {f"label.{name}": value for name, value in fields["labels"].items()}
    flat |= {f"error.{name}": value for name, value in error.items()}
    return {name: _cell(value) for name, value in flat.items()}


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_SPREADSHEETS_EXECUTE) else value
    return str(value).lower() if isinstance(value, bool) else value


def _supply(supply: Supply) -> dict[str, Any]:
    pools = None if supply.pools is None else list(map(asdict, supply.pools))
    errors = list(map(_error, supply.errors))
    return {**supply._asdict(), "pools": pools, "queue_days": supply.queue_days, "errors": errors}


def _source(state: SourceState) -> dict[str, Any]:
    return {
        "workspace": state.workspace,
        "source": state.source.label,
        "up": state.up,
        "last_success": rfc3339(state.last_success),
        "campaigns": state.campaigns,
        "problems": state.problems,
    }


def _error(failure: Failure) -> dict[str, str]:
    return {"reason": failure.reason, "detail": failure.detail}


def _fields(evaluation: Evaluation, links: Links) -> dict[str, Any]:
    state, campaign, quiet = evaluation.state, evaluation.state.target, evaluation.seen.nothing_sent
    since = {each: rfc3339(known.time if (known := evaluation.since(each)) else None) for each in evaluation.conditions}
    return {
        "workspace": campaign.workspace,
        "campaign_id": campaign.id,
        "campaign": campaign.name,
        "labels": dict(campaign.labels),
        "state": evaluation.conditions[0],
        "since": since[evaluation.conditions[0]],
        "conditions": since,
        "up": state.up,
        "last_success": rfc3339(state.last_success),
        **{name: reading(name, state) for name in READINGS},
        "bounce_ratio": evaluation.bounce_ratio.value,
        "nothing_sent_since": rfc3339(quiet.time if quiet else None),
        "limits": _limits(campaign.thresholds),
        "link": links.of_campaign(campaign),
        "error": _error(state.error) if state.error else None,
    }


@lru_cache(maxsize=1000)  # most campaigns share them
def _limits(thresholds: Thresholds) -> dict[str, Any]:
    known = thresholds._asdict().items()
    return {name: limit._asdict() if isinstance(limit, Threshold) else limit for name, limit in known}
