"""The exporter's HTTP side, for Prometheus and for people."""
