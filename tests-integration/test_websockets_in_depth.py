"""WebSockets: compression, long messages in parts, silence, races at the end, refusals."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tools.webapp.faults import raw_server, read_head
from whimbrel import (
    ClientConnectionResetError,
    ClientSession,
    DeflateOffer,
    ServerTimeoutError,
    TCPConnector,
    WebSocketError,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
)
from whimbrel_websocket_client import accept_key

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def client(trust: ssl.SSLContext) -> AsyncIterator[ClientSession]:
    connector = TCPConnector(ssl=trust)
    async with ClientSession(connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)


# Compression


@pytest.mark.parametrize("compress", [9, 12, 15])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_536, 1_000_000])
async def test_compression_where_it_is_offered(
    client: ClientSession, endpoint: str, compress: int, size: int
) -> None:
    async with client.ws_connect(endpoint, compress=compress) as ws:
        text = json.dumps(list(range(size // 7)))
        octets = random.Random(size).randbytes(size)
        for level in (None, 0) if ws.compress == 0 else (None, 0, 9, None):
            await ws.send_str(text, compress=level)
            await ws.send_bytes(octets, compress=level)
            assert await ws.receive_str() == text
            assert await ws.receive_bytes() == octets
    assert ws.close_code == WSCloseCode.OK


@pytest.mark.parametrize(
    ("offer", "bits", "resets"),
    [
        (DeflateOffer(), 12, False),  # the server's wish, to save memory
        (DeflateOffer(client_max_window_bits=10), 10, False),
        (DeflateOffer(server_max_window_bits=9, client_no_context_takeover=True), 12, True),
        (DeflateOffer(server_no_context_takeover=True, client_max_window_bits=9), 9, False),
        (DeflateOffer(server_max_window_bits=9, server_no_context_takeover=True), 12, False),
    ],
)
async def test_what_a_server_agrees_to(
    client: ClientSession, websocket_peer: Any, offer: DeflateOffer, bits: int, resets: bool
) -> None:
    async with client.ws_connect(websocket_peer.url, compress=offer) as ws:
        assert (ws.compress, ws.client_notakeover) == (bits, resets)
        for number in range(20):
            text = f"{number}: {'again and ' * 500}"
            await ws.send_parts([text[:number], text[number:]])
            assert await ws.receive_str() == text


async def test_compression_through_a_proxy(
    client: ClientSession, websocket_peer: Any, proxy: str
) -> None:
    async with client.ws_connect(websocket_peer.url, proxy=proxy, compress=15) as ws:
        assert ws.compress == 12
        await ws.send_str("through " * 1000)
        assert await ws.receive_str() == "through " * 1000


# Parts


def noise(size: int) -> Iterator[bytes]:
    """Yield `size` octets in pieces, the same every time."""
    source = random.Random(1)
    for _ in range(size // 65_536):
        yield source.randbytes(65_536)


@pytest.mark.parametrize("compress", [0, 15])
async def test_long_messages_take_little_memory(
    client: ClientSession, websocket_peer: Any, compress: int
) -> None:
    size = 10 * MEBIBYTE
    sent = hashlib.sha256()
    received = hashlib.sha256()

    async def parts() -> AsyncIterator[bytes]:
        for piece in noise(size):
            sent.update(piece)
            yield piece

    async with client.ws_connect(websocket_peer.url, compress=compress, max_msg_size=0) as ws:
        tracemalloc.start()
        try:
            await ws.send_parts(parts())
            count = 0
            async with ws.receive_parts() as message:
                assert message.type is WSMsgType.BINARY
                async for part in message:
                    received.update(part)
                    count += len(part)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        await ws.send_str("on")
        assert await ws.receive_str() == "on"
    assert count == size
    assert received.digest() == sent.digest()
    assert peak < 3 * MEBIBYTE


async def test_the_rest_of_a_long_message_is_skipped(
    client: ClientSession, websocket_peer: Any
) -> None:
    async with client.ws_connect(websocket_peer.url, max_msg_size=0) as ws:
        await ws.send_parts(noise(10 * MEBIBYTE))
        async with ws.receive_parts() as message:
            async for part in message:
                assert part
                break
        await ws.send_str("next")
        assert await ws.receive_str() == "next"


async def test_parts_of_a_text(client: ClientSession, endpoint: str) -> None:
    text = "€𝄞 und ü " * 20_000
    async with client.ws_connect(endpoint, max_msg_size=0) as ws:
        await ws.send_parts(text[start : start + 9999] for start in range(0, len(text), 9999))
        assert "".join([part async for part in ws.receive_parts()]) == text


async def test_a_message_that_is_not_finished(client: ClientSession, websocket_peer: Any) -> None:
    async def parts() -> AsyncIterator[str]:
        yield "the beginning"
        raise LookupError

    async with client.ws_connect(websocket_peer.url) as ws:
        with pytest.raises(LookupError):
            await ws.send_parts(parts())
        message = await ws.receive()  # and no echo of the beginning
        assert message.type is WSMsgType.CLOSE
        # This server takes a close in the middle of a message for an error and says so.
        assert message.data == WSCloseCode.PROTOCOL_ERROR
        with pytest.raises(ClientConnectionResetError):
            await ws.send_str("more")


# Silence, and ends


async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the opening handshake."""
    head = await read_head(reader)
    key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept_key(key).encode()
    )


