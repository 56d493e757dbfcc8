"""The doubles do what they promise, failures included."""

import asyncio

import pytest

from whimbrel_connector.interfaces import Receiver
from whimbrel_connector.testing import MemoryTransport
from whimbrel_websocket_client import HandshakeError, WSMsgType
from whimbrel_websocket_client.testing import Peer, ProtocolPair, ServerConnection, connect, serve


async def nothing(connection: ServerConnection) -> None:
    """Leave at once."""


def test_a_pair_carries_answers_back() -> None:
    pair = ProtocolPair()
    pair.to_server(pair.client.ping(b"1"))
    pair.to_client(pair.server.ping(b"2"))
    pair.to_client(pair.server.close(1001))
    assert pair.client_events == [
        (b"1", None, WSMsgType.PONG),
        (b"2", None, WSMsgType.PING),
        (1001, "", WSMsgType.CLOSE),
    ]
    assert pair.server_events == [
        (b"1", None, WSMsgType.PING),
        (b"2", None, WSMsgType.PONG),
        (1001, "", WSMsgType.CLOSE),
    ]


async def test_a_peer_notes_the_end() -> None:
    one, other = MemoryTransport.pair()
    peer = Peer(other)
    assert isinstance(peer, Receiver)
    one.close()
    await peer.until(lambda: peer.ended)
    assert other.is_closing()


async def test_what_a_handler_raises_is_told_at_the_end() -> None:
    async def fail(connection: ServerConnection) -> None:
        assert connection.headers["sec-websocket-version"] == "13"
        raise ZeroDivisionError("the handler's")

    with pytest.raises(ExceptionGroup, match="handlers failed") as caught:
        async with serve(fail) as port, await connect(port) as ws:
            await ws.receive()
    assert [str(error) for error in caught.value.exceptions] == ["the handler's"]


async def test_a_handler_ends_with_the_context() -> None:
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(connection: ServerConnection) -> None:
        reached.set_result(None)
        await asyncio.get_running_loop().create_future()

    async with serve(wait) as port:
        ws = await connect(port)
        await reached
    assert (await ws.receive()).type is WSMsgType.CLOSED


async def test_connecting_fails_without_agreement() -> None:
    async with serve(nothing, protocol="unasked") as port:
        with pytest.raises(HandshakeError, match="expected no subprotocol"):
            await connect(port)


async def test_connecting_fails_without_an_answer() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectionError, match="before the answer to the handshake"):
            await connect(server.sockets[0].getsockname()[1])
