"""The configuration file: YAML to a frozen configuration, or every problem with its place."""

from exporter.config.dump import dump
from exporter.config.model import Api, Campaign, Config, Key, Poll, Severity, Threshold, Thresholds, Workspace
from exporter.config.resolve import load
from exporter.document.problems import ConfigError, Problem

__all__ = [
    "Api",
    "Campaign",
    "Config",
    "ConfigError",
    "Key",
    "Poll",
    "Problem",
    "Severity",
    "Threshold",
    "Thresholds",
    "Workspace",
    "dump",
    "load",
]
