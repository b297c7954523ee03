"""Who has to go, and when: connections without sockets, on a clock that moves when told."""

import asyncio

import pytest

from exporter.web.connections import Connection, Connections
from exporter.web.limits import FEWEST_READERS, HEAD_WITHIN, IDLE_WITHIN, LARGE, MOST_KEPT, READ_WITHIN
from exporter.web.pieces import Pieces
from tests import build

PAGE = bytes(MOST_KEPT // 8)
PIECES = Pieces([PAGE], len(PAGE))


class Clients:
    """Connections among at most `most`; `gone` are those that had to go, in that order."""

    def __init__(self, most: int = 3) -> None:
        self.clock = build.Clock()
        self.among = Connections(lambda: self.clock.monotonic, most)
        self.gone: list[int] = []

    def come(self) -> Connection:
        number = len(self.among) + len(self.gone)
        return Connection(self.among, asyncio.Protocol(), lambda: self.gone.append(number))

    def wait(self, seconds: float) -> list[int]:
        self.clock.monotonic += seconds
        self.among.close_overdue()
        return self.gone


def test_a_newcomer_gets_in_and_the_one_that_waited_longest_goes() -> None:
    clients = Clients()
    first, second, *_ = [clients.come() for _ in range(3)]
    first.begin()
    first.hand_over(0)
    first.end()  # was answered a moment ago: now the second has waited longest
    clients.come()
    assert clients.gone == [1]
    assert len(clients.among) == 3
    second.connection_lost(None)  # told of later
    assert len(clients.among) == 3


def test_who_leaves_makes_room() -> None:
    clients = Clients()
    first, *_ = [clients.come() for _ in range(3)]
    first.begin()
    first.hand_over(len(PAGE), PIECES)
    first.connection_lost(None)
    assert first.next_piece() == b""
    clients.come()
    assert clients.gone == []


def test_who_is_being_served_does_not_go_for_a_newcomer() -> None:
    clients = Clients()
    clients.come().begin()
    clients.come()
    clients.come().begin()
    clients.come()
    clients.come()
    assert clients.gone == [1, 3]


def test_where_all_are_being_served_the_worst_reader_goes() -> None:
    clients = Clients()
    good, bad, late = [clients.come() for _ in range(3)]
    for client in (good, bad):
        client.begin()
        client.hand_over(len(PAGE), PIECES)
    while good.sent < len(PAGE) - LARGE:
        good.next_piece()
    clients.wait(1)
    late.begin()
    late.hand_over(len(PAGE), PIECES)
    clients.come()
    assert clients.gone == [1]


@pytest.mark.parametrize("said", [b"", b"GET /"])
def test_a_head_has_its_time(said: bytes) -> None:
    clients = Clients()
    client = clients.come()
    assert clients.wait(HEAD_WITHIN - 1) == []
    client.data_received(said)  # gives no more time
    assert clients.wait(1) == [0]


def test_the_next_head_has_its_time_from_its_first_byte() -> None:
    clients = Clients()
    client = clients.come()
    client.begin()
    client.hand_over(0)
    client.end()
    assert clients.wait(IDLE_WITHIN - 1) == []
    client.data_received(b"G")
    assert clients.wait(HEAD_WITHIN - 1) == []
    client.data_received(b"E")
    assert clients.wait(1) == [0]


def test_a_connection_is_closed_when_it_has_been_idle_for_long() -> None:
    clients = Clients()
    client = clients.come()
    client.begin()
    client.end()
    assert clients.wait(IDLE_WITHIN - 0.1) == []
    assert clients.wait(0.1) == [0]


def test_an_answer_has_to_be_read_in_time_however_long_it_took_to_make() -> None:
    clients = Clients()
    client = clients.come()
    client.begin()
    assert clients.wait(3600) == []
    client.hand_over(len(PAGE), PIECES)
    client.next_piece()
    assert clients.wait(READ_WITHIN - 1) == []
    client.next_piece()  # a byte now and then gives no more time
    assert clients.wait(1) == [0]
    assert client.next_piece() == b""


def test_what_is_kept_for_all_readers_together_is_bounded_and_let_go_at_once() -> None:
    clients = Clients(most=100)
    readers = [clients.come() for _ in range(20)]
    for reader in readers:
        reader.begin()
        reader.hand_over(len(PAGE), PIECES)
        clients.wait(0.1)
    assert clients.gone == list(range(12))
    assert [bool(reader.next_piece()) for reader in readers] == [False] * 12 + [True] * 8
    for reader in readers:
        reader.end()
    late = clients.come()
    late.begin()
    late.hand_over(MOST_KEPT)  # all that was kept has been counted back
    assert len(clients.gone) == 12


def test_a_few_readers_are_let_be_however_large_the_page_is() -> None:
    clients = Clients(most=100)
    for _ in range(FEWEST_READERS + 1):
        reader = clients.come()
        reader.begin()
        reader.hand_over(2 * MOST_KEPT)
        clients.wait(0.1)
    assert clients.gone == [0]


def test_pieces_make_up_the_body() -> None:
    client = Clients().come()
    body = bytes(range(256)) * (LARGE // 256) + b"rest"
    client.hand_over(len(body), Pieces([body], len(body)))
    assert b"".join(iter(client.next_piece, b"")) == body
    assert client.sent == len(body)
    assert client.next_piece() == b""
