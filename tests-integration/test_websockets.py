"""WebSockets with three servers: granian, hypercorn (wsproto) and websockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from whimbrel import (
    ClientConnectorCertificateError,
    ClientSession,
    ServerDisconnectedError,
    TCPConnector,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
)


@pytest.fixture
async def client(trust: ssl.SSLContext) -> AsyncIterator[ClientSession]:
    connector = TCPConnector(ssl=trust)
    async with ClientSession(connector=connector) as session:
        yield session
        statistics = connector.statistics()
        assert (statistics.in_use, statistics.waiting) == (0, 0)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
async def test_echo(client: ClientSession, endpoint: str, size: int) -> None:
    async with client.ws_connect(endpoint) as ws:
        text = "ü€" * (size // 5) + "x" * (size % 5)
        await ws.send_str(text)
        assert await ws.receive_str() == text
        octets = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        await ws.send_bytes(octets)
        assert await ws.receive_bytes() == octets
    assert ws.closed


async def test_json_and_order(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        for number in range(100):
            await ws.send_json({"number": number})
        assert [(await ws.receive_json())["number"] for _ in range(100)] == list(range(100))


async def test_iteration_ends_with_the_connection(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        seen = []
        await ws.send_str("0")
        async for message in ws:
            assert message.type is WSMsgType.TEXT
            seen.append(message.data)
            if len(seen) == 3:
                await ws.close()
            else:
                await ws.send_str(str(len(seen)))
    assert seen == ["0", "1", "2"]


async def test_a_message_of_the_wrong_type(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        await ws.send_bytes(b"octets")
        with pytest.raises(TypeError):
            await ws.receive_str()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(("chat", "superchat"), {"chat", "superchat"}), (("chat",), {"chat"}), ((), {None})],
)
async def test_subprotocols(
    client: ClientSession, endpoint: str, offered: tuple[str, ...], chosen: set[str | None]
) -> None:
    async with client.ws_connect(endpoint, protocols=offered) as ws:
        assert ws.protocol in chosen


async def test_closing_from_here(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        assert await ws.close(code=4001, message=b"done here")
        assert ws.closed
        message = await ws.receive()
        assert message.type is WSMsgType.CLOSED


async def test_closing_from_there(client: ClientSession, peer: Any) -> None:
    url = peer.url.replace("http", "ws", 1) + "/ws?close=4002&reason=enough"
    async with client.ws_connect(url) as ws:
        await ws.send_str("anything")
        message = await ws.receive()
        assert message.type is WSMsgType.CLOSE
        assert (message.data, message.extra) == (4002, "enough")
        assert ws.close_code == 4002


async def test_closing_from_a_server_that_says_why(
    client: ClientSession, websocket_peer: Any
) -> None:
    async with client.ws_connect(f"{websocket_peer.url}/close?1001") as ws:
        await ws.send_str("anything")
        message = await ws.receive()
        assert (message.data, message.extra) == (WSCloseCode.GOING_AWAY, "as you wish")


async def test_a_ping_is_answered(client: ClientSession, websocket_peer: Any) -> None:
    async with client.ws_connect(f"{websocket_peer.url}/ping") as ws:
        assert await ws.receive_str() == "ponged"


async def test_heartbeats(client: ClientSession, websocket_peer: Any) -> None:
    async with client.ws_connect(websocket_peer.url, heartbeat=0.05) as ws:
        with pytest.raises(asyncio.TimeoutError):
            await ws.receive(timeout=0.3)  # five pings, each answered, and nothing else
        await ws.send_str("still there")
        assert await ws.receive_str() == "still there"


async def test_a_refused_handshake(client: ClientSession, websocket_peer: Any) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect(f"{websocket_peer.url}/refuse")
    assert caught.value.status == 404
    assert "404" in str(caught.value)


async def test_a_path_without_a_websocket(client: ClientSession, peer: Any) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect(peer.url.replace("http", "ws", 1) + "/elsewhere")
    assert caught.value.status == 403


async def test_an_untrusted_certificate(websocket_peer: Any) -> None:
    if not websocket_peer.tls:
        async with ClientSession() as session, session.ws_connect(websocket_peer.url) as ws:
            assert not ws.closed
        return
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorCertificateError):
            await session.ws_connect(websocket_peer.url)


async def test_through_a_proxy(client: ClientSession, websocket_peer: Any, proxy: str) -> None:
    async with client.ws_connect(websocket_peer.url, proxy=proxy) as ws:
        await ws.send_str("through")
        assert await ws.receive_str() == "through"


async def test_many_at_once(client: ClientSession, endpoint: str) -> None:
    async def one(number: int) -> None:
        async with client.ws_connect(endpoint) as ws:
            for turn in range(5):
                await ws.send_str(f"{number}.{turn}")
                assert await ws.receive_str() == f"{number}.{turn}"

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_a_cancelled_receive_loses_nothing(client: ClientSession, endpoint: str) -> None:
    async with client.ws_connect(endpoint) as ws:
        waiting = asyncio.create_task(ws.receive_str())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await ws.send_str("after")
        assert await ws.receive_str() == "after"


async def test_sending_after_the_end(client: ClientSession, peer: Any) -> None:
    url = peer.url.replace("http", "ws", 1) + "/ws?close=1000"
    async with client.ws_connect(url) as ws:
        await ws.send_str("anything")
        assert (await ws.receive()).type is WSMsgType.CLOSE
        with pytest.raises((ConnectionError, ServerDisconnectedError)):
            await ws.send_str("too late")
