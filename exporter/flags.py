"""The flags of all commands; each can also be set by an environment variable."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exporter import __version__, log
from exporter.config import durations

_PREFIX = "LEADTERRA_EXPORTER_"
_SHARD_HELP = "poll only this shard's campaigns; a StatefulSet pod's name, such as leadterra-exporter-2, says it too"
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}

_EPILOG = """\
other commands:
  leadterra-exporter demo      serve against the built-in sandbox API: no key, no configuration, no network
  leadterra-exporter sandbox   run only the sandbox API
Each has its own --help. Each flag can also be set by an environment variable: --web.listen-address by
LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS, and so on; a flag that is given wins.
"""


def environment_variable(flag: str) -> str:
    """Name the environment variable of a flag."""
    return _PREFIX + _dest(flag).upper()


def serve_parser() -> argparse.ArgumentParser:
    """Build the parser of the command without a name, which serves."""
    parser = _parser("leadterra-exporter", "Prometheus exporter for Leadterra campaign statistics.", epilog=_EPILOG)
    _add(parser, "--config.file", default="config.yaml", type=Path, metavar="FILE", help="the configuration")
    _add(
        parser,
        "--config.auto-reload-interval",
        default=None,
        type=_duration,
        metavar="DURATION",
        help="how often to look whether the configuration has changed, and load it again; without, never",
    )
    _add_switch(parser, "--config.check", "say what is wrong with the configuration and end; polls nothing")
    _add_switch(parser, "--once", "poll every campaign once, print the page and end; 1 where a poll failed")
    _add_web(parser, listen=":10421")
    _add(parser, "--shard.index", default=0, type=_shard_index, metavar="N", help=_SHARD_HELP)
    _add(parser, "--shard.total", default=1, type=_count, metavar="N", help="how many shards there are")
    _add_log(parser)
    return parser


def demo_parser() -> argparse.ArgumentParser:
    """Build the parser of the demo command."""
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    parser = _parser("leadterra-exporter demo", "Serve against the built-in sandbox API, which is not the real one.")
    _add_web(parser, listen="127.0.0.1:10421")
    sandbox.add_flags(parser)
    parser.set_defaults(config_auto_reload_interval=None)
    parser.set_defaults(speed=60.0, listen_address="127.0.0.1:0")  # the campaigns' hours pass in minutes
    _add_log(parser)
    return parser


def sandbox_parser() -> argparse.ArgumentParser:
    """Build the parser of the sandbox command."""
    from exporter import sandbox  # noqa: PLC0415 - serving does not pay for it

    parser = _parser("leadterra-exporter sandbox", "Run only the sandbox API, which is not the real one.")
    sandbox.add_flags(parser)
    _add_log(parser)
    return parser


def _parser(name: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        name,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"leadterra-exporter {__version__} (Python {sys.version.split()[0]})"
    parser.add_argument("--version", action="version", version=version)
    return parser


def _add_web(parser: argparse.ArgumentParser, *, listen: str) -> None:
    _add(
        parser,
        "--web.listen-address",
        default=[listen],
        type=str,
        action=_Collect,
        metavar="HOST:PORT",
        help="where to listen, repeatable; :0 takes a free port",
    )
    _add(parser, "--web.telemetry-path", default="/metrics", type=_path, metavar="PATH", help="where the metrics are")
    _add(parser, "--web.config.file", default=None, type=Path, metavar="FILE", help="TLS and users; docs/web-config.md")
    _add_switch(parser, "--web.enable-lifecycle", "allow POST /-/reload")


def _add_log(parser: argparse.ArgumentParser) -> None:
    _add(parser, "--log.level", default="info", type=_one_of(*log.LEVELS), help="debug, info, warn or error")
    _add(parser, "--log.format", default="logfmt", type=_one_of("logfmt", "json"), help="logfmt or json")


def _add(parser: argparse.ArgumentParser, flag: str, *, default: object, help: str, **options: Any) -> None:  # noqa: A002 - argparse's word
    text = os.environ.get(environment_variable(flag))
    if text is not None:
        default = text.split(",") if isinstance(default, list) else text
    shown = "" if default is None else f" (default: {','.join(default) if isinstance(default, list) else default})"
    parser.add_argument(flag, dest=_dest(flag), default=default, help=help + shown, **options)


def _add_switch(parser: argparse.ArgumentParser, flag: str, help: str) -> None:  # noqa: A002 - argparse's word
    text = os.environ.get(environment_variable(flag), "false").lower()
    if text not in _SWITCHES:
        parser.error(f'{environment_variable(flag)}: "{text}" is neither true nor false')
    parser.add_argument(flag, dest=_dest(flag), action="store_true", default=_SWITCHES[text], help=help)


def _dest(flag: str) -> str:
    return flag.lstrip("-").replace(".", "_").replace("-", "_")


class _Collect(argparse.Action):
    """Collect a repeatable flag's values; the first one given replaces the default."""

    def __call__(self, _parser: Any, namespace: argparse.Namespace, values: Any, _option: str | None = None) -> None:
        given = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [values] if given is self.default else [*given, values])


def _one_of(*words: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f'"{text}" is none of {", ".join(words)}')
        return text

    return convert


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 0 on')
    return int(text)


def _shard_index(text: str) -> int:
    ordinal = re.fullmatch(r"(?:.+-)?([0-9]+)", text, re.ASCII)
    if ordinal is None:
        advice = "write a number from 0 on, or a pod's name that ends in one, like leadterra-exporter-2"
        raise argparse.ArgumentTypeError(f'"{text}" names no shard: {advice}')
    return int(ordinal[1])


def _duration(text: str) -> float:
    seconds = durations.parse(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration: write one like 30s')
    return seconds


def _path(text: str) -> str:
    taken = ("/", "/config", "/api/v1/campaigns")
    if not text.startswith("/") or text in taken or text.startswith("/-/") or set(text) & set("{}?#"):
        raise argparse.ArgumentTypeError(f'"{text}" is not a free path: write one like /metrics')
    return text
