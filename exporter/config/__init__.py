"""The configuration file: YAML to a frozen configuration, or every problem with its place."""

from exporter.config.lists import read_list
from exporter.config.load import load, with_all_labels
from exporter.config.model import (
    Api,
    Campaign,
    Config,
    Links,
    Poll,
    SenderList,
    Senders,
    Sending,
    Severity,
    Source,
    Target,
    TargetKey,
    Threshold,
    Thresholds,
    Workspace,
)
from exporter.config.schema import dump, settings
from exporter.config.warnings import of_budget, summary
from exporter.document.item import ConfigError, Problem
