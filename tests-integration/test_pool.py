"""Keep-alive, limits and what cancellation leaves in the pool, against real servers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tools.webapp.faults import answer_each, answer_then_hold, raw_server, read_head
from tools.webapp.pattern import stream
from whimbrel import ClientSession, ClientTimeout, ServerDisconnectedError, TCPConnector

SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def client_of(session: ClientSession, path: str = "/headers") -> str:
    """Return the address that the server saw this request come from."""
    async with session.get(path) as response:
        address: str = (await response.json())["client"]
        return address


def connector_of(session: ClientSession) -> TCPConnector:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    return connector


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until `condition` holds; pytest-timeout ends what never does."""
    while not condition():  # noqa: ASYNC110  # the pool tells its numbers, not when they change
        await asyncio.sleep(0)


async def test_a_connection_serves_one_request_after_another(session: ClientSession) -> None:
    seen = {await client_of(session) for _ in range(20)}
    assert len(seen) == 1
    statistics = connector_of(session).statistics()
    assert (statistics.opened, statistics.reused) == (1, 19)
    assert (statistics.open, statistics.idle) == (1, 1)


async def test_connection_close_is_obeyed(session: ClientSession) -> None:
    async with session.get("/headers", headers={"Connection": "close"}) as response:
        first = (await response.json())["client"]
    assert connector_of(session).statistics().idle == 0
    assert await client_of(session) != first


async def test_force_close_keeps_nothing(plain: Any) -> None:
    async with ClientSession(plain.url, connector=TCPConnector(force_close=True)) as session:
        seen = {await client_of(session) for _ in range(3)}
        assert len(seen) == 3
        assert connector_of(session).statistics().idle == 0


@pytest.mark.parametrize("limits", [{"limit": 5}, {"limit_per_host": 5}])
async def test_limits_hold_under_concurrency(
    peer: Any, trust: ssl.SSLContext, limits: dict[str, Any]
) -> None:
    connector = TCPConnector(ssl=trust, **limits)
    highest = 0

    async def one() -> str:
        nonlocal highest
        async with session.get("/headers") as response:
            highest = max(highest, connector.statistics().open)
            address: str = (await response.json())["client"]
            return address

    async with ClientSession(peer.url, connector=connector) as session:
        seen = await asyncio.gather(*(one() for _ in range(100)))
        statistics = connector.statistics()
    assert len(set(seen)) <= 5
    assert highest <= 5
    assert (statistics.in_use, statistics.waiting) == (0, 0)
    assert statistics.opened + statistics.reused == 100


async def test_without_a_limit_per_host_others_do_not_wait(plain: Any) -> None:
    """One host that never answers keeps its own slots, not those of the others."""
    connector = TCPConnector(limit_per_host=1)
    async with (
        raw_server(answer_then_hold(b"")) as silent,
        ClientSession(connector=connector) as session,
    ):
        stuck = asyncio.create_task(_get(session, silent.url))
        queued = asyncio.create_task(_get(session, silent.url))
        async with session.get(f"{plain.url}/json") as response:
            assert response.status == 200
        assert connector.statistics().in_use == 1
        for task in (stuck, queued):
            task.cancel()
        await asyncio.gather(stuck, queued, return_exceptions=True)
        assert (connector.statistics().in_use, connector.statistics().waiting) == (0, 0)


async def _get(session: ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        return await response.read()


async def test_a_waiter_that_is_cancelled_passes_its_turn_on(plain: Any) -> None:
    connector = TCPConnector(limit=1)
    async with ClientSession(plain.url, connector=connector) as session:
        holder = await session.get("/bytes/1000000")  # its body keeps the only connection
        first = asyncio.create_task(client_of(session))
        second = asyncio.create_task(client_of(session))
        await until(lambda: connector.statistics().waiting == 2)
        first.cancel()
        await holder.read()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (connector.statistics().in_use, connector.statistics().waiting) == (0, 0)


async def test_an_idle_connection_that_the_server_closed_is_not_used() -> None:
    """The second request goes over a new connection, without an error in between."""
    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    async with (
        raw_server(answer_each(closing)) as server,
        ClientSession(server.url) as session,
    ):
        for _ in range(3):
            assert await _get(session, "/") == b"ok"
        assert server.connections == 3


async def answer_one_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep the connection alive, and close it when it is used again."""
    await read_head(reader)
    writer.write(SMALL)
    await read_head(reader)
    writer.close()


async def test_a_stale_connection_does_not_fail_what_can_be_sent_again() -> None:
    async with (
        raw_server(answer_one_then_close) as server,
        ClientSession(server.url) as session,
    ):
        for _ in range(3):
            assert await _get(session, "/") == b"ok"
        assert server.connections == 3


async def test_a_stale_connection_fails_what_must_not_be_sent_twice() -> None:
    """The server may have done what the POST asked for (RFC 9110 9.2.2)."""
    async with (
        raw_server(answer_one_then_close) as server,
        ClientSession(server.url) as session,
    ):
        assert await _get(session, "/") == b"ok"
        with pytest.raises(ServerDisconnectedError):
            await session.post("/")
        assert server.connections == 1


@pytest.mark.parametrize("kind", ["bytes", "stream"])
async def test_an_early_answer_is_heard_while_sending(kind: str) -> None:
    """The server never reads the body: the answer counts, and the connection is given up."""
    early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
    data: Any = bytes(10_000_000) if kind == "bytes" else stream(10_000_000)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(early)
        await asyncio.Event().wait()

    async with (
        raw_server(answer) as server,
        ClientSession(server.url) as session,
        session.post("/", data=data) as response,
    ):
        assert (response.status, await response.read()) == (413, b"no")
        statistics = connector_of(session).statistics()
        assert (statistics.idle, statistics.in_use) == (0, 0)


async def test_bytes_on_an_idle_connection_answer_nothing() -> None:
    """What comes after a complete response must never be taken for the next one."""
    async with (
        raw_server(answer_each(SMALL + SMALL.replace(b"ok", b"NO"))) as server,
        ClientSession(server.url) as session,
    ):
        for _ in range(3):
            assert await _get(session, "/") == b"ok"
        assert server.connections == 3


@pytest.mark.parametrize("moment", ["head", "body"])
async def test_a_cancelled_request_takes_its_connection_along(
    session: ClientSession, moment: str
) -> None:
    path = "/slow?seconds=30" if moment == "head" else "/drip?count=1000&seconds=0.05"
    started = asyncio.Event()

    async def one() -> None:
        if moment == "head":
            started.set()
        async with session.get(path) as response:
            await response.content.readline()
            started.set()
            await response.read()

    task = asyncio.create_task(one())
    await started.wait()
    connector = connector_of(session)
    await until(lambda: connector.statistics().in_use == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    statistics = connector.statistics()
    assert (statistics.in_use, statistics.waiting) == (0, 0)
    assert statistics.idle == 0
    async with session.get("/json") as response:
        assert response.status == 200


async def test_a_timeout_leaves_no_cancellation_behind(session: ClientSession) -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(TimeoutError):
        await session.get("/slow?seconds=30", timeout=ClientTimeout(total=0.05))
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await session.get("/slow?seconds=30")
    assert task.cancelling() == 0
    async with session.get("/json") as response:
        assert response.status == 200
