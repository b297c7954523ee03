"""What is wrong with a file, each problem with its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its place (line and column count from 1), the key's path, and what to write instead."""

    file: Path
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(Exception):
    """Hold every problem of a file in the file's order; as text, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        once: dict[tuple[int, int, str], Problem] = {}  # an anchor's problem is one, wherever its aliases stand
        for problem in sorted(problems, key=lambda problem: (problem.line, problem.column)):
            once.setdefault((problem.line, problem.column, problem.message), problem)
        self.problems = tuple(once.values())
        super().__init__("\n".join(map(str, self.problems)))
