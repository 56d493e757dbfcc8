"""Opening a WebSocket over the session's connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from whimbrel import ClientSession, WSCloseCode, WSMsgType, WSServerHandshakeError


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


@pytest.mark.parametrize("option", [{"compress": 15}, {"json": {}}, {"chunked": True}])
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
