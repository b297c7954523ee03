"""Bodies that are handed to the system piece by piece, as the client takes them."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from exporter.web.limits import LARGE

Piece: TypeAlias = bytes | memoryview


class Pieces(Payload):
    """A body of `size` bytes in pieces: the transport gets the next when it has sent most of the last.

    In one, asyncio would copy it, and would keep the copy for as long as a client reads slowly.
    """

    _value: Iterable[Piece]

    def __init__(self, pieces: Iterable[Piece], size: int) -> None:
        super().__init__(pieces)
        self._total = size

    @property
    def size(self) -> int:
        """Give the length in bytes."""
        return self._total

    def __iter__(self) -> Iterator[Piece]:
        """Give the pieces, large ones in slices."""
        for piece in self._value:
            if len(piece) <= LARGE:
                yield piece
            else:
                view = memoryview(piece)  # what is cut off a view is not copied
                yield from (view[start : start + LARGE] for start in range(0, len(piece), LARGE))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body."""
        for piece in self:
            await writer.write(piece)
