"""Bodies that are handed to the system piece by piece, as the client takes them."""

from collections.abc import Iterable, Iterator

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from exporter.web.limits import LARGE, SLICE


class Pieces(Payload):
    """A body of `size` bytes in pieces: the transport gets the next when it has sent most of the last.

    In one, asyncio would copy it, and would keep the copy for as long as a client reads slowly.
    """

    _value: Iterable[bytes]

    def __init__(self, pieces: Iterable[bytes], size: int) -> None:
        super().__init__(pieces)
        self._total = size

    @property
    def size(self) -> int:
        """Give the length in bytes."""
        return self._total

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces, large ones in slices."""
        for piece in self._value:
            if len(piece) <= LARGE:
                yield piece
            else:
                yield from (piece[start : start + SLICE] for start in range(0, len(piece), SLICE))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body."""
        for piece in self:
            await writer.write(piece)
