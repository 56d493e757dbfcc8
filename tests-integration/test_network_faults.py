"""Networks that misbehave: dead addresses, resets, half closes, lost idle connections.

Each time: which exception, in which phase, that nothing is left open, that the session goes on.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from tools.webapp.certificates import Certificate
from tools.webapp.expectations import assert_still_works, assert_tells, fetch
from tools.webapp.faults import (
    Handler,
    RawServer,
    answer_each,
    deaf,
    raw_server,
    read_head,
    send_reset,
)
from whimbrel import (
    ClientConnectionError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientOSError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    TCPConnector,
)
from whimbrel_connector.testing import ScriptedResolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"

V4, V6 = "127.0.0.1", "::1"
SHORT, LONG = 0.1, 20.0


# One name with two addresses, one or both of which are dead


class Twin:
    """The same port of 127.0.0.1 and ::1; nothing listens there until it is told to."""

    def __init__(self) -> None:
        self.sockets = {V4: socket.socket(), V6: socket.socket(socket.AF_INET6)}
        self.sockets[V4].bind((V4, 0))
        self.port: int = self.sockets[V4].getsockname()[1]
        self.sockets[V6].bind((V6, self.port))
        self.url = f"http://twin.test:{self.port}/"

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()

    def dies(self, address: str, how: str) -> AbstractContextManager[None]:
        """Let the address refuse connections, or swallow them."""
        return deaf(self.sockets[address]) if how == "swallows" else nullcontext()


@pytest.fixture
def twin() -> Iterator[Twin]:
    for _ in range(10):
        try:
            twin = Twin()
        except OSError:
            continue  # somebody has the port of the other family
        yield twin
        twin.close()
        return
    pytest.fail("no port is free for both IPv4 and IPv6")


def connecting_to(*addresses: str, delay: float | None = SHORT) -> ClientSession:
    """Make a session to which these are the addresses of twin.test, in this order."""
    resolver = ScriptedResolver({"twin.test": addresses})
    connector = TCPConnector(resolver=resolver, happy_eyeballs_delay=delay)
    return ClientSession(connector=connector, timeout=ClientTimeout(sock_connect=LONG))


def opened_by(session: ClientSession) -> int:
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    return connector.statistics().opened


@pytest.mark.parametrize("how", ["refuses", "swallows"])
@pytest.mark.parametrize("order", [(V6, V4), (V4, V6)], ids="-".join)
@pytest.mark.parametrize("dead", [V4, V6])
async def test_one_live_address_is_enough(
    twin: Twin, dead: str, order: tuple[str, str], how: str
) -> None:
    live = V4 if dead == V6 else V6
    async with connecting_to(*order) as session:
        with twin.dies(dead, how):
            async with raw_server(answer_each(OK), sock=twin.sockets[live]) as server:
                assert await fetch(session, twin.url) == b"ok"
                assert server.connections == 1
                assert opened_by(session) == 1


async def test_without_happy_eyeballs_a_refusal_is_passed_over(twin: Twin) -> None:
    async with (
        connecting_to(V6, V4, delay=None) as session,
        raw_server(answer_each(OK), sock=twin.sockets[V4]),
    ):
        assert await fetch(session, twin.url) == b"ok"


@pytest.mark.parametrize("delay", [None, 0.01])
async def test_sock_connect_bounds_all_addresses_together(twin: Twin, delay: float | None) -> None:
    with twin.dies(V4, "swallows"), twin.dies(V6, "swallows"):
        async with connecting_to(V6, V4, delay=delay) as session:
            timeout = ClientTimeout(sock_connect=SHORT)
            with pytest.raises(ConnectionTimeoutError) as caught:
                await session.get(twin.url, timeout=timeout)
            words = (f"twin.test:{twin.port}", "sock_connect", f"{SHORT} s")
            assert_tells(caught.value, *words, f"connecting to {V6}, {V4}")
            await assert_still_works(session)


async def test_one_error_tells_of_all_addresses(twin: Twin) -> None:
    async with connecting_to(V6, V4) as session:
        with pytest.raises(ClientConnectorError) as caught:
            await fetch(session, twin.url)
        assert_tells(caught.value, f"twin.test:{twin.port}", f"connecting to {V6}, {V4}")
        assert caught.value.host == "twin.test"
        await assert_still_works(session)


async def test_a_name_that_does_not_resolve_is_asked_for_again() -> None:
    """A failure is not remembered, and costs other names nothing."""
    resolver = ScriptedResolver({"known.test": [V4]})
    async with (
        ClientSession(connector=TCPConnector(resolver=resolver)) as session,
        raw_server(answer_each(OK)) as server,
    ):
        for _ in range(2):
            with pytest.raises(ClientConnectorDNSError) as caught:
                await fetch(session, f"http://unknown.test:{server.port}/")
            assert_tells(caught.value, "resolving unknown.test", "does not exist")
        assert await fetch(session, f"http://known.test:{server.port}/") == b"ok"
        resolver.answers["unknown.test"] = [V4]
        assert await fetch(session, f"http://unknown.test:{server.port}/") == b"ok"
        asked = [name for name, _, _ in resolver.asked]
        assert asked == ["unknown.test"] * 2 + ["known.test", "unknown.test"]


# Resets and strangers before there is a connection


async def reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    send_reset(writer)


async def reset_the_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(5)  # the beginning of a ClientHello
    send_reset(writer)


async def end_the_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(5)
    writer.close()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak first, as a mail server does."""
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


def secure(server: RawServer) -> str:
    return f"https://127.0.0.1:{server.port}/"


