"""The exposition: the metric tables, the formatted lines, the formats and their negotiation."""

from exporter.exposition.chunks import Snapshot
from exporter.exposition.metrics import METRICS, METRICS_OF, Metric
from exporter.exposition.negotiation import Format, accepts_gzip, choose_format
from exporter.exposition.page import Page

__all__ = ["METRICS", "METRICS_OF", "Format", "Metric", "Page", "Snapshot", "accepts_gzip", "choose_format"]
