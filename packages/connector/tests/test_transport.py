from __future__ import annotations

import asyncio
import pickle
import socket
import ssl
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from whimbrel_connector import ClientConnectionError, ClientConnectionResetError
from whimbrel_connector._transport import SocketTransport
from whimbrel_connector.interfaces import Transport
from whimbrel_connector.testing import RecordingReceiver, check_transport

T = TypeVar("T")


async def wrap(sock: socket.socket) -> Any:
    transport = SocketTransport()
    await asyncio.get_running_loop().create_connection(lambda: transport, sock=sock)
    return transport


async def make_pair() -> Any:
    one, other = socket.socketpair()
    return await wrap(one), await wrap(other)


@pytest.fixture
async def pair() -> AsyncIterator[Any]:
    one, other = await make_pair()
    yield one, other
    one.abort()
    other.abort()
    await one.wait_closed()
    await other.wait_closed()


async def test_keeps_the_contract() -> None:
    assert isinstance(SocketTransport(), Transport)
    await check_transport(make_pair)


async def test_keeps_the_contract_on_tls(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any
) -> None:
    """Both ends of TLS keep it, but for the data that a TLS transport must be closed to end."""
    accepted: asyncio.Queue[SocketTransport] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    class Accepting(SocketTransport):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            accepted.put_nowait(self)

    server = await loop.create_server(Accepting, "127.0.0.1", 0, ssl=server_tls())
    try:
        client = SocketTransport()
        await loop.create_connection(
            lambda: client,
            *server.sockets[0].getsockname(),
            ssl=trusting,
            server_hostname="localhost",
        )
        peer = await accepted.get()
        here, there = RecordingReceiver(), RecordingReceiver()
        client.set_receiver(here)
        peer.set_receiver(there)
        client.writelines([b"a", b"b"])
        assert await there.until_received(2) == b"ab"
        peer.write(b"the end")
        peer.close()
        await here.until_called("connection_lost")
        assert here.calls == ["data_received", "eof_received", "connection_lost"]
        assert here.data == b"the end"
        await peer.wait_closed()
        await client.wait_closed()
    finally:
        server.close()
        await server.wait_closed()


class RawTLSServer:
    """A TLS server that ends its stream as the test says; asyncio's would answer by itself."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._sock: socket.socket | None = None
        self._tls: ssl.SSLSocket | None = None

    def greet(self) -> None:
        """Accept, do the handshake and write."""
        self._sock, _ = self._listener.accept()
        self._sock.settimeout(5)
        self._tls = self._context.wrap_socket(
            self._sock, server_side=True, suppress_ragged_eofs=False
        )
        self._tls.sendall(b"half of the bo")

    def end(self, how: str) -> None:
        """End the stream by a close_notify, by the end of TCP without it, or by a reset."""
        assert self._tls is not None
        if how == "close_notify":
            self._tls.settimeout(0.05)
            with suppress(OSError):  # of a client that reads nothing and so does not answer
                self._tls.unwrap()
        elif how == "reset":
            self._tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self._tls.shutdown(socket.SHUT_RDWR)
        self._tls.close()

    def say(self, data: bytes) -> None:
        """Write more."""
        assert self._tls is not None
        self._tls.sendall(data)

    def answer(self) -> bytes:
        """Read to the end, and answer the client's close_notify if it came."""
        assert self._tls is not None
        rest: bytes = self._tls.recv(100)
        with suppress(OSError):  # of a client that is gone
            self._tls.unwrap()
        return rest

    def close(self) -> None:
        self._listener.close()
        if self._tls is not None:
            self._tls.close()


@pytest.fixture
async def half_told(
    server_tls: Any, trusting: ssl.SSLContext
) -> AsyncIterator[tuple[RawTLSServer, SocketTransport, RecordingReceiver]]:
    """A raw server, a transport to it, and the receiver, which has what the server wrote."""
    server = RawTLSServer(server_tls())
    greeting = asyncio.ensure_future(asyncio.to_thread(server.greet))
    transport = SocketTransport()
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    await asyncio.get_running_loop().create_connection(
        lambda: transport, *server.address, ssl=trusting, server_hostname="localhost"
    )
    await greeting
    assert await receiver.until_received(14) == b"half of the bo"
    yield server, transport, receiver
    transport.abort()
    await transport.wait_closed()
    server.close()


