"""Servers that misbehave on purpose: raw asyncio, in the client's own loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

__all__ = [
    "Handler",
    "RawServer",
    "answer_each",
    "answer_then_close",
    "answer_then_hold",
    "deaf",
    "deaf_port",
    "raw_server",
    "read_head",
    "reset",
    "send_reset",
]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """What a test may know of a running server."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.port = port
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        self.connections = 0
        """How many connections were accepted so far."""
        self.heads: list[bytes] = []
        """The request heads that `read_head` saw, if the handler keeps them here."""


@asynccontextmanager
async def raw_server(
    handler: Handler,
    context: ssl.SSLContext | None = None,
    *,
    sock: socket.socket | None = None,
) -> AsyncIterator[RawServer]:
    """Run `handler` for each connection until the block ends; then end them all.

    Args:
        handler: called with each connection, which is aborted when it returns without closing.
        context: serve TLS with it.
        sock: a bound socket to listen on, which is closed with the server; `None` for 127.0.0.1
            and any port.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await handler(reader, writer)
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        task = asyncio.create_task(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    where: dict[str, Any] = {"host": "127.0.0.1", "port": 0} if sock is None else {"sock": sock}
    server = await asyncio.start_server(accept, ssl=context, **where)
    running = RawServer(server.sockets[0].getsockname()[1], tls=context is not None)
    try:
        yield running
    finally:
        server.close()
        pending = list(tasks)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await server.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Read one request's head; its body, if any, stays in `reader`."""
    return await reader.readuntil(b"\r\n\r\n")


def answer_then_close(response: bytes) -> Handler:
    """Answer the first request with these bytes, then end the stream in order."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(response)
        await writer.drain()
        writer.close()

    return handler


def answer_then_hold(response: bytes) -> Handler:
    """Answer the first request with these bytes, then stay silent until the client leaves."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(response)
        await reader.read()

    return handler


def answer_each(*responses: bytes) -> Handler:
    """Answer one request after another on each connection; the last response repeats."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while True:
            await read_head(reader)
            writer.write(responses[min(number, len(responses) - 1)])
            await writer.drain()
            number += 1

    return handler


def reset(response: bytes = b"") -> Handler:
    """Answer with these bytes, then reset the connection (RST instead of FIN)."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(response)
        await writer.drain()
        send_reset(writer)

    return handler


def send_reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    # A linger time of zero makes close() send RST.
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def deaf_port() -> Iterator[int]:
    """Yield a port of 127.0.0.1 whose connections are never established: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        with deaf(listener):
            yield listener.getsockname()[1]


@contextmanager
def deaf(listener: socket.socket) -> Iterator[None]:
    """Let a bound socket listen with a queue that is full until the block ends."""
    listener.listen(0)
    fillers = [socket.socket(listener.family) for _ in range(4)]
    try:
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield
    finally:
        for filler in fillers:
            filler.close()
