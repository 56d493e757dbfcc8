"""Closing a connector, or forgetting to."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import sys
import time
import warnings
from typing import Any

import pytest

from whimbrel_connector import (
    BaseConnector,
    ClientConnectionError,
    Endpoint,
    TCPConnector,
    UnixConnector,
)
from whimbrel_connector.testing import RecordingReceiver


async def use(connector: TCPConnector, endpoint: Endpoint) -> None:
    """Lease a connection and give it back."""
    (await connector.acquire(endpoint)).release()


async def test_close_ends_everything(
    serving: Any, turns: Any, full_backlog: tuple[str, int]
) -> None:
    async with serving() as server:
        connector = TCPConnector(limit=3)
        endpoint = server.endpoint()
        leased = await connector.acquire(endpoint)
        (idle := await connector.acquire(endpoint)).release()
        blocked = Endpoint(*full_backlog, False)
        tasks = [
            asyncio.ensure_future(connector.acquire(blocked)),  # evicts the idle one
            asyncio.ensure_future(connector.acquire(blocked)),
            asyncio.ensure_future(connector.acquire(endpoint)),
            asyncio.ensure_future(connector.acquire(endpoint, connect=9.0)),
        ]
        await turns()
        assert connector.statistics().waiting == 2
        transport = leased.transport
        began = asyncio.get_running_loop().time()
        await connector.close()
        assert asyncio.get_running_loop().time() - began < 0.5
        assert connector.closed
        assert idle.closed
        assert transport.is_closing()
        for task in tasks:
            with pytest.raises(ClientConnectionError, match="connector was closed while"):
                await task
        statistics = connector.statistics()
        assert statistics.open == statistics.connecting == statistics.waiting == 0
        await connector.close()
        leased.release()
        with pytest.raises(ClientConnectionError, match="Connector is closed"):
            connector.acquire_nowait(endpoint)
        for fresh in (False, True):
            with pytest.raises(ClientConnectionError, match="Connector is closed"):
                await connector.acquire(endpoint, fresh=fresh)


async def test_close_in_the_turn_of_a_grant(serving: Any, turns: Any) -> None:
    async with serving() as server:
        connector = TCPConnector(limit=1)
        connection = await connector.acquire(server.endpoint())
        waiting = asyncio.ensure_future(connector.acquire(server.endpoint()))
        await turns()
        connection.release()
        await connector.close()
        with pytest.raises(ClientConnectionError):
            await waiting


async def test_close_in_the_turn_in_which_a_timeout_expires(serving: Any, turns: Any) -> None:
    async with serving() as server:
        connector = TCPConnector(limit=1)
        connection = await connector.acquire(server.endpoint())
        loop = asyncio.get_running_loop()
        now = loop.create_future()
        loop.call_later(0.01, now.set_result, None)
        waiting = asyncio.ensure_future(connector.acquire(server.endpoint(), connect=0.01))
        await turns()
        # Both timers are due in one turn, and this task goes first.
        time.sleep(0.02)  # noqa: ASYNC251  # to block the loop is the point
        await now
        await connector.close()
        with pytest.raises(ClientConnectionError):
            await waiting
        assert connection.closed
        connection.release()


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("how", ["leased", "detached"])
async def test_close_tells_those_in_use_why(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, tls: bool, how: str
) -> None:
    """It is not the server who is to blame."""
    async with serving(tls=server_tls() if tls else None) as server:
        connector = TCPConnector(ssl=trusting)
        endpoint = server.endpoint(is_ssl=tls, host="localhost")
        connection = await connector.acquire(endpoint)
        receiver = RecordingReceiver()
        transport = connection.transport if how == "leased" else connection.detach()
        transport.set_receiver(receiver)
        await connector.close()
        await receiver.until_called("connection_lost")
        assert receiver.calls == ["connection_lost"]
        assert type(receiver.exc) is ClientConnectionError
        assert str(receiver.exc) == "the connector was closed"
        connection.release()


@pytest.mark.parametrize("how", ["leased", "detached"])
async def test_who_closes_a_connection_is_not_told_of_the_connector(serving: Any, how: str) -> None:
    async with serving() as server:
        connector = TCPConnector()
        connection = await connector.acquire(server.endpoint())
        receiver = RecordingReceiver()
        transport = connection.transport if how == "leased" else connection.detach()
        transport.set_receiver(receiver)
        transport.close()
        await connector.close()
        assert receiver.calls == ["connection_lost"]
        assert receiver.exc is None
        connection.release()


async def test_close_does_not_wait_for_a_tls_peer_that_does_not_answer(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any
) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket")
        await asyncio.get_running_loop().create_future()

    async with serving(deaf, tls=server_tls()) as server:
        connector = TCPConnector(ssl=trusting)
        connection = await connector.acquire(server.endpoint(is_ssl=True, host="localhost"))
        connection.transport.write(bytes(1 << 22))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await connector.close()
        assert loop.time() - began < 0.5
        connection.release()
    assert connector.statistics().open == 0


async def test_tls_peer_is_told_of_the_end(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, ask: Any
) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                writer.write(data)
        finally:
            in_order = reader.at_eof() and not reader.exception()
            ended.set_result("in order" if in_order else "cut off")

    async with serving(listen, tls=server_tls()) as server:
        async with TCPConnector(ssl=trusting) as connector:
            connection = await connector.acquire(server.endpoint(is_ssl=True, host="localhost"))
            await ask(connection.transport)
            connection.release()
        async with asyncio.timeout(5):
            assert await ended == "in order"


async def test_close_before_use_and_without_connections() -> None:
    for connector in (TCPConnector(), BaseConnector(), UnixConnector("/nowhere")):
        await connector.close()
        assert connector.closed


def test_unclosed_connector_closes_and_warns(recwarn: pytest.WarningsRecorder) -> None:
    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        connector = TCPConnector()
        await use(connector, Endpoint("127.0.0.1", listener.getsockname()[1], False))
        listener.close()
        with pytest.warns(ResourceWarning, match=r"unclosed connector, made at .*test_draining"):
            del connector  # there is no reference cycle, so that this is its end
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())


def test_unclosed_connector_closes_where_warnings_are_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_value))

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connector = TCPConnector()
            await use(connector, Endpoint("127.0.0.1", listener.getsockname()[1], False))
            peer, _ = listener.accept()
            with peer, warnings.catch_warnings():
                warnings.simplefilter("error")
                del connector
                peer.setblocking(False)
                async with asyncio.timeout(5):
                    assert await asyncio.get_running_loop().sock_recv(peer, 1) == b""

    asyncio.run(main())
    assert [type(exc) for exc in unraisable] == [ResourceWarning]


def test_unused_connector_needs_no_close() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TCPConnector()
        gc.collect()