async def test_tls_stream_that_ends_by_close_notify_has_an_end(half_told: Any) -> None:
    server, _, receiver = half_told
    await asyncio.to_thread(server.end, "close_notify")
    await receiver.until_called("connection_lost")
    assert receiver.calls == ["data_received", "eof_received", "connection_lost"]
    assert receiver.exc is None


@pytest.mark.parametrize("paused", [True, False])
async def test_tls_stream_that_is_cut_is_lost(half_told: Any, paused: bool, turns: Any) -> None:
    """Anybody on the way can end TCP, so that this is no end (RFC 9112, section 9.8)."""
    server, transport, receiver = half_told
    if paused:
        transport.pause_reading()
    await asyncio.to_thread(server.end, "cut")
    if paused:
        await turns()
        transport.resume_reading()
    await receiver.until_called("connection_lost")
    assert receiver.calls == ["data_received", "connection_lost"]
    assert isinstance(receiver.exc, ssl.SSLEOFError)
    assert "without close_notify" in str(receiver.exc)
    late = RecordingReceiver()
    transport.set_receiver(late)
    await late.until_called("connection_lost")
    assert late.calls == ["connection_lost"]
    assert late.exc is receiver.exc
    with pytest.raises(ClientConnectionResetError) as caught:
        await transport.drain()
    assert caught.value.__cause__ is receiver.exc
    assert str(pickle.loads(pickle.dumps(receiver.exc))) == str(receiver.exc)


async def test_tls_loss_that_nothing_announced_is_a_cut() -> None:
    """As uvloop reports it."""
    transport = SocketTransport()
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    transport.connection_made(asyncio.Transport({"ssl_object": object()}))
    transport.connection_lost(None)
    assert receiver.calls == ["connection_lost"]
    assert isinstance(receiver.exc, ssl.SSLEOFError)


async def test_tls_stream_that_is_reset_is_lost(half_told: Any) -> None:
    server, _, receiver = half_told
    await asyncio.to_thread(server.end, "reset")
    await receiver.until_called("connection_lost")
    assert receiver.calls == ["data_received", "connection_lost"]
    assert isinstance(receiver.exc, ConnectionResetError)


# Ending TLS


async def test_tls_that_is_shut_down_waits_for_the_answer(half_told: Any, turns: Any) -> None:
    server, transport, receiver = half_told
    reason = ClientConnectionError("no more of it")
    transport.shut_down(reason, 5.0)
    assert transport.is_closing()
    transport.write(b"too late")
    await turns()
    assert receiver.calls == ["data_received"], "the peer has its time"
    assert await asyncio.to_thread(server.answer) == b""
    await transport.wait_closed()
    assert receiver.calls == ["data_received", "connection_lost"]
    assert receiver.exc is reason


@pytest.mark.parametrize("before", ["nothing", "close", "a patient shut_down"])
async def test_tls_that_is_shut_down_does_not_wait_for_ever(half_told: Any, before: str) -> None:
    """The peer here never answers; what was allowed it before can only become shorter."""
    _, transport, receiver = half_told
    began = asyncio.get_running_loop().time()
    if before == "close":
        transport.close()
    elif before != "nothing":
        transport.shut_down(None, 600.0)
    transport.shut_down(None, 0.02)
    transport.shut_down(None, 600.0)
    await transport.wait_closed()
    assert 0.01 < asyncio.get_running_loop().time() - began < 0.9
    assert receiver.calls == ["data_received", "connection_lost"]
    assert receiver.exc is None


