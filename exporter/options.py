"""What each command may be given, as frozen options; each field has its flag beside it."""

import argparse
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
_SHARD_HELP = "poll only this shard's campaigns; a StatefulSet pod's name, such as leadterra-exporter-2, says it too"
_FAULT_HELP = (
    "let a campaign, or * for all, misbehave: latency:SECONDS or status:CODE[,retry_after:SECONDS], with ,rate:SHARE "
    "and ,count:N; repeatable"
)


def _path(text: str) -> str:
    if not is_free(text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a free path: write one like /metrics')
    return text


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

    web_listen_address: Sequence[str] = flag("--web.listen-address", _LISTEN_HELP, [":10421"], metavar="HOST:PORT")
    web_telemetry_path: str = flag("--web.telemetry-path", "where the metrics are", "/metrics", _path, metavar="PATH")
    web_config_file: Path | None = flag(
        "--web.config.file", "TLS and users; docs/web-config.md", None, Path, metavar="FILE"
    )
    web_enable_lifecycle: bool = flag("--web.enable-lifecycle", "allow POST /-/reload", convert=bool)


@dataclass(frozen=True)
class ServeOptions(WebOptions):
    """The command without a name. `config_auto_reload_interval` is in seconds, None for never."""

    config_file: Path = flag("--config.file", "the configuration", "config.yaml", Path, metavar="FILE")
    config_auto_reload_interval: float | None = flag(
        "--config.auto-reload-interval", _RELOAD_HELP, None, flags.duration, metavar="DURATION"
    )
    config_check: bool = flag("--config.check", _CHECK_HELP, convert=bool)
    once: bool = flag("--once", "poll every campaign once, print the page and end; 1 where a poll failed", convert=bool)
    shard_index: int = flag("--shard.index", _SHARD_HELP, 0, flags.shard_index, metavar="N")
    shard_total: int = flag("--shard.total", "how many shards there are", 1, flags.count, metavar="N")

    def __post_init__(self) -> None:
        if self.shard_index >= self.shard_total:
            advice = f"there are {self.shard_total}, counted from 0: set --shard.total to as many as there are"
            raise ValueError(f"--shard.index {self.shard_index} is not below --shard.total: {advice}")

    @property
    def shard(self) -> Shard:
        """Return which shard is to be polled."""
        return Shard(self.shard_index, self.shard_total)


@dataclass(frozen=True)
class SandboxOptions(LogOptions):
    """The sandbox API. `fault` are as they were written: CAMPAIGN=KIND."""

    listen_address: str = flag("--listen-address", "where the API is", "127.0.0.1:10422", metavar="HOST:PORT")
    speed: float = flag("--speed", "how fast the campaigns' time passes; 60: an hour in a minute", 1, flags.speed)
    seed: int = flag("--seed", "other figures for other seeds", 1, int)
    load_campaigns: int = flag(
        "--load-campaigns", "more campaigns, from camp_load_00001 on", 0, flags.count, metavar="N"
    )
    fault: Sequence[str] = flag("--fault", _FAULT_HELP, [], metavar="CAMPAIGN=KIND", separator=" ")


@dataclass(frozen=True)
class DemoOptions(WebOptions, SandboxOptions):
    """The exporter with a sandbox API."""


def serve_parser() -> Parser[ServeOptions]:
    """Return the parser of the command without a name, which serves."""
    about = "Prometheus exporter for Leadterra campaign statistics."
    return Parser(ServeOptions, "leadterra-exporter", about, epilog=_EPILOG)


def demo_parser() -> Parser[DemoOptions]:
    """Return the parser of the demo command, in which the campaigns' hours pass in minutes."""
    own = {"web_listen_address": ["127.0.0.1:10421"], "listen_address": "127.0.0.1:0", "speed": 60}
    about = "Serve against the built-in sandbox API, which is not the real one."
    return Parser(DemoOptions, "leadterra-exporter demo", about, own)


def sandbox_parser() -> Parser[SandboxOptions]:
    """Return the parser of the sandbox command."""
    about = "Run only the sandbox API, which is not the real one."
    return Parser(SandboxOptions, "leadterra-exporter sandbox", about)
