"""The other side of the client cases, in a process of its own: `with serving() as ports`.

As little work as can be, so that the client is what is measured: a bare protocol that answers
every request head with the same bytes, and a WebSocket echo.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from websockets.asyncio.server import ServerConnection, serve

from tools.workspace import ROOT

__all__ = ["BODY", "RESPONSE", "Ports", "serving"]

BODY = json.dumps({"message": "hello", "numbers": list(range(20))}).encode()
RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Server: bench\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n"
    b"Cache-Control: private, max-age=0\r\n"
    b"Vary: Accept-Encoding\r\n"
    b"X-Request-Id: 0123456789abcdef\r\n"
    b"\r\n"
) + BODY


class Ports(NamedTuple):
    """Where the servers listen on 127.0.0.1."""

    http: int
    websocket: int


class _Canned(asyncio.Protocol):
    """Answers each empty line, which ends the head of a request without content."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        requests = data.count(b"\r\n\r\n")
        self._tail = data[data.rfind(b"\r\n\r\n") + 4 :] if requests else data
        self._transport.write(RESPONSE * requests)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    canned = await loop.create_server(_Canned, "127.0.0.1", 0, backlog=1000)
    async with (
        canned,
        serve(
            _echo, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None
        ) as echoing,
    ):
        ports = [s.sockets[0].getsockname()[1] for s in (canned, echoing)]
        print(json.dumps(ports), flush=True)
        # The parent closes its end when it is done, also when it dies.
        await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def serving() -> Iterator[Ports]:
    """Run the servers while the block runs."""
    command = [sys.executable, "-m", "tools.bench.server"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Ports(*json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve())
