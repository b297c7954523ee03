"""Who has to go, and when: connections without sockets, in time that passes without waiting."""

import asyncio
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from exporter.web import connections
from exporter.web.connections import FEWEST_READERS, HEAD_WITHIN, IDLE_WITHIN, MOST_UNREAD, READ_WITHIN, Connection
from tests.conftest import VirtualLoop
from tests.process import ROOT

PAGE = MOST_UNREAD // 8


def test_the_documentation_states_it() -> None:
    stated = [
        f"| open connections | {connections.MOST_CONNECTIONS}, ",
        f"to the last header of the first request (with TLS: the handshake too) | {HEAD_WITHIN:.0f} s |",
        f"| from an answer to the next request's last header | {IDLE_WITHIN:.0f} s |",
        f"| reading an answer | {READ_WITHIN:.0f} s |",
        f"| unread answers, all together | {MOST_UNREAD // 2**20} MiB, but at least {FEWEST_READERS} answers |",
        f"| a request's body | {connections.LARGEST_BODY // 2**10} KiB, ",
    ]
    page = (ROOT / "docs" / "limits.md").read_text()
    assert [row for row in stated if row not in page] == []


class Client(Connection):
    """A client's connection; `gone` are the numbers of those that had to go, in that order."""

    def __init__(self, others: connections.Connections, gone: list[int], number: int) -> None:
        super().__init__(others, web.Server(lambda _: None))  # type: ignore[arg-type,return-value]  # asked for nothing
        self.gone, self.number = gone, number
        self.reader: Any = SimpleNamespace(output_size=0)

    def gets(self, length: int = PAGE) -> None:
        self.answer(length, self.reader)

    def reads(self, length: int = 1) -> None:
        self.reader.output_size += length

    def give_up(self) -> None:
        self.gone.append(self.number)
        super().give_up()


class Clients:
    """Clients of a server that lets in `most`."""

    def __init__(self, most: int = 3) -> None:
        self.connections, self.numbers = connections.Connections(most), count()
        self.gone: list[int] = []

    def come(self, *steps: Callable[[Client], None]) -> Client:
        client = Client(self.connections, self.gone, next(self.numbers))
        for step in steps:
            step(client)
        return client


ASKS, GETS, SERVED = Client.begin, Client.gets, Client.end
LIVES: list[tuple[float, list[tuple[float, Callable[[Client], None]]]]] = [
    (HEAD_WITHIN, []),
    (IDLE_WITHIN, [(0, ASKS), (0, SERVED)]),
    (300 + IDLE_WITHIN, [(0, ASKS), (0, SERVED), (300, ASKS), (300, SERVED)]),
    (3600 + READ_WITHIN, [(0, ASKS), (3600, GETS)]),  # what the exporter itself takes is not the client's fault
    (READ_WITHIN, [(0, ASKS), (0, GETS), (59, Client.reads)]),  # gives no more time
]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.mark.parametrize(("end", "life"), LIVES)
async def test_a_connection_is_closed_when_its_time_is_up(end: float, life: list[Any]) -> None:
    loop, clients = asyncio.get_running_loop(), Clients()
    client = clients.come()
    for at, step in life:
        await asyncio.sleep(at - loop.time())
        assert clients.gone == []
        step(client)
    await asyncio.sleep(end - loop.time() - 0.5)
    assert clients.gone == []
    await asyncio.sleep(0.5)
    assert (clients.gone, len(clients.connections)) == ([0], 0)


async def test_a_newcomer_gets_in_and_the_one_that_waited_longest_goes() -> None:
    clients = Clients()
    clients.come(ASKS)
    served = clients.come(ASKS)
    waiting = clients.come()
    served.end()  # a moment ago: now the other has waited longest
    newcomer = clients.come()
    assert clients.gone == [2]
    waiting.connection_lost(None)  # comes later, and makes no more room
    clients.come()
    assert clients.gone == [2, 1]
    newcomer.connection_lost(None)
    clients.come(ASKS)
    assert clients.gone == [2, 1]


async def test_where_all_are_being_served_the_worst_reader_goes() -> None:
    clients = Clients()
    clients.come(ASKS, GETS).reads(PAGE - 1)
    clients.come(ASKS, GETS)
    await asyncio.sleep(1)
    clients.come(ASKS, GETS)
    clients.come()
    assert clients.gone == [1]


async def test_what_is_unread_is_bounded_for_all_together_but_a_few_are_let_be_however_large_the_page_is() -> None:
    clients, readers = Clients(most=100), []
    for _ in range(20):
        readers.append(clients.come(ASKS, GETS))
        await asyncio.sleep(0.1)
    assert clients.gone == list(range(12))
    for reader in readers:
        reader.end()
    for _ in range(FEWEST_READERS + 1):
        assert len(clients.gone) == 12
        clients.come(ASKS).gets(2 * MOST_UNREAD)
        await asyncio.sleep(0.1)
    assert clients.gone[12:] == [20]
