"""The configuration file: YAML to a frozen configuration, or every fault with its place."""

from exporter.config.dump import dump
from exporter.config.model import Api, Campaign, Config, Key, Limits, Poll, Severity, Thresholds, Workspace
from exporter.config.resolve import load
from exporter.document.faults import ConfigError, Fault

__all__ = [
    "Api",
    "Campaign",
    "Config",
    "ConfigError",
    "Fault",
    "Key",
    "Limits",
    "Poll",
    "Severity",
    "Thresholds",
    "Workspace",
    "dump",
    "load",
]
