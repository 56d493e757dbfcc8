"""The server's part, in a process of its own: `with serving(ports) as ports`.

It does what the path of the request says (`tools.soak.plan.Deed`), and names in its answer what
was asked for and of whom.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from tools.soak.plan import Deed
from tools.workspace import ROOT

__all__ = ["LARGE", "UNASKED", "serving"]

LARGE = 100_000
UNASKED = b"nobody asked"
"""The content of what is sent without having been asked for."""

_HOST = "127.0.0.1"
_SLOW = 0.01
_MOMENT = 0.002
"""How long a connection is idle before something happens to it, in seconds."""
_HEAD = re.compile(rb"(\w+) /([a-z-]+)/(\d+) HTTP/1\.1\r\n")
_HOST_FIELD = re.compile(rb"\r\nHost: ([^:\r]*)", re.IGNORECASE)
_LENGTH_FIELD = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)


def _response(content: bytes, field: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (field, len(content))
    return head + content


class _Client(asyncio.Protocol):
    """One connection of a client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""
        self._later: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._later is not None:  # not idle any more
            self._later.cancel()
            self._later = None
        while not self._transport.is_closing():
            end = self._buffer.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            head = self._buffer[:end]
            length = _LENGTH_FIELD.search(head)
            end += int(length[1]) if length else 0
            if len(self._buffer) < end:
                return
            self._buffer = self._buffer[end:]
            self._serve(head)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._later is not None:
            self._later.cancel()

    def _serve(self, head: bytes) -> None:
        line, host = _HEAD.match(head), _HOST_FIELD.search(head)
        assert line is not None
        assert host is not None
        _, deed, number = line.groups()
        _DEEDS[Deed(deed.decode())](self, b"%s/%s@%s" % (deed, number, host[1]))

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self._later = asyncio.get_running_loop().call_later(seconds, call)

    # The deeds; `name` says what was asked for

    def _answer(self, name: bytes) -> None:
        self._transport.write(_response(name))

    def _chunks(self, name: bytes) -> None:
        chunk = b"%x\r\n%s\r\n" % (len(name), name)
        self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        asyncio.get_running_loop().call_soon(self._transport.write, b"0\r\n\r\n")

    def _large(self, name: bytes) -> None:
        self._transport.write(_response(name.ljust(LARGE)))

    def _slow(self, name: bytes) -> None:
        self._after(_SLOW, lambda: self._answer(name))

    def _goodbye(self, name: bytes) -> None:
        self._transport.write(_response(name, b"Connection: close\r\n"))
        self._transport.close()

    def _brief(self, name: bytes) -> None:
        self._transport.write(_response(name, b"Keep-Alive: timeout=2\r\n"))

    def _close(self, name: bytes) -> None:
        self._answer(name)
        self._transport.close()

    def _reset(self, name: bytes) -> None:
        self._answer(name)
        self._after(_MOMENT, lambda: self._break(name))

    def _babble(self, name: bytes) -> None:
        # In one segment, so that the client has both when it has the first.
        self._transport.write(_response(name) + _response(UNASKED))

    def _late(self, name: bytes) -> None:
        self._answer(name)
        self._after(_MOMENT, lambda: self._transport.write(_response(UNASKED)))

    def _hang_up(self, name: bytes) -> None:
        self._transport.close()

    def _break(self, name: bytes) -> None:
        # A linger time of zero makes closing send RST.
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _cut(self, name: bytes) -> None:
        self._transport.write(_response(name)[:-1])
        self._transport.close()


_DEEDS: dict[Deed, Callable[[_Client, bytes], None]] = {
    deed: getattr(_Client, f"_{deed.value.replace('-', '_')}") for deed in Deed
}


async def _serve(ports: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(_Client, _HOST, 0, backlog=1000) for _ in range(ports)]
    print(json.dumps([s.sockets[0].getsockname()[1] for s in servers]), flush=True)
    # The parent closes its end when it is done, also when it dies.
    await loop.run_in_executor(None, sys.stdin.read)
    for server in servers:
        server.close()


@contextmanager
def serving(ports: int) -> Iterator[list[int]]:
    """Run the server while the block runs, on so many ports; yield them."""
    command = [sys.executable, "-m", "tools.soak.server", str(ports)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
