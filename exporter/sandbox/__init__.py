"""The documented endpoints with simulated campaigns, for the demo, tests and benchmarks; not the real API."""

from exporter.sandbox.api import Sandbox, create_app, load_ids
from exporter.sandbox.campaigns import KEYS, WORKSPACES, demo_config
from exporter.sandbox.faults import parse_flag

__all__ = ["KEYS", "WORKSPACES", "Sandbox", "create_app", "demo_config", "load_ids", "parse_flag"]
