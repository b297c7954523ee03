"""When targets are polled: sweeps, pacing, budget, retries, backing off."""

from exporter.polling.poller import Poller

__all__ = ["Poller"]
