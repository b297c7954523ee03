"""The one package that knows that the API is HTTP: an id goes in, a reading or a PollError comes out."""

from exporter.api.answers import excerpt
from exporter.api.client import Client
from exporter.api.endpoints import ENDPOINTS, FIELDS, Stats
from exporter.api.senders import Pool
from exporter.api.transport import Access, AccessError, read_access

__all__ = ["ENDPOINTS", "FIELDS", "Access", "AccessError", "Client", "Pool", "Stats", "excerpt", "read_access"]
