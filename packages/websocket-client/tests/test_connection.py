"""The interface for applications, over loopback sockets, and against a server not written here."""

import asyncio
import contextlib
import inspect
import json
import socket
from collections.abc import AsyncIterator
from typing import Any, Literal, cast

import pytest
import websockets.asyncio.server
from websockets.typing import Subprotocol

from whimbrel_connector.testing import MemoryTransport
from whimbrel_websocket_client import (
    Agreement,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DeflateOffer,
    DeflateParameters,
    WSCloseCode,
    WSMessage,
    WSMessageTypeError,
    WSMsgType,
)
from whimbrel_websocket_client.testing import Peer, ServerConnection, connect, serve


async def echo(connection: ServerConnection) -> None:
    """Send every message back until the client closes."""
    protocol = connection.protocol
    while True:
        message = await connection.receive()
        if message.type is WSMsgType.TEXT:
            await connection.send(protocol.send_text(message.data))
        elif message.type is WSMsgType.BINARY:
            await connection.send(protocol.send_binary(message.data))
        elif message.type in (WSMsgType.CLOSE, WSMsgType.ERROR):
            return


@contextlib.asynccontextmanager
async def to_echo(**options: Any) -> AsyncIterator[ClientWebSocketResponse]:
    async with serve(echo) as port, await connect(port, **options) as ws:
        yield ws


async def test_texts() -> None:
    async with to_echo() as ws:
        for text in ("", "Hello", "\u20ac\U0001f600", "x" * 70_000):
            await ws.send_str(text)
            assert await ws.receive() == (text, None, WSMsgType.TEXT)
            await ws.send_str(text)
            assert await ws.receive_str() == text


async def test_bytes() -> None:
    async with to_echo() as ws:
        for data in (b"", b"\x00\xff", bytearray(b"abc"), memoryview(b"abc"), bytes(3_000_000)):
            await ws.send_bytes(data)
            assert await ws.receive() == (bytes(data), None, WSMsgType.BINARY)
            await ws.send_bytes(data)
            assert await ws.receive_bytes() == bytes(data)


async def test_json() -> None:
    async with to_echo() as ws:
        await ws.send_json({"a": [1, None]})
        assert await ws.receive_json() == {"a": [1, None]}
        await ws.send_json(1.5, dumps=lambda data: f"[{data}]")
        assert await ws.receive_json(loads=lambda text: text.strip("[]")) == "1.5"
        await ws.send_json_bytes({"a": 1}, dumps=lambda data: json.dumps(data).encode())
        assert json.loads(await ws.receive_bytes()) == {"a": 1}
        await ws.send_str("not JSON")
        with pytest.raises(ValueError, match="Expecting value"):
            await ws.receive_json()


async def test_texts_can_stay_bytes() -> None:
    async with to_echo(decode_text=False) as decoding:
        ws = cast("ClientWebSocketResponse[Literal[False]]", decoding)
        await ws.send_str("\u20ac")
        assert await ws.receive() == (b"\xe2\x82\xac", None, WSMsgType.TEXT)
        await ws.send_str("[1]")
        assert await ws.receive_str() == b"[1]"
        await ws.send_str("[1]")
        assert await ws.receive_json() == [1]


async def test_frames() -> None:
    async with to_echo(autoping=False) as ws:
        await ws.send_frame(b"\xe2\x82\xac", WSMsgType.TEXT)
        assert await ws.receive() == ("\u20ac", None, WSMsgType.TEXT)
        await ws.send_frame(b"\xff", WSMsgType.BINARY)
        assert await ws.receive() == (b"\xff", None, WSMsgType.BINARY)
        await ws.send_frame(b"now", WSMsgType.PING)
        assert await ws.receive() == (b"now", None, WSMsgType.PONG)
        await ws.send_frame(b"unasked", WSMsgType.PONG)
        await ws.ping("text")
        assert await ws.receive() == (b"text", None, WSMsgType.PONG)


