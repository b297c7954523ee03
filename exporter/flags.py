"""Flags in Prometheus' style: how they are spelled, set by the environment, and converted."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from exporter import __version__
from exporter.config.times import parse_duration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_SWITCHES = {"true": True, "1": True, "false": False, "0": False}
_SECRET = re.compile(r"-+[\w.-]*(key|token|secret|password)", re.IGNORECASE)
_NEVER_A_FLAG = "a secret is never a flag: write api_key_file or api_key_env into the configuration"
_KEY = re.compile(r"\bsk_\w+")
_SPELLINGS = {
    "--config.file": ("-c", "--config", "--config.file"),  # the last: a command without it has --web.config.file
    "--web.listen-address": ("-p", "--port", "--listen"),
    "--config.check": ("--check", "--check-config", "--dry-run"),
    "--log.level": ("--verbose",),
}
_LEVELS = {"warning": "warn", "err": "error", "critical": "error", "trace": "debug", "notice": "info"}


def environment_variable(flag: str) -> str:
    """Return the name of a flag's environment variable."""
    return "LEADTERRA_EXPORTER_" + re.sub("[.-]", "_", flag.lstrip("-")).upper()


def flag(name: str, about: str, default: object = None, convert: Callable[[str], object] = str, **more: str) -> Any:
    """Return a field of options that a flag sets: a bool takes no value, a list collects what is given.

    `separator` is what stands between a list's entries in the environment.
    """
    return field(metadata={"flag": name, "help": about, "default": default, "type": convert, **more})


class Parser(argparse.ArgumentParser, Generic[T]):
    """A parser that answers a wrong spelling with the right one, and repeats no value that may be a secret."""

    def __init__(
        self, options: type[T], command: str, about: str, own: Mapping[str, object] = {}, epilog: str | None = None
    ) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(command, description=about, epilog=epilog, allow_abbrev=False, formatter_class=layout)
        version = f"leadterra-exporter {__version__} (Python {sys.version.split()[0]})"
        self.add_argument("--version", action="version", version=version)
        self._options = options
        for each in sorted(fields(options), key=lambda each: str(each.metadata["flag"])):
            given = {**each.metadata, "dest": each.name}
            self._add(given.pop("flag"), own.get(each.name, given.pop("default")), **given)

    def _add(self, flag: str, default: Any, separator: str = ",", **given: Any) -> None:
        """Add a flag; its default is its environment variable's value where that is set."""
        variable = environment_variable(flag)
        text = os.environ.get(variable)
        if given["type"] is bool:
            default = _SWITCHES.get((text or "false").lower())
            if default is None:
                self.error(f'{variable}: "{text}" is neither true nor false')
            self.add_argument(flag, action="store_true", default=default, dest=given["dest"], help=given["help"])
            return
        repeatable = isinstance(default, list)
        if text:
            default = text.split(separator) if repeatable else text
        shown = ",".join(default) if repeatable else default
        given["help"] += "" if shown in (None, "") else f" (default: {shown})"
        self.add_argument(flag, action=Collect if repeatable else "store", default=default, **given)

    def parse(self, argv: Sequence[str]) -> T:
        """Read arguments. Ends the process where they are wrong."""
        for argument in argv:
            flag = argument.partition("=")[0]
            if flag.startswith("-") and flag not in self._option_string_actions:
                self.error(_NEVER_A_FLAG if _SECRET.match(flag) else f"unknown flag {flag}: {self._advice(flag)}")
        args, words = self.parse_known_args(argv)
        if words:
            is_file = words[0].endswith((".yaml", ".yml"))
            advice = f"write --config.file={words[0]}" if is_file else self._advice(f"--{words[0]}")
            self.error(f'"{words[0]}" is no flag: {advice}')
        try:
            return self._options(**vars(args))
        except ValueError as error:
            self.error(str(error))

    def _advice(self, flag: str) -> str:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        right = [name for name, others in _SPELLINGS.items() if flag in others]
        right += [name for name in known if re.sub("[-_.]", "", name) == re.sub("[-_.]", "", flag.lower())]
        right += get_close_matches(flag, known, n=1, cutoff=0.75)
        return f"write {right[0]}" if right and right[0] in known else f"{self.prog} --help lists all"

    def error(self, message: str) -> NoReturn:
        """Write what is wrong on one line and end the process with status 2."""
        message = re.sub("ignored explicit argument .*", "it takes no value", _KEY.sub("(not shown)", message))
        self.exit(2, f"{self.prog}: {message}\n")


class Collect(argparse.Action):
    """Collect a repeatable flag's values; the first one given replaces the default."""

    def __call__(self, _parser: Any, namespace: argparse.Namespace, values: Any, _option: str | None = None) -> None:
        """Collect one value."""
        given = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [values] if given is self.default else [*given, values])


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of some words."""

    def convert(text: str) -> str:
        if text not in words:
            right = _LEVELS.get(text.lower(), text.lower())
            advice = f"write {right}" if right in words else f"write one of {', '.join(words)}"
            raise argparse.ArgumentTypeError(f'"{text}": {advice}')
        return text

    return convert


def count(text: str) -> int:
    """Read a number from 0 on."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 0 on')
    return int(text)


def speed(text: str) -> float:
    """Read a factor from 0 on."""
    speed = float(text)
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError("write a number from 0 on, such as 60")
    return speed


def shard_index(text: str) -> int:
    """Read a shard's index, or a pod's name that ends in one."""
    ordinal = re.fullmatch(r"(?:.+-)?([0-9]+)", text, re.ASCII)
    if ordinal is None:
        advice = "write a number from 0 on, or a pod's name that ends in one, like leadterra-exporter-2"
        raise argparse.ArgumentTypeError(f'"{text}" names no shard: {advice}')
    return int(ordinal[1])


def duration(text: str) -> float:
    """Read a duration, as seconds."""
    seconds = parse_duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration: write one like 30s')
    return seconds
