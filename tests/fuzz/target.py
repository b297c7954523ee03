"""What is fuzzed, as the runner sees it."""

from collections.abc import Sequence
from random import Random
from typing import Protocol, Self


class Finding(AssertionError):  # noqa: N818 - it is what fuzzing is for
    """Say what an input broke."""


class Target(Protocol):
    """Make inputs and try them; used as a context manager, as some need a server or a folder."""

    name: str
    batch: int
    """How many inputs are tried at once."""

    def make(self, dice: Random) -> bytes:
        """Make an input; the same dice give the same one."""

    def outcomes(self, inputs: Sequence[bytes]) -> list[str]:
        """Try inputs and name what came of each. Raises whatever they break, most of all Finding."""

    def __enter__(self) -> Self:
        """Get ready."""

    def __exit__(self, *_: object) -> None:
        """Clean up."""
