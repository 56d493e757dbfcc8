from __future__ import annotations

import asyncio
import socket

from whimbrel_connector import Attempt, Endpoint, SocketTransport
from whimbrel_connector._remains import clear_away


def attempt() -> Attempt:
    return Attempt(Endpoint("h", 1, False), None)


async def called(made: Attempt) -> None:
    gone = asyncio.Event()
    clear_away(made, gone.set)
    async with asyncio.timeout(5):
        await gone.wait()


def test_nothing_left() -> None:
    done = []
    clear_away(attempt(), lambda: done.append(1))
    assert done == [1]


async def test_socket_that_nobody_took_over_is_closed() -> None:
    made = attempt()
    made.sock, peer = socket.socketpair()
    with peer:
        await called(made)
        assert made.sock.fileno() == -1
        assert peer.recv(1) == b""


async def test_socket_of_a_transport_is_gone_before_it_is_told() -> None:
    made = attempt()
    sock, peer = socket.socketpair()
    with peer:
        transport = made.transport = SocketTransport()
        await asyncio.get_running_loop().create_connection(lambda: transport, sock=sock)
        await called(made)
        assert sock.fileno() == -1
        assert transport.is_closing()


class ToldSocket:
    """A transport's socket as uvloop shows it: it tells what it is, and does nothing."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def fileno(self) -> int:
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        raise TypeError("transport sockets do not support shutdown() method")


class ClosingLater(asyncio.Transport):
    """A transport that closes its socket in the next turn."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": ToldSocket(sock)})
        self._sock = sock

    def is_closing(self) -> bool:
        return self._sock.fileno() == -1

    def write(self, data: object) -> None:
        raise AssertionError("nothing is to be sent")

    def abort(self) -> None:
        asyncio.get_running_loop().call_soon(self._sock.close)


async def test_socket_that_cannot_be_shut_down_is_waited_for() -> None:
    made = attempt()
    sock, peer = socket.socketpair()
    with peer:
        transport = made.transport = SocketTransport()
        transport.connection_made(ClosingLater(sock))
        await called(made)
        assert sock.fileno() == -1


async def test_transport_that_is_only_being_connected_ends_at_once() -> None:
    made = attempt()
    sock, peer = socket.socketpair()
    with peer:
        transport = made.transport = SocketTransport()
        connecting = asyncio.ensure_future(
            asyncio.get_running_loop().create_connection(lambda: transport, sock=sock)
        )
        clear_away(made, lambda: None)
        await connecting
        async with asyncio.timeout(5):
            await transport.wait_closed()