@pytest.mark.parametrize("before", ["nothing", "close", "shut_down"])
@pytest.mark.parametrize("how", ["dispose", "shut_down", "abort"])
async def test_tls_that_is_disposed_of_does_not_wait_at_all(
    half_told: Any, before: str, how: str, turns: Any
) -> None:
    """Not even when it was closed before, which asyncio would not hear if it were told twice."""
    server, transport, receiver = half_told
    if before == "close":
        transport.close()
        transport.close()
    elif before == "shut_down":
        transport.shut_down(None, 600.0)
    assert transport.get_extra_info("peername") == server.address
    if how == "dispose":
        transport.dispose()
    elif how == "shut_down":
        transport.shut_down(None, 0.0)
    else:
        transport.abort()
    await turns()
    assert receiver.calls == ["data_received", "connection_lost"]
    assert receiver.exc is None
    if (before, how) != ("nothing", "abort"):
        assert await asyncio.to_thread(server.answer) == b"", "close_notify"


async def test_tls_that_is_closed_is_gone_in_a_second(half_told: Any) -> None:
    _, transport, receiver = half_told
    began = asyncio.get_running_loop().time()
    transport.close()
    await transport.wait_closed()
    assert asyncio.get_running_loop().time() - began < 1.5
    assert receiver.exc is None


async def test_tls_that_is_gone_has_nothing_to_wait_for(half_told: Any) -> None:
    """No timer is left for it, which the watch of all tests would find."""
    _, transport, receiver = half_told
    transport.abort()
    await transport.wait_closed()
    transport.close()
    transport.shut_down(None, 600.0)
    assert receiver.calls == ["data_received", "connection_lost"]


async def test_plain_connection_has_nothing_to_wait_for(pair: Any, turns: Any) -> None:
    one, other = pair
    other.pause_reading()
    receiver = RecordingReceiver()
    one.set_receiver(receiver)
    one.write(bytes(1 << 24))  # more than the peer takes
    reason = ClientConnectionError("no more of it")
    one.shut_down(reason, 600.0)
    await turns()
    assert receiver.calls == ["connection_lost"]
    assert receiver.exc is reason


# TLS in TLS


class LayeredServer:
    """A TLS server in a TLS server: an HTTPS proxy and what is behind it, to the client."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._outer: ssl.SSLSocket | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def greet(self) -> None:
        """Accept, and do both handshakes."""
        sock, _ = self._listener.accept()
        sock.settimeout(5)
        self._outer = self._context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        self._carry(self._inner.do_handshake)

    def echo(self, size: int) -> None:
        """Send back what comes."""
        self._carry(lambda: self._inner.write(self._inner.read(size)))

    def ends(self, *, answering: bool) -> list[str]:
        """Tell which layers the client ends by a close_notify, and answer it if asked to."""
        assert self._outer is not None
        ended = []
        with suppress(ssl.SSLEOFError):
            assert self._carry(lambda: self._inner.read(1)) == b""
            ended.append("inner")
            if answering:
                self._carry(self._inner.unwrap)
            assert self._outer.recv(1) == b""
            ended.append("outer")
            if answering:
                self._outer.unwrap()
        return ended

    def close(self) -> None:
        self._listener.close()
        if self._outer is not None:
            self._outer.close()

    def _carry(self, step: Callable[[], T]) -> T:
        assert self._outer is not None
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._outer.sendall(self._outgoing.read())
                if not (data := self._outer.recv(65536)):
                    raise ssl.SSLEOFError("the outer layer ended") from None
                self._incoming.write(data)
            else:
                self._outer.sendall(self._outgoing.read())
                return result


@pytest.fixture
async def layered(
    server_tls: Any, trusting: ssl.SSLContext
) -> AsyncIterator[tuple[LayeredServer, SocketTransport]]:
    """A server with TLS in TLS, and a transport to it."""
    server = LayeredServer(server_tls())
    greeting = asyncio.ensure_future(asyncio.to_thread(server.greet))
    loop = asyncio.get_running_loop()
    transport = SocketTransport()
    await loop.create_connection(
        lambda: transport, *server.address, ssl=trusting, server_hostname="localhost"
    )
    inner = await loop.start_tls(transport.inner, transport, trusting, server_hostname="localhost")
    assert inner is not None
    transport.attach(inner)
    await greeting
    yield server, transport
    transport.abort()
    await transport.wait_closed()
    server.close()


async def test_tls_in_tls(layered: Any) -> None:
    server, transport = layered
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    transport.write(b"ping")
    await asyncio.to_thread(server.echo, 4)
    assert await receiver.until_received(4) == b"ping"
    assert transport.is_fit()
    assert transport.get_extra_info("peername") == server.address


@pytest.mark.parametrize("how", ["dispose", "shut_down at once", "shut_down", "close"])
async def test_tls_in_tls_is_ended_in_both_layers(layered: Any, how: str, turns: Any) -> None:
    """In order, if both peers answer; and if they are not waited for, both are told."""
    server, transport = layered
    receiver = RecordingReceiver()
    transport.set_receiver(receiver)
    waiting = how in {"shut_down", "close"}
    if how == "dispose":
        transport.dispose()
    elif how == "close":
        transport.close()
    else:
        transport.shut_down(None, 5.0 if waiting else 0.0)
    if not waiting:
        await turns()
        assert receiver.calls == ["connection_lost"], "it did not wait"
    ended = await asyncio.to_thread(server.ends, answering=waiting)
    assert ended == ["inner", "outer"]
    await receiver.until_called("connection_lost")
    assert receiver.exc is None


@pytest.mark.parametrize("how", ["shut_down", "close"])
async def test_tls_in_tls_does_not_wait_for_ever(layered: Any, how: str) -> None:
    """asyncio's own bound raises in its timer, in the first releases of Python 3.11 and 3.12."""
    _, transport = layered
    began = asyncio.get_running_loop().time()
    if how == "shut_down":
        transport.shut_down(None, 0.02)
    else:
        transport.close()
    await transport.wait_closed()
    assert asyncio.get_running_loop().time() - began < 1.5


