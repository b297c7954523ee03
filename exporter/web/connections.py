"""The open connections: how many there may be, how long each may keep what it has, and who has to go for whom."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import cast

from exporter.web.limits import FEWEST_READERS, HEAD_WITHIN, IDLE_WITHIN, MOST_KEPT, READ_WITHIN
from exporter.web.pieces import Piece


class Connection(asyncio.Protocol):
    """Stand between a transport and the protocol that speaks HTTP on it, and know what the connection is doing.

    It waits for a request, works on one (`busy`), or hands over an answer, of which it keeps what is not sent yet.
    """

    def __init__(self, among: "Connections", http: asyncio.Protocol, abandon: Callable[[], object]) -> None:
        self._among = among
        self._http = http
        self.abort = abandon  # before there is a transport, in a TLS handshake
        self.busy = False
        self.kept = self.sent = 0
        self._pieces: Iterator[Piece] = iter(())
        self.since = among.now()
        self.deadline = self.since + HEAD_WITHIN
        self._between_requests = False
        among.admit(self)

    def begin(self) -> None:
        """Note that a request's head is complete."""
        self.busy = True
        self.deadline = inf  # what the exporter itself takes is not the client's fault

    def hand_over(self, length: int, pieces: Iterable[Piece] = ()) -> None:
        """Note that an answer of that length is ready to be read; keep its pieces if it is to be taken so."""
        self.since = self._among.now()
        self.deadline = self.since + READ_WITHIN
        self.sent = 0
        self._pieces = iter(pieces)
        self._among.keep(self, length)

    def next_piece(self) -> Piece:
        """Return what is to be sent next of the body; nothing at its end, and when the connection had to go."""
        piece = next(self._pieces, b"")
        self.sent += len(piece)
        return piece

    def let_go(self) -> None:
        """Keep nothing of the body any more."""
        self._pieces = iter(())

    def end(self) -> None:
        """Note that the answer has been read, or will not be."""
        self.busy = False
        self.let_go()
        self._among.keep(self, 0)
        self.deadline = self._among.now() + IDLE_WITHIN
        self._between_requests = True
        self._among.move_to_end(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self.abort = cast("asyncio.Transport", transport).abort
        self._http.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on; between two requests it is the beginning of a head."""
        if self._between_requests and not self.busy:
            self._between_requests = False
            self.deadline = self._among.now() + HEAD_WITHIN
        self._http.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._http.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on, and leave room for another."""
        self._among.forget(self)
        self._http.connection_lost(exc)


class Connections:
    """Keep at most `most` connections; a newcomer always gets in, and the one that waited longest has to go.

    An answer that is not being read stays in memory. Where that gets too much, those go that hold up most.
    """

    def __init__(self, now: Callable[[], float], most: int) -> None:
        self.now = now
        self._most = most
        self._open: dict[Connection, None] = {}  # who did something last stands last
        self._kept = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> None:
        """Take a newcomer in."""
        if len(self._open) >= self._most:
            self.make_room()
        self._open[connection] = None

    def make_room(self) -> None:
        """Close the connection that has waited longest; where none waits, the one that reads worst."""
        waiting = (connection for connection in self._open if not connection.busy)
        if victim := next(waiting, None) or max(self._open, key=self._held_up, default=None):
            self._close(victim)

    def move_to_end(self, connection: Connection) -> None:
        """Let a connection be the last that has to go."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def keep(self, connection: Connection, length: int) -> None:
        """Note what is kept for a connection; where it is too much for all together, close the worst readers."""
        self._kept += length - connection.kept
        connection.kept = length
        while self._kept > MOST_KEPT:
            readers = [connection for connection in self._open if connection.kept]
            if len(readers) <= FEWEST_READERS:
                return
            self._close(max(readers, key=self._held_up))

    def forget(self, connection: Connection) -> None:
        """Note that a connection is gone, and let go of what was kept for it at once."""
        self._kept -= connection.kept
        connection.kept = 0
        connection.let_go()
        self._open.pop(connection, None)

    def close_overdue(self) -> None:
        """Close whatever has passed its deadline."""
        now = self.now()
        for connection in [connection for connection in self._open if connection.deadline <= now]:
            self._close(connection)

    def _held_up(self, connection: Connection) -> float:
        """Say how much is held up for how long: who keeps pace has little left, and who has just come had no time."""
        return (connection.kept - connection.sent) * (self.now() - connection.since)

    def _close(self, connection: Connection) -> None:
        self.forget(connection)
        connection.abort()
