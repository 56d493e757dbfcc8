"""What `acquire` tells a trace, and what a trace cannot break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from whimbrel_connector import (
    ClientConnectionError,
    ClientConnectorError,
    ConnectionEvent,
    TCPConnector,
)
from whimbrel_connector import ConnectionStage as Stage
from whimbrel_connector.testing import RecordingTrace


async def until(condition: Callable[[], object]) -> None:
    """Let the loop go round until `condition` holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # nobody tells when it does
            await asyncio.sleep(0)


async def use(connector: TCPConnector, endpoint: Any) -> None:
    (await connector.acquire(endpoint)).release()


_NEW = [Stage.CREATE_START, Stage.CONNECT_START, Stage.CONNECT_END, Stage.CREATE_END]


async def test_trace_of_a_new_and_of_a_used_connection(serving: Any) -> None:
    async with serving() as server, TCPConnector() as connector:
        endpoint = server.endpoint()
        for expected in (_NEW, [Stage.REUSED]):
            trace = RecordingTrace()
            connection = await connector.acquire(endpoint, trace=trace)
            assert trace.stages == expected
            assert all(event.endpoint is endpoint for event in trace.events)
            assert connection.reused == (expected is not _NEW)
            connection.release()


async def test_trace_of_waiting(serving: Any, turns: Any) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        first = await connector.acquire(server.endpoint())
        trace = RecordingTrace()
        waiting = asyncio.ensure_future(connector.acquire(server.endpoint(), trace=trace))
        await turns()
        assert trace.stages == [Stage.QUEUED_START]
        first.release()
        (await waiting).close()
        assert trace.stages == [Stage.QUEUED_START, Stage.QUEUED_END, Stage.REUSED]


async def test_trace_of_waiting_for_the_socket_that_makes_room(serving: Any) -> None:
    async with serving() as one, serving() as two, TCPConnector(limit=1) as connector:
        await use(connector, one.endpoint())
        trace = RecordingTrace()
        connection = await connector.acquire(two.endpoint(), trace=trace)
        assert trace.stages == [Stage.QUEUED_START, Stage.QUEUED_END, *_NEW]
        assert connection.queued > 0
        connection.close()


@pytest.mark.parametrize("stage", [Stage.QUEUED_START, Stage.QUEUED_END, Stage.REUSED, *_NEW])
@pytest.mark.parametrize("failure", [OSError("no"), TimeoutError("no"), asyncio.CancelledError()])
@pytest.mark.parametrize("new", [True, False])
async def test_nothing_is_lost_when_a_trace_fails(
    serving: Any, turns: Any, stage: Stage, failure: BaseException, new: bool
) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        endpoint = server.endpoint()
        connection = await connector.acquire(endpoint)
        trace = RecordingTrace({stage: failure})
        waiting = asyncio.ensure_future(connector.acquire(endpoint, trace=trace, fresh=new))
        await turns()
        behind = asyncio.ensure_future(connector.acquire(endpoint))
        await turns()
        connection.release()
        await asyncio.wait([waiting])
        if stage in trace.stages:
            with pytest.raises(type(failure)) as caught:
                await waiting
            assert caught.value is failure or stage is Stage.QUEUED_START
        else:
            (await waiting).close()
        async with asyncio.timeout(5):
            (await behind).release()
        statistics = connector.statistics()
        assert (statistics.open, statistics.idle, statistics.waiting) == (1, 1, 0)


async def test_connection_that_is_lost_while_the_trace_is_told_of_it_is_replaced(
    serving: Any, ask: Any
) -> None:
    async with serving() as server, TCPConnector(limit=1) as connector:
        await use(connector, server.endpoint())

        class Trace:
            stages: ClassVar[list[Stage]] = []

            async def connection_event(self, event: ConnectionEvent) -> None:
                self.stages.append(event.stage)
                if event.stage is Stage.REUSED:
                    server.writers[0].transport.abort()
                    await until(lambda: not connector.statistics().open)

        async with asyncio.timeout(5):
            connection = await connector.acquire(server.endpoint(), trace=Trace())
        assert Trace.stages == [Stage.REUSED, *_NEW]
        assert not connection.reused
        assert await ask(connection.transport) == b"ping"
        connection.close()


async def test_bytes_that_come_while_the_trace_is_told_make_a_connection_unfit(
    serving: Any,
) -> None:
    async with serving() as server, TCPConnector() as connector:

        class Trace:
            async def connection_event(self, event: ConnectionEvent) -> None:
                if event.stage is Stage.CREATE_END:
                    await until(lambda: server.writers)
                    server.writers[0].write(b"HTTP/1.1 200 OK\r\n\r\n")

        with pytest.raises(ClientConnectorError, match="spoke first"):
            await connector.acquire(server.endpoint(), trace=Trace())
        await until(lambda: not connector.statistics().open)


@pytest.mark.parametrize("stage", [Stage.QUEUED_START, Stage.QUEUED_END, Stage.REUSED, *_NEW])
@pytest.mark.parametrize("new", [True, False])
async def test_trace_that_blocks_is_bounded_and_ended_by_close(
    serving: Any, turns: Any, stage: Stage, new: bool
) -> None:
    class Trace(RecordingTrace):
        async def connection_event(self, event: ConnectionEvent) -> None:
            await super().connection_event(event)
            if event.stage is stage:
                await asyncio.get_running_loop().create_future()

    async with serving() as server:
        connector = TCPConnector(limit=1)
        endpoint = server.endpoint()
        for end in ("timeout", "close"):
            connection = await connector.acquire(endpoint)
            trace = Trace()
            waiting = asyncio.ensure_future(
                connector.acquire(
                    endpoint, trace=trace, fresh=new, connect=0.05 if end == "timeout" else None
                )
            )
            await turns()
            connection.release()
            if (stage is Stage.REUSED) == new and not stage.name.startswith("QUEUED"):
                (await waiting).release()  # it has no such stage
                continue
            await until(lambda: stage in trace.stages)  # noqa: B023  # at once
            if end == "close":
                await connector.close()
            with pytest.raises(ClientConnectionError, match=r"connect|closed while"):
                await waiting
        await connector.close()
        statistics = connector.statistics()
        assert (statistics.open, statistics.connecting, statistics.waiting) == (0, 0, 0)


async def test_expiry_of_a_connection_whose_trace_failed_is_watched(serving: Any) -> None:
    """Its timer may have gone by while it was neither idle nor leased."""
    async with serving() as server, TCPConnector(keepalive_timeout=0.05) as connector:
        connection = await connector.acquire(server.endpoint())
        transport: Any = connection.transport
        connection.release()

        class Trace:
            async def connection_event(self, event: ConnectionEvent) -> None:
                await asyncio.sleep(0.1)  # longer than the connection may be idle
                raise OSError("no")

        with pytest.raises(OSError, match="no"):
            await connector.acquire(server.endpoint(), trace=Trace())
        async with asyncio.timeout(5):
            await transport.wait_closed()