@pytest.mark.parametrize(
    ("method", "arguments", "error", "complaint"),
    [
        ("send_str", (b"x",), TypeError, "data must be str, not bytes"),
        ("send_bytes", ("x",), TypeError, "data must be bytes-like, not str"),
        ("send_str", ("\ud800",), ValueError, "surrogates"),
        ("send_json", (object(),), TypeError, "not JSON serializable"),
        ("send_frame", ("x", WSMsgType.TEXT), TypeError, "message must be bytes-like, not str"),
        ("send_frame", (b"\xff", WSMsgType.TEXT), ValueError, "utf-8"),
        ("send_frame", (b"", WSMsgType.CLOSE), ValueError, "opcode must be TEXT, BINARY, PING"),
        ("send_frame", (b"", WSMsgType.CONTINUATION), ValueError, "opcode must be TEXT"),
        ("ping", (bytes(126),), ValueError, "126 octets"),
        ("pong", (bytes(126),), ValueError, "126 octets"),
        ("send_str", ("x", 9), ValueError, "compress=9: no compression was agreed on"),
        ("send_bytes", (b"x", 15), ValueError, "compress=15"),
        ("send_frame", (b"x", WSMsgType.TEXT, 1), ValueError, "compress=1"),
    ],
)
async def test_what_cannot_be_sent(
    method: str, arguments: tuple[Any, ...], error: type[Exception], complaint: str
) -> None:
    async with to_echo() as ws:
        with pytest.raises(error, match=complaint):
            await getattr(ws, method)(*arguments)
        await ws.send_str("still open", compress=0)
        assert await ws.receive_str() == "still open"


async def test_json_encoders_return_what_they_should() -> None:
    async with to_echo() as ws:
        with pytest.raises(TypeError, match="data must be str, not bytes"):
            await ws.send_json(1, dumps=lambda _: b"1")  # type: ignore[arg-type,return-value]  # the test
        with pytest.raises(TypeError, match="data must be bytes-like, not str"):
            await ws.send_json_bytes(1, dumps=lambda _: "1")  # type: ignore[arg-type,return-value]  # the test


@pytest.mark.parametrize("method", ["send_str", "send_bytes", "send_json", "ping", "pong"])
async def test_nothing_is_sent_when_closed(method: str) -> None:
    async with to_echo() as ws:
        await ws.close()
        argument = b"x" if method == "send_bytes" else "x"
        with pytest.raises(ConnectionResetError, match=r"cannot send .* close\(\) was called"):
            await getattr(ws, method)(argument)


async def test_a_message_of_another_type() -> None:
    async with to_echo() as ws:
        await ws.send_bytes(b"\r\n" * 1000)
        with pytest.raises(WSMessageTypeError, match="expected a message of type TEXT") as caught:
            await ws.receive_str()
        assert "received BINARY" in str(caught.value)
        assert len(str(caught.value)) < 300
        await ws.send_str("x")
        with pytest.raises(WSMessageTypeError, match="of type BINARY, received TEXT"):
            await ws.receive_bytes()
        await ws.close()
        with pytest.raises(WSMessageTypeError, match="received CLOSED"):
            await ws.receive_json()


async def test_iteration_ends_with_the_peers_close() -> None:
    async def three(connection: ServerConnection) -> None:
        protocol = connection.protocol
        for number in range(3):
            await connection.send(protocol.send_text(str(number)))
        await connection.send(protocol.close(WSCloseCode.GOING_AWAY, "bye"))
        await connection.receive()

    async with serve(three) as port, await connect(port) as ws:
        assert [message.data async for message in ws] == ["0", "1", "2"]
        assert (ws.close_code, ws.close_reason) == (1001, "bye")
        assert repr(ws) == "<ClientWebSocketResponse closed protocol=None close_code=1001>"


async def test_iteration_gives_an_error() -> None:
    async def wrong(connection: ServerConnection) -> None:
        await connection.send(b"\x83\x00")
        assert (await connection.receive()).data == 1002

    async with serve(wrong) as port, await connect(port) as ws:
        messages = [message async for message in ws]
        assert [message.type for message in messages] == [WSMsgType.ERROR]
        assert messages[0].data is ws.exception()


async def test_what_comes_with_the_answer() -> None:
    async with serve(echo, with_answer=b"\x81\x02hi") as port, await connect(port) as ws:
        assert await ws.receive_str() == "hi"


async def test_a_server_that_just_leaves() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send(b"\x81\x05par")

    async with serve(leave) as port, await connect(port) as ws:
        assert (await ws.receive()).type is WSMsgType.CLOSED
        assert ws.close_code == 1006
        assert "in the middle of a message, after 3 octets of it" in str(ws.exception())


