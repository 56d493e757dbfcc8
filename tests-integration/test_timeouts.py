"""Each timeout, its exception, what it says, and that the session goes on."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tools.webapp.faults import answer_then_hold, deaf_port, raw_server
from whimbrel import (
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerTimeoutError,
    SocketTimeoutError,
    TCPConnector,
)

SHORT = 0.05
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


async def test_total_before_the_head(session: ClientSession) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await session.get("/slow?seconds=30", timeout=ClientTimeout(total=SHORT))


async def test_total_in_the_body(session: ClientSession) -> None:
    timeout = ClientTimeout(total=0.2)
    async with session.get("/drip?count=1000&seconds=0.02", timeout=timeout) as response:
        assert await response.content.readline() == b"drop 0\n"
        with pytest.raises(asyncio.TimeoutError):
            await response.read()


async def test_total_is_not_extended_by_redirects(session: ClientSession) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await session.get("/redirect-to?url=/slow%3Fseconds=30", timeout=ClientTimeout(total=SHORT))


@pytest.mark.parametrize("received", [b"", b"HTTP/1.1 200", HEAD[:-4]])
async def test_sock_read_before_the_head(lone: ClientSession, received: bytes) -> None:
    async with raw_server(answer_then_hold(received)) as server:
        with pytest.raises(SocketTimeoutError, match=r"sock_read"):
            await lone.get(server.url, timeout=ClientTimeout(sock_read=SHORT))


@pytest.mark.parametrize("received", [HEAD, HEAD + b"12345", CHUNKED])
async def test_sock_read_in_the_body(lone: ClientSession, received: bytes) -> None:
    async with raw_server(answer_then_hold(received)) as server:
        timeout = ClientTimeout(sock_read=SHORT)
        async with lone.get(server.url, timeout=timeout) as response:
            with pytest.raises(SocketTimeoutError, match=r"sock_read"):
                await response.read()


async def test_sock_read_is_between_two_pieces(session: ClientSession) -> None:
    """Ten pauses that are each shorter than the limit are fine."""
    timeout = ClientTimeout(sock_read=0.5)
    async with session.get("/drip?count=10&seconds=0.06", timeout=timeout) as response:
        assert (await response.read()).count(b"\n") == 10


async def test_sock_connect(lone: ClientSession) -> None:
    with deaf_port() as port, pytest.raises(ConnectionTimeoutError, match=str(port)):
        await lone.get(f"http://127.0.0.1:{port}/", timeout=ClientTimeout(sock_connect=SHORT))


async def test_connect_limits_the_connecting(lone: ClientSession) -> None:
    with deaf_port() as port, pytest.raises(ConnectionTimeoutError, match=str(port)):
        await lone.get(f"http://127.0.0.1:{port}/", timeout=ClientTimeout(connect=SHORT))


async def test_connect_limits_the_handshake(lone: ClientSession) -> None:
    """A server that takes the connection and never says a word of TLS."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    async with raw_server(silent) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(ServerTimeoutError, match=str(server.port)):
            await lone.get(url, timeout=ClientTimeout(connect=0.2))


async def test_connect_limits_the_waiting_for_a_slot() -> None:
    connector = TCPConnector(limit=1)
    async with (
        raw_server(answer_then_hold(HEAD)) as server,
        ClientSession(connector=connector) as session,
    ):
        async with session.get(server.url):  # its body never comes: the slot stays taken
            with pytest.raises(ConnectionTimeoutError, match=str(server.port)):
                await session.get(server.url, timeout=ClientTimeout(connect=SHORT))
            assert connector.statistics().waiting == 0
        assert connector.statistics().in_use == 0


async def test_the_session_works_after_every_timeout(
    session: ClientSession, trust: ssl.SSLContext
) -> None:
    for timeout in (ClientTimeout(total=SHORT), ClientTimeout(sock_read=SHORT)):
        with pytest.raises(asyncio.TimeoutError):
            await session.get("/slow?seconds=30", timeout=timeout)
    async with session.get("/json") as response:
        assert response.status == 200
