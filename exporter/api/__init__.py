"""The one room that knows that the API is HTTP: a campaign's id in, a reading or a PollError out."""

from exporter.api.client import LARGEST_ANSWER, Client, seconds_to_wait

__all__ = ["LARGEST_ANSWER", "Client", "seconds_to_wait"]
