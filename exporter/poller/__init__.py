"""When campaigns are asked: sweeps, pacing, budget, retries, backing off."""

from exporter.poller.poller import Poller

__all__ = ["Poller"]