async def test_close_notify_behind_data_that_was_held_back_is_an_end(
    half_told: Any, turns: Any
) -> None:
    server, transport, receiver = half_told
    transport.pause_reading()
    await asyncio.to_thread(server.end, "close_notify")
    await turns()
    transport.resume_reading()
    await receiver.until_called("connection_lost")
    assert receiver.calls == ["data_received", "eof_received", "connection_lost"]


async def test_nothing_is_delivered_by_closing_tls(
    serving: Any, trusting: ssl.SSLContext, server_tls: Any, turns: Any
) -> None:
    """What TLS held back while reading was paused has nobody who waits for it."""

    class Impatient(RecordingReceiver):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            transport.abort()

    async with serving(tls=server_tls()) as server:
        transport = SocketTransport()
        await asyncio.get_running_loop().create_connection(
            lambda: transport, server.host, server.port, ssl=trusting, server_hostname="localhost"
        )
        receiver = Impatient()
        transport.set_receiver(receiver)
        transport.pause_reading()
        await turns()
        server.writers[0].write(b"held back")
        await turns()
        transport.close()
        await receiver.until_called("connection_lost")
        assert receiver.calls == ["connection_lost"]
        assert receiver.exc is None


@pytest.mark.parametrize("how", ["data", "end"])
async def test_anything_that_arrives_without_a_receiver_closes(pair: Any, how: str) -> None:
    one, other = pair
    if how == "data":
        other.write(b"HTTP/1.1 200 OK\r\n\r\n")
    else:
        other.close()
    await one.wait_closed()
    assert one.is_closing()
    assert not one.is_fit()


async def test_rest_after_an_end_closes(pair: Any) -> None:
    one, other = pair
    receiver = RecordingReceiver()
    one.set_receiver(receiver)
    other.close()
    await receiver.until_called("eof_received")
    assert not one.is_closing()
    one.rest()
    await one.wait_closed()
    assert receiver.calls == ["eof_received"]


async def test_rest_reads_again_to_see_what_is_not_asked_for(pair: Any) -> None:
    one, other = pair
    one.set_receiver(RecordingReceiver())
    one.pause_reading()
    one.rest()
    other.write(b"x")
    await one.wait_closed()


@pytest.mark.parametrize("how", ["data", "end"])
async def test_what_waits_in_the_kernel_makes_unfit(pair: Any, how: str) -> None:
    one, other = pair
    assert one.is_fit_when_new()
    assert one.is_fit()
    other.set_receiver(RecordingReceiver())
    if how == "data":
        other.write(b"x")
    else:
        other.get_extra_info("socket").shutdown(socket.SHUT_WR)
    assert not one.is_closing(), "the loop has not seen it"
    assert not one.is_fit_when_new()
    assert not one.is_fit()


