"""What each command may be given, as frozen options; each field has its flag beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from exporter import flags, log
from exporter.flags import Parser, flag
from exporter.shard import Shard
from exporter.web.endpoints import is_free

_EPILOG = """\
other commands:
  leadterra-exporter demo      serve against the built-in sandbox API: no key, no configuration, no network
  leadterra-exporter sandbox   run only the sandbox API
Each has its own --help. Each flag can also be set by an environment variable: --web.listen-address by
LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS, and so on; a flag that is given wins.
"""
_LISTEN_HELP = "where to listen, repeatable; :0 takes a free port"
_RELOAD_HELP = "how often to look whether the configuration has changed, and load it again; without, never"
_CHECK_HELP = "check the configuration, print what is wrong with it or else what it will do, and end; polls nothing"
_ONCE_HELP = "poll every campaign once, print the page and end; 1 where a poll failed"
_SHARD_HELP = "poll only this shard's campaigns; a StatefulSet pod's name, such as leadterra-exporter-2, says it too"

_POD = "write a number from 0 on, or a pod's name that ends in one, like leadterra-exporter-2"
_FREE = "is not a free path: write one like /metrics"
_PATH = flags.matching("(.*)", lambda path: path if is_free(path) else None, _FREE)
_SHARD = flags.matching("(?:.+-)?([0-9]+)", int, f"names no shard: {_POD}")


@dataclass(frozen=True)
class LogOptions:
    """What each command has: what to log, and how."""

    log_level: str = flag("--log.level", "debug, info, warn or error", "info", flags.one_of(*log.LEVELS))
    log_format: Literal["logfmt", "json"] = flag(
        "--log.format", "logfmt or json", "logfmt", flags.one_of("logfmt", "json")
    )


@dataclass(frozen=True)
class WebOptions(LogOptions):
    """Where and how to serve."""

    web_listen_address: Sequence[str] = flag("--web.listen-address", _LISTEN_HELP, (":10421",), metavar="HOST:PORT")
    web_telemetry_path: str = flag("--web.telemetry-path", "where the metrics are", "/metrics", _PATH, metavar="PATH")
    web_config_file: Path | None = flag(
        "--web.config.file", "TLS and users; docs/web-config.md", None, flags.file, metavar="FILE"
    )
    web_enable_lifecycle: bool = flag("--web.enable-lifecycle", "allow POST /-/reload", default=False)


@dataclass(frozen=True)
class ServeOptions(WebOptions):
    """The command without a name. `config_auto_reload_interval` is in seconds, None for never."""

    config_file: Path = flag("--config.file", "the configuration", Path("config.yaml"), flags.file, metavar="FILE")
    config_auto_reload_interval: float | None = flag(
        "--config.auto-reload-interval", _RELOAD_HELP, None, flags.duration, metavar="DURATION"
    )
    config_check: bool = flag("--config.check", _CHECK_HELP, default=False)
    once: bool = flag("--once", _ONCE_HELP, default=False)
    shard_index: int = flag("--shard.index", _SHARD_HELP, 0, _SHARD, metavar="N")
    shard_total: int = flag("--shard.total", "how many shards there are", 1, flags.count(10_000), metavar="N")

    def __post_init__(self) -> None:
        if self.shard_index >= self.shard_total:
            advice = f"there are {self.shard_total}, counted from 0: set --shard.total to as many as there are"
            raise ValueError(f"--shard.index {self.shard_index} is not below --shard.total: {advice}")

    @property
    def shard(self) -> Shard:
        """Return which shard is to be polled."""
        return Shard(self.shard_index, self.shard_total)


def serve_parser() -> Parser[ServeOptions]:
    """Return the parser of the command without a name, which serves."""
    about = "Prometheus exporter for Leadterra campaign statistics."
    return Parser(ServeOptions, "leadterra-exporter", about, _EPILOG)
