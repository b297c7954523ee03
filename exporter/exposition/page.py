"""The `/metrics` page: a campaign's lines are formatted when they change, a scrape sends what is ready.

Rendering ten thousand campaigns in the scrape would take over a second.
"""

from collections.abc import Callable, Sequence

from exporter.config import Campaign, Key
from exporter.exposition.blocks import LARGEST_BLOCK, Blocks
from exporter.exposition.metrics import METRICS, Metric
from exporter.exposition.negotiation import Format
from exporter.exposition.parts import Body, Part, Snapshot
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
    """Format one metric's lines and its header in each format."""

    def __init__(self, place: int, metric: Metric) -> None:
        self.place = place
        self.metric = metric
        escaped = metric.help.replace("\\", "\\\\")
        self.headers = {
            Format.TEXT: Part(f"# HELP {metric.name} {escaped}\n# TYPE {metric.name} gauge\n".encode()),
            Format.OPENMETRICS: self._openmetrics_header(escaped.replace('"', '\\"')),
        }

    def _openmetrics_header(self, escaped_help: str) -> Part:
        name = self.metric.name
        unit = f"# UNIT {name} seconds\n" if name.endswith("_seconds") else ""
        return Part(f"# TYPE {name} gauge\n{unit}# HELP {name} {escaped_help}\n".encode())

    def differs(self, old: State, new: State) -> bool:
        return self.metric.samples(old) != self.metric.samples(new)

    def lines(self, state: State, labels: str) -> bytes:
        lines = ""
        for own, value in self.metric.samples(state):
            own_label = f',{self.metric.label}="{own}"' if own else ""
            lines += f"{self.metric.name}{{{labels}{own_label}}} {value}\n"
        return lines.encode()


class Page:
    """Keep the page of all campaigns ready.

    `own_metrics` renders the exporter's own, which stand last, and may do so in any thread.
    """

    def __init__(
        self, store: Store, own_metrics: Callable[[Format], bytes], *, largest_block: int = LARGEST_BLOCK
    ) -> None:
        self._store = store
        self.own_metrics = own_metrics
        self._families = [_Family(place, metric) for place, metric in enumerate(METRICS)]
        self._by_poll = [family for family in self._families if family.metric.follows == "poll"]
        self._by_reading = [family for family in self._families if family.metric.follows != "configuration"]
        self._blocks = Blocks(len(self._families), largest_block)
        self._unchanged: dict[Format, Body] = {}
        self._own = dict.fromkeys(Format, Part(b""))
        store.observe(self)

    def changed(self, old: State | None, new: State) -> None:
        """Format again what the change touches."""
        row = self._blocks.row(new.campaign.key)
        families = self._families_between(old, new)
        if families is self._families:
            row.labels = campaign_labels(new.campaign)
        if families:
            row.put({family.place: family.lines(new, row.labels) for family in families})
            self._unchanged.clear()

    def _families_between(self, old: State | None, new: State) -> Sequence["_Family"]:
        """Return the families whose lines a change touches: comparing figures is cheaper than formatting them."""
        if old is None:
            return self._families
        if old.campaign is new.campaign:
            candidates = self._by_poll if old.stats == new.stats else self._by_reading
        elif campaign_labels(old.campaign) == campaign_labels(new.campaign):
            candidates = self._families
        else:
            return self._families
        return [family for family in candidates if family.differs(old, new)]

    def removed(self, key: Key) -> None:
        """Drop all of a campaign's lines."""
        self._blocks.remove(key)
        self._unchanged.clear()

    def snapshot(self, page_format: Format, own_metrics: bytes) -> Snapshot:
        """Return the whole page as it is now, without readings that have become stale."""
        self._store.expire()
        body = self._unchanged.get(page_format)
        if body is None:
            body = self._unchanged[page_format] = self._body(page_format)
        if self._own[page_format].plain is not own_metrics:
            self._own[page_format] = Part(own_metrics)
        return Snapshot(body, self._own[page_format])

    def render(self, page_format: Format) -> bytes:
        """Return the whole page as it is now in one piece."""
        return b"".join(self.snapshot(page_format, self.own_metrics(page_format)).plain())

    def _body(self, page_format: Format) -> Body:
        parts: list[Part] = []
        for family in self._families:
            lines = [part for part in self._blocks.parts(family.place) if part.plain]
            parts += [family.headers[page_format], *lines] if lines else []
        return Body(parts)
