from __future__ import annotations

import asyncio
import sys
import warnings
from typing import Any

import pytest

from whimbrel_connector import ClientConnectionError, TCPConnector
from whimbrel_connector.interfaces import Transport


async def test_open_lease(serving: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        connection = await connector.acquire(server.endpoint())
        assert not connection.closed
        assert not connection.reused
        assert connection.endpoint == server.endpoint()
        assert connection.queued == 0
        assert isinstance(connection.transport, Transport)
        assert repr(connection) == f"<Connection to {server.endpoint()!r}, open>"
        with pytest.warns(DeprecationWarning, match=r"get_running_loop\(\)"):
            assert connection.loop.is_running()
        connection.close()


@pytest.mark.parametrize("how", ["release", "close", "detach"])
async def test_lease_ends_once(serving: Any, how: str) -> None:
    async with serving() as server, TCPConnector() as connector:
        connection = await connector.acquire(server.endpoint())
        transport = connection.transport
        getattr(connection, how)()
        assert connection.closed
        connection.release()
        connection.close()
        with pytest.raises(ClientConnectionError, match="released, closed or detached"):
            _ = connection.transport
        with pytest.raises(ClientConnectionError, match="released, closed or detached"):
            connection.detach()
        assert transport.is_closing() is (how == "close")
        statistics = connector.statistics()
        assert statistics.idle == (how == "release")
        assert statistics.in_use == (how == "detach")


async def test_lease_of_a_lost_connection_is_closed(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        connection = await connector.acquire(server.endpoint())
        await turns()
        server.writers[0].transport.abort()
        transport: Any = connection.transport
        await transport.wait_closed()
        assert connection.closed
        assert connector.statistics().open == 0
        connection.release()
        assert connector.acquire_nowait(server.endpoint()) is None


async def test_forgotten_lease_closes_and_warns(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        connection = await connector.acquire(server.endpoint())
        transport: Any = connection.transport
        with pytest.warns(ResourceWarning, match=r"unreleased <Connection to <Endpoint http://"):
            del connection
        await transport.wait_closed()
        (await connector.acquire(server.endpoint())).close()


async def test_forgotten_lease_closes_where_warnings_are_errors(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_value))
    async with serving() as server, TCPConnector(limit=1) as connector:
        connection = await connector.acquire(server.endpoint())
        transport: Any = connection.transport
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del connection
        assert [type(exc) for exc in unraisable] == [ResourceWarning]
        async with asyncio.timeout(5):
            await transport.wait_closed()
        assert connector.statistics().in_use == 0


async def test_detached_connection_counts_until_it_is_lost(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        transport = (await connector.acquire(server.endpoint())).detach()
        with pytest.raises(TimeoutError):
            await connector.acquire(server.endpoint(), connect=0.02)
        transport.close()
        (await connector.acquire(server.endpoint())).close()


async def test_detached_connection_is_closed_with_the_connector(serving: Any) -> None:
    async with serving() as server:
        async with TCPConnector() as connector:
            transport = (await connector.acquire(server.endpoint())).detach()
        assert transport.is_closing()