@pytest.mark.parametrize("reads", [True, False])
async def test_a_peer_that_goes_silent(client: ClientSession, reads: bool) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        while reads and await reader.read(1000):
            pass
        await asyncio.sleep(20)

    async with raw_server(silent) as server, client.ws_connect(server.url, heartbeat=0.1) as ws:
        await ws.send_str("is anybody there?")
        message = await ws.receive(timeout=5)
        assert message.type is WSMsgType.ERROR
        assert isinstance(message.data, ServerTimeoutError)
        assert ws.exception() is message.data
        assert ws.close_code == WSCloseCode.ABNORMAL_CLOSURE
        assert ws.round_trip_time is None


async def test_a_peer_that_answers(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        await ws.ping(b"now")
        await ws.send_str("x")
        assert await ws.receive_str() == "x"
        for _ in range(500):
            if ws.round_trip_time is not None:
                break
            await asyncio.sleep(0.01)
        assert ws.round_trip_time is not None
        assert 0 < ws.round_trip_time < 5


async def test_both_close_at_once(client: ClientSession) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        await reader.readexactly(1)
        writer.write(b"\x88\x05\x0f\xa1bye")
        await reader.read()

    async with raw_server(closing) as server:
        ws = await client.ws_connect(server.url)
        assert await asyncio.gather(ws.close(code=4000), ws.close(), ws.receive()) == [
            True,
            False,
            await ws.receive(),
        ]
        assert (ws.close_code, ws.close_reason) == (4001, "bye")


@pytest.mark.parametrize("where", [b"\x01\x7e\xff\xff half", b"\x82\x05", b"\x01\x03abc"])
async def test_an_end_in_the_middle(client: ClientSession, where: bytes) -> None:
    async def leaving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        writer.write(where)
        writer.close()

    async with raw_server(leaving) as server:
        async with client.ws_connect(server.url) as ws:
            assert (await ws.receive()).type is WSMsgType.CLOSED
            assert ws.close_code == WSCloseCode.ABNORMAL_CLOSURE
            assert isinstance(ws.exception(), WebSocketError)
        async with client.ws_connect(server.url) as ws:
            with pytest.raises(WebSocketError) as caught:
                async for _ in ws.receive_parts():
                    pass
            assert caught.value.code == WSCloseCode.ABNORMAL_CLOSURE


async def test_closing_while_the_server_floods(client: ClientSession) -> None:
    async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        answered = asyncio.ensure_future(reader.readexactly(8))
        while not answered.done():
            writer.write(b"\x82\x7e\xff\xff" + bytes(65_535))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"\x88\x02\x03\xe8")
        await answered

    async with raw_server(flooding) as server:
        ws = await client.ws_connect(server.url)
        await asyncio.sleep(0.1)  # until nothing more is read
        assert await ws.close() is True
        assert ws.close_code == WSCloseCode.OK


# Refusals


async def test_what_a_server_says_that_refuses(client: ClientSession, websocket_peer: Any) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect(f"{websocket_peer.url}/refuse", compress=15)
    assert caught.value.body == b"no WebSocket here\n"
    assert caught.value.headers is not None
    assert caught.value.headers["Content-Type"].startswith("text/plain")


async def test_a_path_without_a_websocket(client: ClientSession, peer: Any) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect(peer.url.replace("http", "ws", 1) + "/elsewhere")
    assert caught.value.status == 403
    assert isinstance(caught.value.body, bytes)
