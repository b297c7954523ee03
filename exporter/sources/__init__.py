"""Where campaigns come from: the configuration itself, lists in files, lists at URLs."""

from exporter.sources.lists import Collected, SourceState, collect, files_of, with_known_campaigns
from exporter.sources.urls import Urls
