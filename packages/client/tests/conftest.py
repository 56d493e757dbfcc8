"""A server that says exactly what a test wants, byte for byte, over loopback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


class RawServer:
    """Answers the n-th request of a connection with the n-th of `answers`; the last one repeats.

    An answer is bytes, or a coroutine function that is given the streams. `None` closes.
    """

    def __init__(self, *answers: bytes | Callable[..., Awaitable[None]] | None) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}/"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = 0
        try:
            while True:
                await self._read_request(reader)
                answer = self.answers[min(served, len(self.answers) - 1)]
                served += 1
                if answer is None:
                    return
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _read_request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        if length := _LENGTH.search(head):
            body = await reader.readexactly(int(length[1]))
        elif b"\r\ntransfer-encoding: chunked" in head.lower():
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        self.requests.append(head + body)


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[..., Awaitable[RawServer]]]:
    """Start servers with the answers given; they stop with the test."""
    servers: list[RawServer] = []

    async def start(*answers: bytes | Callable[..., Awaitable[None]] | None) -> RawServer:
        server = RawServer(*answers)
        await server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()
