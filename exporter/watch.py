"""Whether files have changed since they were last looked at."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

_Seen: TypeAlias = tuple[tuple[int, ...], bytes | None]
"""A file's status and the digest of its content."""
_NOTHING: _Seen = ((), None)  # it cannot be read


class FileWatch:
    """Know some files by their content; what stands behind a link counts, as a ConfigMap is renewed by a link."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}

    def look(self, files: Iterable[Path]) -> set[Path]:
        """Return which files are not what they were at the last look, those that have come or gone among them.

        Blocks, for as long as a file system does. A file is read only where its inode, size or times are others.
        """
        old = self._seen
        new = self._seen = {file: _look(file, old.get(file, _NOTHING)) for file in files}
        both = old.keys() | new.keys()
        return {file for file in both if old.get(file, _NOTHING)[1] != new.get(file, _NOTHING)[1]}

    def forget(self) -> None:
        """Find every file changed at the next look."""
        self._seen = dict.fromkeys(self._seen, _NOTHING)


def _look(file: Path, last: _Seen) -> _Seen:
    try:
        found = file.stat()
        # The time of the last change too: a copy may keep the size and the time of the last write.
        status = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
        if last[0] == status:
            return last
        return status, blake2b(file.read_bytes()).digest() if file.is_file() else b""
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return _NOTHING
