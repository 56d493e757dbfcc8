"""Opening a WebSocket over the session's connections."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from whimbrel import (
    ClientSession,
    DeflateOffer,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
)
from whimbrel_websocket_client import accept_key, testing


@pytest.fixture
async def echo_url() -> AsyncIterator[str]:
    async def echo(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send(message)

    async with serve(echo, "127.0.0.1", 0, subprotocols=["b", "c"], compression=None) as server:  # type: ignore[list-item]  # a NewType of str
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_echo(echo_url: str) -> None:
    async with ClientSession() as session:
        async with session.ws_connect(echo_url, protocols=["a", "b"]) as websocket:
            assert websocket.protocol == "b"
            await websocket.send_str("grüße")
            assert await websocket.receive_str() == "grüße"
            await websocket.send_bytes(bytes(100_000))
            message = await websocket.receive()
            assert (message.type, len(message.data)) == (WSMsgType.BINARY, 100_000)
        assert websocket.closed
        assert websocket.close_code == WSCloseCode.OK
        assert session.connector is not None
        assert session.connector.statistics().open == 0


async def test_open_websocket_counts_against_the_limits_until_it_is_closed(echo_url: str) -> None:
    async with ClientSession() as session:
        websocket = await session.ws_connect(echo_url, protocols=["c"])
        assert session.connector is not None
        assert session.connector.statistics().in_use == 1
        await websocket.close()
        assert session.connector.statistics().in_use == 0


async def test_handshake_request(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 403 No\r\nContent-Length: 6\r\nX-Why: tired\r\n\r\nno way")
    async with ClientSession(headers={"X-Session": "1"}) as session:
        with pytest.raises(WSServerHandshakeError, match="101") as caught:
            await session.ws_connect(
                server.url, origin="http://o", headers={"X-Own": "2"}, params={"q": "3"}
            )
        assert caught.value.status == 403
        assert caught.value.headers is not None
        assert caught.value.headers["X-Why"] == "tired"
        assert caught.value.body == b"no way"
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (copy.body, copy.status, str(copy)) == (b"no way", 403, str(caught.value))
        assert copy.headers == caught.value.headers
    head = server.requests[0].decode()
    assert head.startswith("GET /?q=3 HTTP/1.1\r\n")
    for line in ("X-Session: 1", "X-Own: 2", "Origin: http://o", "Sec-WebSocket-Version: 13"):
        assert f"\r\n{line}\r\n" in head
    assert "Sec-WebSocket-Key: " in head


async def test_wrong_accept_key_is_refused(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Accept: AAAA\r\n\r\n"
    )
    async with ClientSession() as session:
        with pytest.raises(WSServerHandshakeError, match="Sec-WebSocket-Accept"):
            await session.ws_connect(server.url)
        assert session.connector is not None
        assert session.connector.statistics().in_use == 0


@pytest.mark.parametrize("bad", [{"protocols": ["a\r\nb"]}, {"origin": "a\r\nb"}])
async def test_injection_through_the_handshake(bad: dict[str, Any]) -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match=r"protocol|Origin|origin"):
            await session.ws_connect("ws://127.0.0.1:1/", **bad)


async def test_bad_parameter_leaves_no_connection(echo_url: str) -> None:
    async with ClientSession() as session:
        with pytest.raises(ValueError, match="heartbeat"):
            await session.ws_connect(echo_url, protocols=["b"], heartbeat=-1)
        await asyncio.sleep(0.01)
        assert session.connector is not None
        assert session.connector.statistics().open == 0


async def test_timeouts_of_the_reference_are_deprecated_and_work(echo_url: str) -> None:
    async with ClientSession() as session:
        with pytest.deprecated_call(match="ws_close"):
            old = session.ws_connect(echo_url, protocols=["b"], timeout=10.0)
        async with old as websocket:
            await websocket.send_str("old")
            assert await websocket.receive_str() == "old"
        with pytest.deprecated_call(match="ws_receive"):
            older = session.ws_connect(echo_url, protocols=["b"], receive_timeout=0.05)
        async with older as websocket:
            with pytest.raises(TimeoutError):
                await websocket.receive()


@pytest.mark.parametrize("option", [{"json": {}}, {"chunked": True}])
async def test_options_that_a_websocket_does_not_have(option: dict[str, Any]) -> None:
    async with ClientSession() as session:
        with pytest.raises(TypeError, match=f"Unknown WebSocket option.*{next(iter(option))}"):
            await session.ws_connect("ws://127.0.0.1:1/", **option)


async def test_fields_of_the_handshake_are_its_own(echo_url: str) -> None:
    fields = {"Sec-WebSocket-Key": "x", "connection": "close", "X-Own": "1"}
    async with (
        ClientSession() as session,
        session.ws_connect(echo_url, protocols=["b"], headers=fields) as websocket,
    ):
        await websocket.send_str("mine")
        assert await websocket.receive_str() == "mine"


async def refused(session: ClientSession, url: str) -> WSServerHandshakeError:
    """Return how the server refuses, when nothing of it is left."""
    with pytest.raises(WSServerHandshakeError, match="101") as caught:
        await session.ws_connect(url)
    assert session.connector is not None
    assert session.connector.statistics().in_use == 0
    return caught.value


async def test_a_long_refusal_is_cut(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 403 No\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    )
    async with ClientSession() as session:
        assert (await refused(session, server.url)).body == bytes(65536)


async def test_a_refusal_that_breaks_off(raw_server: Any) -> None:
    server = await raw_server(
        b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\nbroken\r\n"
    )
    async with ClientSession() as session:
        assert (await refused(session, server.url)).body == b"why"


async def test_a_refusal_that_hangs(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nbeginning")
    async with ClientSession() as session:
        assert (await refused(session, server.url)).body == b"beginning"


async def test_a_refusal_without_a_body(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 304 No\r\n\r\n")
    async with ClientSession() as session:
        assert (await refused(session, server.url)).body == b""


def test_a_refusal_can_be_made_as_before() -> None:
    assert WSServerHandshakeError(None, (), status=400).body == b""  # type: ignore[arg-type]  # not used


# Compression


@pytest.fixture
async def deflate_port() -> AsyncIterator[int]:
    async def echo(connection: testing.ServerConnection) -> None:
        offered = connection.headers.get("sec-websocket-extensions", "nothing")
        await connection.send(connection.protocol.send_text(offered))
        while (message := await connection.receive()).type is WSMsgType.TEXT:
            await connection.send(connection.protocol.send_text(message.data))

    async with testing.serve(echo, deflate=True) as port:
        yield port


@pytest.mark.parametrize(
    ("compress", "offered", "bits", "resets"),
    [
        (0, "nothing", 0, False),
        (15, "permessage-deflate; client_max_window_bits", 15, False),
        (9, "permessage-deflate; server_max_window_bits=9; client_max_window_bits", 15, False),
        (
            DeflateOffer(client_max_window_bits=10, client_no_context_takeover=True),
            "permessage-deflate; client_max_window_bits=10; client_no_context_takeover",
            10,
            True,
        ),
    ],
)
async def test_compression_is_offered_as_asked(
    deflate_port: int, compress: int | DeflateOffer, offered: str, bits: int, resets: bool
) -> None:
    async with (
        ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{deflate_port}/", compress=compress) as websocket,
    ):
        assert await websocket.receive_str() == offered
        assert (websocket.compress, websocket.client_notakeover) == (bits, resets)
        for _ in range(3):
            await websocket.send_str("again " * 1000)
            assert await websocket.receive_str() == "again " * 1000


async def test_compression_that_the_server_does_not_want(echo_url: str) -> None:
    async with (
        ClientSession() as session,
        session.ws_connect(echo_url, protocols=["b"], compress=15) as websocket,
    ):
        assert websocket.compress == 0
        await websocket.send_str("as it is")
        assert await websocket.receive_str() == "as it is"
        with pytest.raises(ValueError, match="no compression was agreed on"):
            await websocket.send_str("smaller", compress=9)


@pytest.mark.parametrize(
    ("compress", "error"),
    [(8, ValueError), (16, ValueError), (-1, ValueError), (True, TypeError), ("15", TypeError)],
)
async def test_compression_that_there_is_not(compress: Any, error: type[Exception]) -> None:
    async with ClientSession() as session:
        with pytest.raises(error, match="compress must be 0"):
            session.ws_connect("ws://127.0.0.1:1/", compress=compress)


async def test_a_wrong_answer_to_the_offer() -> None:
    handshakes: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        handshakes.append(head)
        key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: %b\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15; x=1\r\n\r\n"
            % accept_key(key).encode()
        )
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ClientSession() as session:
        with pytest.raises(WSServerHandshakeError, match=r"permessage-deflate.*'x' is unknown"):
            await session.ws_connect(f"ws://127.0.0.1:{port}/", compress=15)
    assert len(handshakes) == 1
