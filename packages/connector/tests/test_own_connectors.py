"""A connector for another kind of socket, as users may write it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from whimbrel_connector import (
    Attempt,
    BaseConnector,
    ClientConnectorError,
    Endpoint,
    SocketTransport,
)


async def use(connector: BaseConnector, endpoint: Endpoint) -> bool:
    """Lease a connection, give it back, and tell whether it was used before."""
    connection = await connector.acquire(endpoint)
    connection.release()
    return connection.reused


class PairConnector(BaseConnector):
    """Connects to the other end of a socket pair; keeps that in `peers`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.peers: list[socket.socket] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def _create_connection(self, attempt: Attempt) -> SocketTransport:
        attempt.begin("making a pair")
        mine, peer = socket.socketpair()
        self.peers.append(peer)
        transport = attempt.transport = SocketTransport(attempt.timings)
        await asyncio.get_running_loop().create_connection(lambda: transport, sock=mine)
        await self.gate.wait()
        return transport

    async def _close_resources(self) -> None:
        for peer in self.peers:
            peer.close()


async def test_connector_of_ones_own(ask: Any) -> None:
    endpoint = Endpoint("h", 1, False)
    async with PairConnector(limit=1) as connector:
        connection = await connector.acquire(endpoint)
        connection.transport.write(b"hello")
        assert connector.peers[0].recv(5) == b"hello"
        connection.release()
        assert await use(connector, endpoint)
        connector.peers[0].close()
        assert not await use(connector, endpoint)


async def test_connector_of_ones_own_leaves_nothing_when_it_is_cancelled(turns: Any) -> None:
    endpoint = Endpoint("h", 1, False)
    async with PairConnector(limit=1) as connector:
        connector.gate.clear()
        task = asyncio.ensure_future(connector.acquire(endpoint))
        behind = asyncio.ensure_future(connector.acquire(endpoint))
        await turns()
        task.cancel()
        await asyncio.wait([task])
        connector.peers[0].settimeout(5)
        assert connector.peers[0].recv(1) == b""
        connector.gate.set()
        (await behind).close()


async def test_connector_of_ones_own_with_a_server_that_speaks_first(turns: Any) -> None:
    endpoint = Endpoint("h", 1, False)
    async with PairConnector(limit=1) as connector:
        connector.gate.clear()
        task = asyncio.ensure_future(connector.acquire(endpoint))
        await turns()
        connector.peers[0].send(b"220 ready")
        connector.gate.set()
        with pytest.raises(ClientConnectorError, match=r"spoke first.*making a pair"):
            await task
        await turns()
        assert connector.statistics().per_host == {}


@pytest.mark.parametrize("what", ["None", "_SelectorSocketTransport"])
async def test_what_is_no_socket_transport_is_told_and_costs_no_place(what: str) -> None:
    """Code written for aiohttp returns a protocol; others may return asyncio's transport."""

    class Wrong(PairConnector):
        async def _create_connection(self, attempt: Attempt) -> Any:
            transport = await super()._create_connection(attempt)
            attempt.transport = None
            inner = transport.inner
            transport.abort()
            return None if what == "None" else inner

    async with Wrong(limit=1) as connector:
        for _ in range(2):
            with pytest.raises(TypeError, match=rf"Wrong\._create_connection .*, not {what}"):
                await connector.acquire(Endpoint("h", 1, False), connect=5.0)
        assert connector.statistics().connecting == 0


async def test_base_connector_establishes_nothing() -> None:
    async with BaseConnector() as connector:
        with pytest.raises(NotImplementedError):
            await connector.acquire(Endpoint("h", 1, False))
        assert connector.statistics().connecting == 0
