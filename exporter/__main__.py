"""Run the command as `python -m exporter`."""

from exporter.cli import entry

entry()
