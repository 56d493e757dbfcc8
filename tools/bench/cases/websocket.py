"""WebSockets to a server in another process: echoes, idle connections, and the imports."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

import aiohttp
import picows
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

import whimbrel
from tools.bench.harness import Case, Operations, Variant, allow_open_files
from tools.bench.loops import AsyncOperations, on_a_loop
from tools.bench.server import serving
from whimbrel_websocket_client import ClientHandshake
from whimbrel_websocket_client.frames import OP_BINARY, encode_frame

__all__ = ["CASES"]

Echo = Callable[[Any], Awaitable[Any]]
"""Sends a message, text or binary, and returns the next one that comes."""
Connect = Callable[[], Awaitable[Echo]]
Client = Callable[[str, AsyncExitStack], Awaitable[Connect]]
"""Prepares what all connections to a URL share; the stack is to close it and each of them."""

_IDLE = 500
_WINDOW_BITS = 15


# Clients


def _session(module: Any, *, compress: int = 0) -> Client:
    options = {"max_msg_size": 0, "compress": compress}

    async def prepare(url: str, stack: AsyncExitStack) -> Connect:
        session = await stack.enter_async_context(
            module.ClientSession(connector=module.TCPConnector(limit=0))
        )

        async def opened() -> Echo:
            websocket = await session.ws_connect(url, **options)
            stack.push_async_callback(websocket.close)

            async def echo(message: bytes) -> Any:
                await websocket.send_bytes(message)
                return await websocket.receive_bytes()

            async def echo_text(message: str) -> Any:
                await websocket.send_str(message)
                return await websocket.receive_str()

            return echo_text if compress else echo

        return opened

    return prepare


def _websockets(*, compress: int = 0) -> Client:
    factory = ClientPerMessageDeflateFactory(client_max_window_bits=compress or None)

    async def prepare(url: str, stack: AsyncExitStack) -> Connect:
        async def opened() -> Echo:
            websocket = await connect(
                url,
                compression=None,
                extensions=[factory] if compress else [],
                max_size=None,
                ping_interval=None,
                proxy=None,
            )
            stack.push_async_callback(websocket.close)

            async def echo(message: bytes | str) -> Any:
                await websocket.send(message)
                return await websocket.recv()

            return echo

        return opened

    return prepare


class _Listener(picows.WSListener):  # type: ignore[misc]  # Any where not installed
    """Hands each binary message to the future that waits for it."""

    answer: asyncio.Future[bytes]

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take a frame, which is a message: the server sends them as they were sent."""
        if frame.msg_type == picows.WSMsgType.BINARY:
            self.answer.set_result(frame.get_payload_as_bytes())


def _picows(*, own_transport: bool) -> Client:
    async def prepare(url: str, stack: AsyncExitStack) -> Connect:
        loop = asyncio.get_running_loop()

        async def closed(transport: picows.WSTransport) -> None:
            transport.disconnect()
            await transport.wait_disconnected()

        async def opened() -> Echo:
            transport, listener = await picows.ws_connect(
                _Listener, url, use_aiofastnet=own_transport
            )
            stack.push_async_callback(closed, transport)

            async def echo(message: bytes) -> Any:
                listener.answer = loop.create_future()
                transport.send(picows.WSMsgType.BINARY, message)
                return await listener.answer

            return echo

        return opened

    return prepare


class _Bare(asyncio.Protocol):
    """As little as asyncio lets a protocol do: it counts octets until all of a frame are there."""

    def __init__(self) -> None:
        self.missing = 0
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing <= 0 and not self.done.done():
            self.done.set_result(data)


async def _bare(url: str, stack: AsyncExitStack) -> Connect:
    """Send a frame that is ready, and take the answer's length for its content."""
    loop = asyncio.get_running_loop()
    port = int(url.rstrip("/").rpartition(":")[2])

    async def opened() -> Echo:
        transport, protocol = await loop.create_connection(_Bare, "127.0.0.1", port)
        stack.callback(transport.close)
        fields = [f"{name}: {value}" for name, value in ClientHandshake().headers()]
        head = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", *fields, "", ""]
        transport.write("\r\n".join(head).encode())
        await protocol.done
        frames: dict[int, bytes] = {}

        async def echo(message: bytes) -> bytes:
            frame = frames.get(id(message))
            if frame is None:
                frame = frames[id(message)] = encode_frame(OP_BINARY, message, masked=True)
            protocol.missing = len(frame) - 4  # the key does not come back
            protocol.done = loop.create_future()
            transport.write(frame)
            await protocol.done
            return message

        return echo

    return opened


# Echoes