async def test_a_server_that_resets() -> None:
    async def reset(connection: ServerConnection) -> None:
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        sock = connection.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with serve(reset) as port, await connect(port) as ws:
        assert (await ws.receive()).type is WSMsgType.CLOSED
        assert ws.close_code == 1006
        error = ws.exception()
        assert error is not None
        assert isinstance(error.__cause__, ConnectionResetError)


async def test_a_server_that_closes_and_does_not_read_is_left_in_time() -> None:
    begin, go_on, finish = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stuck(connection: ServerConnection) -> None:
        protocol = connection.protocol
        await begin.wait()
        await connection.send(protocol.ping(b"x") + protocol.send_text("look"))
        await go_on.wait()
        await connection.send(protocol.close(1001))
        await finish.wait()

    async with serve(stuck) as port:
        ws = await connect(port, timeout=ClientWSTimeout(ws_close=0.05))
        sending = asyncio.ensure_future(ws.send_bytes(bytes(32 * 1024 * 1024)))
        await asyncio.sleep(0)  # the frame is written, and waits for room
        begin.set()
        assert await ws.receive_str() == "look"
        assert not sending.done()
        go_on.set()
        # The answer to the Close stands behind what the server does not read.
        assert (await ws.receive()).type is WSMsgType.CLOSE
        with pytest.raises(ConnectionResetError):
            await sending
        assert await ws.close() is False
        finish.set()


async def test_a_message_above_the_limit() -> None:
    async with to_echo(max_msg_size=1000) as ws:
        await ws.send_bytes(bytes(1000))
        assert len(await ws.receive_bytes()) == 1000
        await ws.send_bytes(bytes(1001))
        message = await ws.receive()
        assert message.type is WSMsgType.ERROR
        assert message.data.code == ws.close_code == WSCloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("__aenter__", "self"),
        ("__aexit__", "self, exc_type, exc, traceback"),
        ("__aiter__", "self"),
        ("__anext__", "self"),
        ("client_notakeover", None),
        ("close", "self, *, code=1000, message=b''"),
        ("close_code", None),
        ("closed", None),
        ("compress", None),
        ("exception", "self"),
        ("get_extra_info", "self, name, default=None"),
        ("ping", "self, message=b''"),
        ("pong", "self, message=b''"),
        ("protocol", None),
        ("receive", "self, timeout=None"),
        ("receive_bytes", "self, *, timeout=None"),
        ("receive_json", "self, *, loads=json.loads, timeout=None"),
        ("receive_str", "self, *, timeout=None"),
        ("send_bytes", "self, data, compress=None"),
        ("send_frame", "self, message, opcode, compress=None"),
        ("send_json", "self, data, compress=None, *, dumps=json.dumps"),
        ("send_json_bytes", "self, data, compress=None, *, dumps"),
        ("send_str", "self, data, compress=None"),
    ],
)
def test_the_interface_of_the_reference(name: str, parameters: str | None) -> None:
    member = inspect.getattr_static(ClientWebSocketResponse, name)
    if parameters is None:
        assert isinstance(member, property)
        return
    expected: dict[str, Any] = {"json": json}
    exec(f"def expected({parameters}): ...", expected)
    wanted = inspect.signature(expected["expected"])
    given = inspect.signature(member)
    assert [(p.name, p.kind, p.default) for p in given.parameters.values()] == [
        (p.name, p.kind, p.default) for p in wanted.parameters.values()
    ]


async def test_applications_may_derive_from_it() -> None:
    class Counting(ClientWebSocketResponse):
        count = 0

        async def receive(self, timeout: float | None = None) -> WSMessage:
            self.count += 1
            return await super().receive(timeout)

    one, other = MemoryTransport.pair()
    peer = Peer(other)
    ws = Counting(one, Agreement())
    for _ in range(4):
        peer.send(peer.protocol.send_text("1"))
    assert [await ws.receive_str(), await ws.receive_json()] == ["1", 1]
    assert (await anext(ws)).data == "1"
    async for message in ws:
        assert message.data == "1"
        break
    assert ws.count == 4
    await ws.close()


async def test_what_was_agreed_on() -> None:
    async def ends(_: ServerConnection) -> None:
        pass

    async with serve(ends, deflate=DeflateParameters(client_no_context_takeover=True)) as port:
        ws = await connect(port, deflate=DeflateOffer())
        assert (ws.compress, ws.client_notakeover) == (15, True)
        await ws.close()
        ws = await connect(port)
        assert (ws.compress, ws.client_notakeover) == (0, False)
        await ws.close()


