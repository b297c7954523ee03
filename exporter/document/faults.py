"""What is wrong with a file, each fault with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its place (line and column count from 1), the key's path, and what to write instead."""

    file: Path
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(Exception):
    """Hold every fault of a file in the file's order; as text, one a line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        once: dict[tuple[int, int, str], Fault] = {}  # an anchor's fault is one, wherever its aliases stand
        for fault in sorted(faults, key=lambda fault: (fault.line, fault.column)):
            once.setdefault((fault.line, fault.column, fault.message), fault)
        self.faults = tuple(once.values())
        super().__init__("\n".join(map(str, self.faults)))