async def test_what_waits_on_new_tls_may_be_tickets(half_told: Any) -> None:
    """Which are no data, but nobody can tell before they are read."""
    server, transport, _ = half_told
    server.say(b"to the first lease")  # which the loop has not seen
    assert transport.is_fit_when_new()
    assert not transport.is_fit(), "for the second lease it is too much doubt"
    transport.abort()
    assert not transport.is_fit_when_new()


async def test_fitness_of_what_has_no_socket_is_what_the_loop_knows() -> None:
    """A named pipe, for example."""
    transport = SocketTransport()
    assert not transport.is_fit(), "there is no connection yet"
    assert not transport.is_fit_when_new()
    transport.connection_made(Pipe())
    assert transport.is_fit_when_new()
    assert transport.is_fit()
    assert transport.is_fit()
    transport.close()
    assert not transport.is_fit()
    assert not transport.is_fit_when_new()
    transport.connection_lost(None)


class Pipe(asyncio.Transport):
    """A transport that runs on no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        raise AssertionError("nobody has anything to say")

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def test_idle_transport_is_small() -> None:
    """Thousands may be idle, so that what only few need is made when they need it."""
    tracemalloc.start()
    try:
        transports = [SocketTransport() for _ in range(100)]
        assert tracemalloc.get_traced_memory()[0] / len(transports) < 400
    finally:
        tracemalloc.stop()


async def test_loss_is_told_to_the_owner_and_to_the_receiver_once(pair: Any) -> None:
    one, other = pair
    told: list[str] = []
    one.on_lost = lambda _slot: told.append("owner")
    receiver = RecordingReceiver()
    one.set_receiver(receiver)
    other.set_receiver(RecordingReceiver())
    one.abort()
    await receiver.until_called("connection_lost")
    await one.wait_closed()
    assert told == ["owner"]
    assert receiver.calls == ["connection_lost"]


async def test_drain_of_a_lost_transport_says_so(pair: Any) -> None:
    one, _ = pair
    one.abort()
    await one.wait_closed()
    with pytest.raises(ClientConnectionResetError, match="connection was lost"):
        await one.drain()


async def test_all_who_drain_are_woken(pair: Any) -> None:
    one, other = pair
    other.set_receiver(RecordingReceiver())
    one.set_receiver(RecordingReceiver())
    other.pause_reading()
    one.write(bytes(1 << 24))
    waiting = [asyncio.ensure_future(one.drain()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    other.resume_reading()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_all_who_drain_learn_of_a_loss(pair: Any) -> None:
    one, other = pair
    other.set_receiver(RecordingReceiver())
    one.set_receiver(RecordingReceiver())
    other.pause_reading()
    one.write(bytes(1 << 24))
    waiting = [asyncio.ensure_future(one.drain()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    one.abort()
    async with asyncio.timeout(5):
        told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(exc) for exc in told] == [ClientConnectionResetError] * 3


async def test_receiver_that_fails_when_told_of_the_end_is_reported(pair: Any) -> None:
    class Failing(RecordingReceiver):
        def eof_received(self) -> None:
            raise ZeroDivisionError

        def connection_lost(self, exc: Any) -> None:
            super().connection_lost(exc)
            raise IndexError

    one, other = pair
    reported = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(type(context["exception"])))
    receiver = Failing()
    one.set_receiver(receiver)
    other.close()
    await one.wait_closed()
    assert isinstance(receiver.exc, ZeroDivisionError)
    assert reported == [ZeroDivisionError, IndexError]


async def test_abandoned_transport_closes_when_it_is_made() -> None:
    one, other = socket.socketpair()
    with other:
        transport = SocketTransport()
        transport.abandon()
        await asyncio.get_running_loop().create_connection(lambda: transport, sock=one)
        await transport.wait_closed()
        assert one.fileno() == -1


async def test_extra_info_before_there_is_a_connection() -> None:
    assert SocketTransport().get_extra_info("peername", "nobody") == "nobody"