def _echoing(name: str, client: Client, messages: Sequence[bytes] | Sequence[str]) -> Variant:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        with serving() as ports:
            async with AsyncExitStack() as stack:
                connected = await client(f"ws://127.0.0.1:{ports.websocket}/", stack)
                echo = await connected()
                turns = itertools.cycle(messages)

                async def run(count: int) -> None:
                    for message in itertools.islice(turns, count):
                        if await echo(message) != message:
                            raise AssertionError("this is not what was sent")

                yield run

    return Variant(name, on_a_loop(opened))


def _echo_case(name: str, size: int) -> Case:
    messages = [random.Random(size).randbytes(size)]
    return Case(
        f"websocket-{name}",
        f"send a binary message of {size:,} octets and receive it",
        (
            _echoing("whimbrel", _session(whimbrel), messages),
            _echoing("aiohttp", _session(aiohttp), messages),
            _echoing("websockets", _websockets(), messages),
            _echoing("picows", _picows(own_transport=False), messages),
            _echoing("picows, its own transports", _picows(own_transport=True), messages),
            _echoing("a bare protocol", _bare, messages),
        ),
    )


def _records(size: int) -> list[str]:
    """Return different texts of about as many octets, such as an interface might send.

    Together they are larger than a window, so that none of them is a copy of what was sent before.
    """
    chance = random.Random(size)
    texts = []
    for number in range(4 + 128 * 1024 // size):
        records: list[dict[str, object]] = []
        while len(json.dumps(records)) < size:
            records.append(
                {
                    "id": chance.randrange(10**9),
                    "symbol": "".join(chance.choices("ABCDEFGH", k=4)),
                    "price": round(chance.uniform(1, 1000), 2),
                    "active": chance.random() < 0.5,
                    "page": number,
                }
            )
        texts.append(json.dumps(records))
    return texts


def _deflate_case(name: str, size: int) -> Case:
    messages = _records(size)
    return Case(
        f"websocket-deflate-{name}",
        f"send a JSON text of {size:,} octets and receive it, with permessage-deflate",
        (
            _echoing("whimbrel", _session(whimbrel, compress=_WINDOW_BITS), messages),
            _echoing("aiohttp", _session(aiohttp, compress=_WINDOW_BITS), messages),
            _echoing("websockets", _websockets(compress=_WINDOW_BITS), messages),
        ),
    )


# Memory


def _idle(name: str, client: Client, message: bytes | str | None = None) -> Variant:
    """Open `count` WebSockets; each stays open, after an echo if there is a message."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncOperations]:
        allow_open_files(_IDLE + 100)
        with serving() as ports:
            async with AsyncExitStack() as stack:
                connected = await client(f"ws://127.0.0.1:{ports.websocket}/", stack)

                async def one() -> None:
                    echo = await connected()
                    if message is not None and await echo(message) != message:
                        raise AssertionError("this is not what was sent")

                await one()  # what there is once, whatever the number

                async def run(count: int) -> None:
                    for _ in range(count):
                        await one()

                yield run

    return Variant(name, on_a_loop(opened))


def _memory_case(name: str, what: str, *, compress: int, message: bytes | str | None) -> Case:
    return Case(
        f"websocket-memory{name}",
        f"an idle WebSocket{what}",
        (
            _idle("whimbrel", _session(whimbrel, compress=compress), message),
            _idle("aiohttp", _session(aiohttp, compress=compress), message),
            _idle("websockets", _websockets(compress=compress), message),
        ),
        things=_IDLE,
    )


# Imports


def _importing(name: str, statement: str) -> Variant:
    @contextmanager
    def opened() -> Iterator[Operations]:
        def run(count: int) -> None:
            for _ in range(count):
                subprocess.run([sys.executable, "-c", statement], check=True)

        yield run

    return Variant(name, opened)


CASES = (
    _echo_case("32B", 32),
    _echo_case("1KiB", 1024),
    _echo_case("64KiB", 64 * 1024),
    _echo_case("1MiB", 1024 * 1024),
    _deflate_case("1KiB", 1024),
    _deflate_case("64KiB", 64 * 1024),
    _memory_case("", "", compress=0, message=None),
    _memory_case(
        "-deflate-unused",
        " with permessage-deflate, before its first message",
        compress=_WINDOW_BITS,
        message=None,
    ),
    _memory_case(
        "-deflate",
        " with permessage-deflate, after an echo",
        compress=_WINDOW_BITS,
        message="hello",
    ),
    Case(
        "websocket-import",
        "start Python and import the package, in a process of its own",
        (
            _importing("whimbrel_websocket_client", "import whimbrel_websocket_client"),
            _importing("aiohttp", "import aiohttp"),
            _importing("websockets", "import websockets.asyncio.client"),
            _importing("picows", "import picows"),
            _importing("whimbrel", "import whimbrel"),
            _importing("asyncio", "import asyncio"),
        ),
        in_children=True,
    ),
)
