"""When targets are polled: sweeps, pacing, budget, retries, backing off."""

from exporter.polling.poller import Plan, Poller, plan

__all__ = ["Plan", "Poller", "plan"]