async def test_reset_as_soon_as_connected(lone: ClientSession) -> None:
    async with raw_server(reset_at_once) as server:
        with pytest.raises(ClientConnectionError) as caught:
            await fetch(lone, server.url)
    # The reset is met by the connecting, by the sending, or by the waiting for an answer.
    assert isinstance(caught.value, (ClientOSError, ServerDisconnectedError))
    assert_tells(caught.value)
    await assert_still_works(lone)


@pytest.mark.parametrize("how", [reset_at_once, reset_the_handshake, end_the_handshake])
async def test_the_handshake_is_cut(lone: ClientSession, how: Handler) -> None:
    async with raw_server(how) as server:
        with pytest.raises(ClientConnectorError) as caught:
            await fetch(lone, secure(server))
    # Nobody's certificate is at fault.
    assert not isinstance(caught.value, ssl.CertificateError)
    assert_tells(caught.value, f"127.0.0.1:{server.port}", "TLS handshake")
    await assert_still_works(lone)


async def test_the_server_does_not_speak_tls(lone: ClientSession) -> None:
    async with raw_server(greet) as server:
        with pytest.raises(ClientConnectorSSLError) as caught:
            await fetch(lone, secure(server))
    assert_tells(caught.value, f"127.0.0.1:{server.port}", "TLS handshake")
    await assert_still_works(lone)


async def test_the_server_says_nothing_in_the_handshake(lone: ClientSession) -> None:
    async with raw_server(say_nothing) as server:
        with pytest.raises(ConnectionTimeoutError) as caught:
            await lone.get(secure(server), timeout=ClientTimeout(sock_connect=SHORT))
    words = (f"127.0.0.1:{server.port}", "sock_connect", f"{SHORT} s", "TLS handshake")
    assert_tells(caught.value, *words)
    await assert_still_works(lone)


# Half closes: the server ends its direction and goes on reading


def half_close(answer: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        writer.write_eof()
        await reader.read()

    return handler


async def half_close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write_eof()
    await reader.read()


async def test_half_closed_as_soon_as_connected(lone: ClientSession) -> None:
    async with raw_server(half_close_at_once) as server:
        with pytest.raises((ClientConnectorError, ServerDisconnectedError)) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


@pytest.mark.parametrize("answer", [b"", OK[:12], OK[:17]])
async def test_half_closed_before_the_head_is_complete(lone: ClientSession, answer: bytes) -> None:
    async with raw_server(half_close(answer)) as server:
        with pytest.raises(ServerDisconnectedError) as caught:
            await fetch(lone, server.url)
    assert_tells(caught.value)
    await assert_still_works(lone)


async def test_half_closed_in_the_body(lone: ClientSession) -> None:
    async with raw_server(half_close(PART)) as server, lone.get(server.url) as response:
        assert response.status == 200
        with pytest.raises(ClientPayloadError) as caught:
            await response.read()
    assert_tells(caught.value)
    await assert_still_works(lone)


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 200 OK\r\n\r\nok"])
async def test_half_closed_after_the_response(lone: ClientSession, answer: bytes) -> None:
    """The response is complete, and the connection is not used again."""
    async with raw_server(half_close(answer)) as server:
        for _ in range(2):
            assert await fetch(lone, server.url) == b"ok"
        assert server.connections == 2


# What happens to a connection while nobody uses it


class Visits:
    """Answers each request; what it does afterwards it does when the test says so."""

    def __init__(self, deed: str) -> None:
        self._deed = deed
        self._now = asyncio.Event()
        self._done = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        await self._now.wait()
        self._now.clear()
        if self._deed == "close":
            writer.close()
        elif self._deed == "half close":
            writer.write_eof()
        elif self._deed == "reset":
            send_reset(writer)
        else:
            writer.write(OK.replace(b"ok", b"NO"))
        self._done.set()
        await reader.read()

    async def happens(self) -> None:
        """Let it happen, and return when the client's kernel knows."""
        self._now.set()
        await self._done.wait()
        self._done.clear()


@pytest.mark.parametrize(
    ("deed", "tls"),
    [
        ("close", False),
        ("close", True),
        ("half close", False),  # TLS has none
        ("reset", False),
        ("reset", True),
        ("unasked response", False),
        ("unasked response", True),
    ],
)
async def test_an_idle_connection_that_was_touched_is_not_used(
    trust: ssl.SSLContext, certificate: Certificate, deed: str, tls: bool
) -> None:
    """Even a POST, which is not sent twice, succeeds: on a new connection."""
    handler = Visits(deed)
    async with (
        raw_server(handler, certificate.server_context() if tls else None) as server,
        ClientSession(connector=TCPConnector(ssl=trust)) as session,
    ):
        for number in range(1, 4):
            async with session.post(server.url) as response:
                assert await response.read() == b"ok"
            assert server.connections == number
            await handler.happens()
        assert opened_by(session) == 3


@pytest.mark.parametrize("deed", ["half close", "unasked response"])
async def test_what_the_event_loop_has_not_seen_yet_counts(lone: ClientSession, deed: str) -> None:
    """Between the deed and the next request, the loop has no turn to notice."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await answer_each(OK)(reader, writer)

    async with raw_server(answer) as server:
        for number in range(1, 4):
            async with lone.post(server.url) as response:
                assert await response.read() == b"ok"
            assert server.connections == number
            descriptor = writers[-1].get_extra_info("socket").fileno()
            with socket.socket(fileno=os.dup(descriptor)) as peer:
                if deed == "half close":
                    peer.shutdown(socket.SHUT_WR)
                else:
                    peer.send(OK.replace(b"ok", b"NO"))
    assert opened_by(lone) == 3
