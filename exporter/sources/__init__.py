"""Where campaigns come from: the configuration itself, lists in files, lists at URLs."""

from exporter.sources.collecting import Collected, collect, files_of, with_known_campaigns
from exporter.sources.lists import SourceState
from exporter.sources.urls import Urls
