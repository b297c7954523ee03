"""An API key: where it comes from, and its value, which nothing shows."""

import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

_PLACEHOLDER = "is a placeholder, not a key"
_MISTAKES = (
    ("", "is empty"),
    ("\ufeff.*", "begins with a byte order mark (BOM): save it as UTF-8 without one"),
    (r".*[\r\n].*", "has more than one line: leave only the key"),
    (".*[\"'`\u2018-\u201f].*", "has quotes in it: leave only the key"),
    (r".*\bbearer\s.*", "has Bearer in front of the key: leave only the key"),
    (r"(export\s+)?[a-z_][\w.-]*(\s*=[^=]|:\s).*", "has a name in front of the key: leave only the key"),
    (r"([a-z][a-z0-9+.-]*://|arn:|vault:).*", "holds an address, not a key"),
    (r"([/~@]|\.{1,2}/|file:|[a-z]:\\).*", "holds a path, not a key: api_key_file names a file"),
    (r".*(\*{3}|\u2022|\u2026|\.{3}).*", "is masked: copy the whole key"),
    (r"[<{\[($%].*|.*your[_-]?(api[_-]?)?key.*|.*(change|replace)[_-]?me|to-?do|secret|null|none", _PLACEHOLDER),
    (r"(sk_((live|test)_)?)?(x{3,}|example|redacted|dummy|undefined)", _PLACEHOLDER),
    (r"(enc\[|age-encryption).*", "is still encrypted: decrypt it"),
    (r".*[,;].*", "has a comma or semicolon in it: leave only the key"),
    (r".*\\.*", "has a backslash in it: leave only the key"),
    ("c2tf.*", "is still in Base64: decode it"),
    (r".*\s.*", "has a blank in it: leave only the key"),
    (".{1001,}", "is longer than 1000 characters, which no key is"),
    (r".*[^\x21-\x7e].*", "has a character that cannot stand in a key"),
)
"""What people have in place of a key, as a pattern without regard to case, and what to say of it, the value never."""


def keep_out_of_core_dumps() -> None:
    """Allow no image of the memory, which holds the keys, when the process crashes."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


class KeyUnavailableError(Exception):
    """Report why there is no key, naming its file or variable, never its value."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A key's value: nothing shows it, and it is neither copied nor written anywhere."""

    _value: str

    def reveal(self) -> str:
        """Return the value, for the one request header that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor written anywhere")


class KeySource(NamedTuple):
    """The file or the environment variable that holds a key; exactly one is set."""

    file: Path | None = None
    env: str | None = None

    def __str__(self) -> str:
        return f"file {self.file}" if self.file else f"environment variable {self.env}"

    def read(self) -> Secret:
        """Return the key without white space around it. Raises KeyUnavailableError, which says what is wrong."""
        key = os.environ.get(self.env or "") if self.file is None else self._of_file(self.file)
        if key is None:
            raise KeyUnavailableError(f"{self} is not set")
        key = key.strip()
        for pattern, problem in _MISTAKES:
            if re.fullmatch(pattern, key, re.IGNORECASE | re.DOTALL):
                raise KeyUnavailableError(f"{self} {problem}")
        return Secret(key)

    def _of_file(self, file: Path) -> str:
        try:
            if file.exists() and not file.is_file():  # opening a pipe would wait for its writer
                raise KeyUnavailableError(f"{self} is not a file")
            return file.read_text("utf-8")
        except UnicodeDecodeError:
            raise KeyUnavailableError(f"{self} is not UTF-8 text") from None
        except OSError as error:
            raise KeyUnavailableError(f"{self}: {error.strerror}") from None
