"""The `/metrics` page: a campaign's lines are formatted when they change, a scrape joins them.

Rendering ten thousand campaigns in the scrape would take over a second; joining ready lines takes milliseconds.
"""

from collections.abc import Callable

from exporter.config import Campaign, Key
from exporter.exposition.metrics import METRICS, Metric
from exporter.exposition.negotiation import Format
from exporter.store import State, Store


def escape_label_value(value: str) -> str:
    """Escape what both formats give a meaning inside a label value."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def campaign_labels(campaign: Campaign) -> str:
    """Format the labels that every series of the campaign carries, without braces."""
    pairs = (
        ("workspace", campaign.workspace),
        ("campaign_id", campaign.id),
        ("campaign", campaign.name),
        *campaign.labels,
    )
    return ",".join(f'{name}="{escape_label_value(value)}"' for name, value in pairs)


class _Family:
    """Hold one metric's lines, a chunk a campaign, and its header in each format."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.chunks: dict[Key, bytes] = {}
        escaped = metric.help.replace("\\", "\\\\")
        self._headers = {
            Format.TEXT: f"# HELP {metric.name} {escaped}\n# TYPE {metric.name} gauge\n".encode(),
            Format.OPENMETRICS: self._openmetrics_header(escaped.replace('"', '\\"')),
        }

    def _openmetrics_header(self, escaped_help: str) -> bytes:
        name = self.metric.name
        unit = f"# UNIT {name} seconds\n" if name.endswith("_seconds") else ""
        return f"# TYPE {name} gauge\n{unit}# HELP {name} {escaped_help}\n".encode()

    def update(self, state: State, labels: str) -> None:
        lines = ""
        for own, value in self.metric.samples(state):
            own_label = f',{self.metric.label}="{own}"' if own else ""
            lines += f"{self.metric.name}{{{labels}{own_label}}} {value}\n"
        self.chunks[state.campaign.key] = lines.encode()

    def render(self, page_format: Format) -> bytes:
        lines = b"".join(self.chunks.values())
        return self._headers[page_format] + lines if lines else b""


class Page:
    """Keep the page of all campaigns ready; `own_metrics` renders the exporter's own, which stand last."""

    def __init__(self, store: Store, own_metrics: Callable[[Format], bytes]) -> None:
        self._store = store
        self._own_metrics = own_metrics
        self._labels: dict[Key, str] = {}
        self._families = [_Family(metric) for metric in METRICS]
        self._by_poll = [family for family in self._families if family.metric.follows == "poll"]
        self._by_reading = [family for family in self._families if family.metric.follows == "reading"]
        store.observe(self)

    def changed(self, old: State | None, new: State) -> None:
        """Format again what the change touches."""
        key = new.campaign.key
        families = self._families
        if old is None or old.campaign is not new.campaign:
            self._labels[key] = campaign_labels(new.campaign)
        elif old.stats is new.stats:
            families = self._by_poll
        else:
            families = self._by_poll + self._by_reading
        labels = self._labels[key]
        for family in families:
            family.update(new, labels)

    def removed(self, key: Key) -> None:
        """Drop all of a campaign's lines."""
        del self._labels[key]
        for family in self._families:
            del family.chunks[key]

    def render(self, page_format: Format) -> bytes:
        """Return the whole page as it is now, without readings that have become stale."""
        self._store.expire()
        return b"".join([family.render(page_format) for family in self._families] + [self._own_metrics(page_format)])
