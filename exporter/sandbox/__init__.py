"""The documented endpoint with made-up campaigns, for the demo, tests and benchmarks; not the real API."""

from exporter.sandbox.answer import Answer
from exporter.sandbox.core import Request, Sandbox, load_ids
from exporter.sandbox.demo import WORKSPACES, demo_config, demo_keys
from exporter.sandbox.faults import Fault, FaultError, parse, parse_flag
from exporter.sandbox.flags import add_flags, build
from exporter.sandbox.front import create_app

__all__ = [
    "WORKSPACES",
    "Answer",
    "Fault",
    "FaultError",
    "Request",
    "Sandbox",
    "add_flags",
    "build",
    "create_app",
    "demo_config",
    "demo_keys",
    "load_ids",
    "parse",
    "parse_flag",
]
