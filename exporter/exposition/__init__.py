"""The exposition: the metric table, the formatted lines, the formats and their negotiation."""

from exporter.exposition.metrics import METRICS, Metric
from exporter.exposition.negotiation import Format, accepts_gzip, choose_format
from exporter.exposition.page import Page
from exporter.exposition.parts import Snapshot

__all__ = ["METRICS", "Format", "Metric", "Page", "Snapshot", "accepts_gzip", "choose_format"]
