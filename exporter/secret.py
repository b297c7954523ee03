"""An API key: where it comes from, and its value, read again when its file changes and never shown."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog

log = structlog.get_logger()


def keep_out_of_core_dumps() -> None:
    """Let a crash leave no image of the memory, which holds the keys."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


class KeyUnavailableError(Exception):
    """Say why there is no key, naming its file or variable, never its value."""


@dataclass(frozen=True, slots=True)
class KeySource:
    """Name the file or the environment variable that holds a key; exactly one is set."""

    file: Path | None = None
    env: str | None = None

    def __str__(self) -> str:
        return f"file {self.file}" if self.file else f"environment variable {self.env}"

    def read(self) -> str:
        """Return the key, without white space around it. Raises KeyUnavailableError."""
        key = self._content().strip()
        if not key:
            raise KeyUnavailableError(f"{self} is empty")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise KeyUnavailableError(f"{self} holds a character that cannot stand in a key")
        return key

    def _content(self) -> str:
        if self.file is None:
            key = os.environ.get(self.env or "")
            if key is None:
                raise KeyUnavailableError(f"{self} is not set")
            return key
        if self.file.exists() and not self.file.is_file():  # opening a pipe would wait for its writer
            raise KeyUnavailableError(f"{self} is not a file")
        try:
            return self.file.read_text()
        except UnicodeDecodeError:
            raise KeyUnavailableError(f"{self} is not text") from None
        except OSError as error:
            raise KeyUnavailableError(f"{self}: {error.strerror}") from None


class ApiKey:
    """Hold a key's last good value; a file that is gone or empty keeps it."""

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._value: str | None = None
        self._seen: tuple[int, ...] | None = None
        self._is_old = False

    def __repr__(self) -> str:
        return f"<ApiKey from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is neither copied nor written anywhere")

    def value(self) -> str:
        """Return the current key. Raises KeyUnavailableError where there never was one."""
        seen = self._stat()
        if self._value is None or seen != self._seen:
            self._value = self._read(seen)
        return self._value

    def _read(self, seen: tuple[int, ...] | None) -> str:
        try:
            value = self.source.read()
        except KeyUnavailableError as error:
            if self._value is None:
                raise
            if not self._is_old:
                log.warning("the API key cannot be read, the last one stays in use", detail=str(error))
            self._is_old = True
            return self._value  # and is read again at the next use: it may be for want of a descriptor
        if self._is_old:
            log.info("the API key was read again", source=str(self.source))
        self._seen, self._is_old = seen, False
        return value

    def _stat(self) -> tuple[int, ...] | None:
        if self.source.file is None:
            return None
        try:
            status = self.source.file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_ctime_ns  # ctime: a copy may keep the time of the last write