@pytest.mark.parametrize("parameters", [True, DeflateParameters(9, 9, True, True)])
async def test_compressed_messages(parameters: DeflateParameters | bool) -> None:
    async with (
        serve(echo, deflate=parameters) as port,
        await connect(port, deflate=DeflateOffer()) as ws,
    ):
        for compress in (None, 0, 1, 9, None):
            await ws.send_str("text " * 1000, compress)
            assert await ws.receive_str() == "text " * 1000
            await ws.send_bytes(bytes(100_000), compress)
            assert await ws.receive_bytes() == bytes(100_000)
            await ws.send_frame(b"frame", WSMsgType.TEXT, compress)
            assert await ws.receive_str() == "frame"
        await ws.send_parts(["in ", "parts"], compress=3)
        assert await ws.receive_str() == "in parts"
        with pytest.raises(ValueError, match="level"):
            await ws.send_str("x", compress=10)


async def test_facts() -> None:
    async with (
        serve(echo, protocol="chat") as port,
        await connect(port, protocols=["chat"], response="the answer") as ws,
    ):
        assert ws.protocol == "chat"
        assert ws.response == "the answer"
        assert ws.get_extra_info("peername") == ("127.0.0.1", port)
        assert ws.get_extra_info("no such fact", 5) == 5
        assert ws.close_code is None
        assert ws.close_reason is None
        assert ws.exception() is None


def test_it_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        ClientWebSocketResponse(None, Agreement())  # type: ignore[arg-type]  # it does not get there


def test_timeouts() -> None:
    assert ClientWSTimeout() == ClientWSTimeout(ws_receive=None, ws_close=10.0)
    with pytest.raises(AttributeError):
        ClientWSTimeout().ws_close = 1  # type: ignore[misc]  # frozen


# Against a server not written here


@contextlib.asynccontextmanager
async def websockets_echo(**options: Any) -> AsyncIterator[int]:
    async def handler(connection: websockets.asyncio.server.ServerConnection) -> None:
        async for message in connection:
            if message == "close":
                await connection.close(4000, "as you wish")
            elif message == "fragments":
                await connection.send(["\u20ac", "uro", ""])
            elif message == "ping":
                await (await connection.ping(b"are you there"))
                await connection.send("you are")
            else:
                await connection.send(message)

    async with websockets.asyncio.server.serve(
        handler, "127.0.0.1", 0, subprotocols=[Subprotocol("chat")], **options
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def test_websockets_server() -> None:
    async with websockets_echo() as port, await connect(port, protocols=["x", "chat"]) as ws:
        assert ws.protocol == "chat"
        for size in (0, 125, 126, 65_535, 65_536, 900_000):
            await ws.send_bytes(bytes(size))
            assert await ws.receive_bytes() == bytes(size)
        await ws.send_str("\U0001f600" * 50_000)
        assert await ws.receive_str() == "\U0001f600" * 50_000
        await ws.send_str("fragments")
        assert await ws.receive_str() == "\u20acuro"
        await ws.send_str("ping")
        assert await ws.receive_str() == "you are"
    assert ws.close_code == 1000


async def test_websockets_server_closes() -> None:
    async with websockets_echo() as port, await connect(port, protocols=["chat"]) as ws:
        await ws.send_str("close")
        assert await ws.receive() == (4000, "as you wish", WSMsgType.CLOSE)


@pytest.mark.parametrize(
    ("options", "heartbeat"),
    [({"ping_interval": 0.02, "ping_timeout": 5}, None), ({"ping_interval": None}, 0.2)],
)
async def test_websockets_server_and_heartbeats(
    options: dict[str, Any], heartbeat: float | None
) -> None:
    async with (
        websockets_echo(**options) as port,
        await connect(port, protocols=["chat"], heartbeat=heartbeat) as ws,
    ):
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.5)
        await ws.send_str("alive")
        assert await ws.receive_str() == "alive"


async def test_websockets_server_many_messages_both_ways() -> None:
    async with websockets_echo() as port, await connect(port, protocols=["chat"]) as ws:

        async def send() -> None:
            for number in range(2000):
                await ws.send_str(str(number))

        sending = asyncio.ensure_future(send())
        assert [await ws.receive_str() for _ in range(2000)] == [str(n) for n in range(2000)]
        await sending
