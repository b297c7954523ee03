"""exporter-toolkit's web configuration file: TLS, client certificates, users and headers."""

from exporter.toolkit.web_config import WebConfigFile

__all__ = ["WebConfigFile"]
