"""A Prometheus exporter for Leadterra campaign statistics."""

__version__ = "0.1.0"
