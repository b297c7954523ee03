"""The status page for people and the same as JSON, rendered from judged rows; safe to call in any thread."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter.config import Threshold, Thresholds
from exporter.stats import Stats
from exporter.web.evaluation import Row, number, rows

if TYPE_CHECKING:
    import jinja2

__all__ = ["CONTENT_SECURITY_POLICY", "MOST_ROWS", "render_json", "render_page", "rows"]

MOST_ROWS = 1000
"""How many campaigns the page lists; the JSON has all."""

_TEMPLATE = Path(__file__).with_name("status.html").read_text(encoding="utf-8")


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def _or_dash(words: Callable[[float], str]) -> Callable[[float | None], str]:
    return lambda figure: "\N{EN DASH}" if figure is None else words(figure)


def _rfc3339(unix_time: float) -> str:
    return datetime.fromtimestamp(unix_time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _readable_time(unix_time: float, now: float | None = None) -> str:
    """Write a time in UTC, without the date where it is today's."""
    moment = datetime.fromtimestamp(unix_time, UTC)
    is_today = now is not None and moment.date() == datetime.fromtimestamp(now, UTC).date()
    return moment.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")


def render_page(
    rows: list[Row], *, now: float, version: str, telemetry_path: str = "/metrics", shard: tuple[int, int] | None = None
) -> str:
    """Render the page; `now` is Unix time, `shard` this process's index and how many there are.

    Links are relative, so that the page works behind a proxy that adds a prefix.
    """
    return _template().render(
        rows=rows[:MOST_ROWS],
        total=len(rows),
        counts=Counter(condition for row in rows for condition in row.conditions),
        past_a_limit=sum(row.is_past_a_limit for row in rows),
        no_stats=Stats(),
        now=now,
        version=version,
        telemetry_path=telemetry_path,
        shard=shard,
    )


@cache
def _template() -> "jinja2.Template":
    import jinja2  # noqa: PLC0415  # not before the first page: a start need not pay for it

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "age": _age,
        "number": _or_dash(number),
        "percent": _or_dash(lambda ratio: f"{ratio * 100:.2f}\N{NO-BREAK SPACE}%"),
        "readable_time": _readable_time,
        "rfc3339": _rfc3339,
    }
    return environment.from_string(_TEMPLATE)


def _content_security_policy() -> str:
    """Allow what the page itself holds, by its hash, and nothing else."""
    allowed = ""
    for element in ("style", "script"):
        for content in re.findall(f"<{element}>(.*?)</{element}>", _TEMPLATE, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            allowed += f"{element}-src 'sha256-{digest}'; "
    return (
        f"default-src 'none'; {allowed}connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


CONTENT_SECURITY_POLICY = _content_security_policy()
"""The header that the page is to be sent with."""


def render_json(rows: list[Row], *, now: float) -> bytes:
    """Render all rows as JSON; `now` is Unix time. What is not known is null."""
    # Row by row: in one go, ten thousand keep all other threads waiting for a quarter of a second.
    campaigns = ",".join([json.dumps(_json_row(row), separators=(",", ":")) for row in rows])
    return f'{{"time":"{_rfc3339(now)}","campaigns":[{campaigns}]}}'.encode()


def _json_row(row: Row) -> dict[str, Any]:
    state, campaign, stats = row.state, row.state.campaign, row.state.stats or Stats()
    return {
        "workspace": campaign.workspace,
        "campaign_id": campaign.id,
        "campaign": campaign.name,
        "labels": dict(campaign.labels),
        "state": row.conditions[0],
        "up": state.up,
        "last_success": None if state.last_success is None else _rfc3339(state.last_success),
        "leads_enrolled": stats.total_enrolled,
        "emails_sent": stats.sent,
        "emails_delivered": stats.delivered,
        "emails_bounced": stats.bounced,
        "leads_replied": stats.replied,
        "emails_queued": stats.queued,
        "open_ratio": stats.open_rate,
        "reply_ratio": stats.reply_rate,
        "bounce_ratio": row.bounce_ratio.value,
        "limits": _json_limits(campaign.thresholds),
        "error": None if state.error is None else {"reason": state.error.reason, "detail": state.error.detail},
    }


def _json_limits(thresholds: Thresholds) -> dict[str, Any]:
    return {
        "bounce_ratio": _json_severities(thresholds.bounce_ratio),
        "emails_queued": _json_severities(thresholds.emails_queued),
        "reply_ratio": _json_severities(thresholds.reply_ratio),
        "min_emails_sent": thresholds.min_emails_sent,
    }


def _json_severities(limits: Threshold) -> dict[str, float | None]:
    return {"info": limits.info, "warning": limits.warning, "critical": limits.critical}
