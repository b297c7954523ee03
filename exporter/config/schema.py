"""What may stand where in the configuration file: one table a mapping, one check a key."""

from collections.abc import Mapping

from exporter.config import checks
from exporter.config.checks import duration, number
from exporter.document.shapes import Check, Each, Leaf, Refused, Section, Table, optional

_LARGEST = 1_000_000_000
_INLINE_KEY = Refused("a secret never stands in this file: write api_key_file or api_key_env")
_LABELS = Table(checks.label_name, Leaf(checks.any_text), "labels like team: growth")


def _limits(check: Check, *severities: str) -> Section:
    return Section({severity: Leaf(optional(check)) for severity in severities}, nullable=True)


_API = Section(
    {
        "base_url": Leaf(checks.base_url),
        "timeout": Leaf(duration(highest=3600)),
        "max_concurrency": Leaf(number(1, 1000, whole=True)),
        "requests_per_second": Leaf(number(0.001, 10_000)),
        "retries": Leaf(number(0, 10, whole=True)),
        "proxy_url": Leaf(optional(checks.proxy_url)),
        "ca_file": Leaf(optional(checks.ca_file)),
    }
)
_POLL = Section({"interval": Leaf(duration(lowest=1)), "stale_after": Leaf(duration(lowest=1))})
LIMITS: Mapping[str, Section] = {
    "bounce_ratio": _limits(checks.ratio, "warning", "critical"),
    "emails_queued": _limits(number(0, _LARGEST), "warning", "critical"),
    "queue_drain": _limits(duration(), "warning"),
    "reply_ratio": _limits(checks.ratio, "info"),
}
_THRESHOLDS = Section({**LIMITS, "min_emails_sent": Leaf(number(0, _LARGEST, whole=True))})
_CAMPAIGN = Section(
    {
        "id": Leaf(checks.campaign_id),
        "name": Leaf(checks.text),
        "labels": _LABELS,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
    },
    required=("id",),
    short="id",
)
_WORKSPACE = Section(
    {
        "name": Leaf(checks.text),
        "api_key_file": Leaf(checks.file),
        "api_key_env": Leaf(checks.key_env),
        "api_key": _INLINE_KEY,
        "labels": _LABELS,
        "api": _API,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
        "campaigns": Each("campaign", _CAMPAIGN),
    },
    required=("name", "campaigns"),
)
FILE = Section(
    {
        "api": _API,
        "poll": _POLL,
        "thresholds": _THRESHOLDS,
        "workspaces": Each("workspace", _WORKSPACE),
        "api_key": _INLINE_KEY,
    },
    required=("workspaces",),
)
"""The whole file."""
