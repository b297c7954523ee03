"""Flags in Prometheus' style: how they are spelled, set by the environment, and converted."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from exporter import __version__
from exporter.config.times import parse_duration

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
V = TypeVar("V")

_FLAG_OF_A_KEY = r"(?i)-+[\w.-]*(key|token|secret|password)"
_NEVER_A_FLAG = "a secret is never a flag: write api_key_file or api_key_env into the configuration"
_KEY = r"\bsk_\w+"
_KEY_ALONE = re.compile(r"(?<![\w/.-])sk_\w+(?![\w/.])")  # not: a file or folder that has sk_ in its name
_SPELLINGS = {
    "--config.file": ("-c", "-f", "--config"),
    "--web.listen-address": ("-p", "--port", "--listen"),
    "--listen-address": ("-p", "--port", "--listen"),
    "--config.check": ("--check", "--check-config", "--dry-run"),
    "--log.level": ("--verbose",),
}
_SERVE = ("serve", "server", "start", "run")
_COMMANDS = ("demo", "sandbox")
_LEVELS = {"warning": "warn", "err": "error", "critical": "error", "trace": "debug", "notice": "info"}


def environment_variable(flag: str) -> str:
    """Return the name of a flag's environment variable."""
    return "LEADTERRA_EXPORTER_" + re.sub("[.-]", "_", flag.lstrip("-")).upper()


def flag(
    name: str, about: str, default: object, convert: Callable[[str], object] = str, separator: str = ",", **given: Any
) -> Any:
    """Return a field of options that a flag sets: one that is False takes no value, a tuple collects what is given.

    `separator` is what stands between a tuple's entries in the environment.
    """
    given |= {"type": convert, "action": "append" if isinstance(default, tuple) else "store"}
    given = {"action": "store_true"} if default is False else given
    return field(default=default, metadata={"flag": name, "about": about, "separator": separator, "given": given})


class Parser(argparse.ArgumentParser, Generic[T]):
    """A parser that answers a wrong spelling with the right one, and repeats no value that may be a secret.

    `defaults` are those of the command where they differ from its options' own.
    """

    def __init__(
        self, options: type[T], command: str, about: str, epilog: str | None = None, **defaults: object
    ) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(command, description=about, epilog=epilog, allow_abbrev=False, formatter_class=layout)
        version = f"leadterra-exporter {__version__} (Python {sys.version.split()[0]})"
        self.add_argument("--version", action="version", version=version)
        self._options, self._option_defaults = options, defaults
        self._argv: Sequence[str] = ()
        for each in sorted(fields(options), key=lambda each: str(each.metadata["flag"])):
            known, default = each.metadata, defaults.get(each.name, each.default)
            shown = ",".join(default) if isinstance(default, tuple) else default
            text = known["about"] if shown in (None, "") or shown is False else f"{known['about']} (default: {shown})"
            self.add_argument(known["flag"], dest=each.name, default=argparse.SUPPRESS, help=text, **known["given"])

    def _from_environment(self, argv: Sequence[str]) -> Iterator[str]:
        """Yield arguments for the flags that only the environment sets."""
        given = {argument.partition("=")[0] for argument in argv}
        for each in fields(self._options):
            flag = each.metadata["flag"]
            variable = environment_variable(flag)
            text = os.environ.get(variable)
            if not text or flag in given:
                continue
            if text[0] in "\"'" and text[0] == text[-1]:
                self.error(f"{variable} has quotes in it, as docker's --env-file leaves them: remove them")
            if each.default is not False:
                parts = text.split(each.metadata["separator"]) if isinstance(each.default, tuple) else [text]
                yield from (f"{flag}={part}" for part in parts)
            elif text.lower() in ("true", "1"):
                yield flag
            elif text.lower() not in ("false", "0"):
                self.error(f'{variable}: "{text}" is neither: write true or false')

    def parse(self, argv: Sequence[str]) -> T:
        """Read arguments and environment. Ends the process where they are wrong."""
        self._argv = argv
        for argument in argv:
            if _KEY_ALONE.search(argument):
                self.error(_NEVER_A_FLAG)
            flag = argument.partition("=")[0]
            if flag.startswith("-") and flag not in self._option_string_actions:
                self.error(
                    _NEVER_A_FLAG if re.match(_FLAG_OF_A_KEY, flag) else f"unknown flag {flag}: {self._advice(flag)}"
                )
        args, words = self.parse_known_args([*self._from_environment(argv), *argv])
        if words:
            is_file = words[0].endswith((".yaml", ".yml"))
            advice = f"write --config.file={words[0]}" if is_file else self._advice(f"--{words[0]}")
            if words[0] in _SERVE:
                advice = "leave it out, without a command it serves"
            self.error(f'"{words[0]}" is no flag: {advice}')
        try:
            return self._options(**{**self._option_defaults, **vars(args)})
        except ValueError as error:
            self.error(str(error))

    def _advice(self, flag: str) -> str:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        if (command := flag.strip("-").lower()) in _COMMANDS and self.epilog:
            return f"write {command}, as the first word"
        right = [name for name, others in _SPELLINGS.items() if flag in others and name in known]
        right += [name for name in known if re.sub("[-_.]", "", name) == re.sub("[-_.]", "", flag.lower())]
        if flag not in _SPELLINGS:  # not: a right one, of another command
            right += get_close_matches(flag, known, n=1, cutoff=0.75)
        return f"write {right[0]}" if right else f"{self.prog} --help lists all"

    def error(self, message: str) -> NoReturn:
        """Write what is wrong on one line and end the process with status 2."""
        message = re.sub("ignored explicit argument .*", "it takes no value", re.sub(_KEY, "(not shown)", message))
        flag = re.match("argument (--[a-z.-]+)(?=: )", message)
        if flag and not any(argument.partition("=")[0] == flag[1] for argument in self._argv):
            message = environment_variable(flag[1]) + message[flag.end() :]
        self.exit(2, f"{self.prog}: {message}\n")


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of some words."""

    def convert(text: str) -> str:
        if text not in words:
            right = _LEVELS.get(text.lower(), text.lower())
            advice = f"write {right}" if right in words else f"write one of {', '.join(words)}"
            raise argparse.ArgumentTypeError(f'"{text}": {advice}')
        return text

    return convert


def matching(pattern: str, read: Callable[[str], V | None], otherwise: str) -> Callable[[str], V]:
    """Return what reads the last group of a pattern; where there is none, `otherwise` says what is wrong."""

    def convert(text: str) -> V:
        match = re.fullmatch(pattern, text, re.ASCII)
        value = read(match[1]) if match else None
        if value is None:
            raise argparse.ArgumentTypeError(f'"{text}" {otherwise}')
        return value

    return convert


def count(most: int) -> Callable[[str], int]:
    """Return what reads a number from 0 on."""
    at_most = f"is not a number from 0 to {most}"
    return matching("([0-9]{1,9})", lambda digits: int(digits) if int(digits) <= most else None, at_most)


def file(text: str) -> Path:
    """Read the path of a file."""
    if not text or os.path.isdir(text):  # noqa: PTH112 - which is False for what no path can be
        raise argparse.ArgumentTypeError(f'"{text}" is not a file: write one like /etc/leadterra-exporter/config.yaml')
    if text.startswith("~"):
        raise argparse.ArgumentTypeError(f'"{text}" begins with ~, which the shell leaves after =: write $HOME')
    return Path(text)


duration = matching(
    "(.+)",
    lambda text: seconds if (seconds := parse_duration(text)) and seconds >= 1 else None,
    "is not a duration of 1s or more: write one like 30s",
)
"""Reads a duration of a second or more, as seconds."""
