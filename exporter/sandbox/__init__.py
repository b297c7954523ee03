"""The documented endpoints with simulated campaigns, for the demo, tests and benchmarks; not the real API."""

from exporter.sandbox.api import Fault, Sandbox, create_app, load_ids, parse_flag
from exporter.sandbox.campaigns import KEYS, WORKSPACES, demo_config

__all__ = ["KEYS", "WORKSPACES", "Fault", "Sandbox", "create_app", "demo_config", "load_ids", "parse_flag"]
