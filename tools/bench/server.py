"""The other side of the client cases, in a process of its own: `with serving() as ports`.

As little work as can be, so that the client is what is measured: a bare protocol that answers
every request head with the same bytes, and one that sends WebSocket frames back as they came.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

from tools.workspace import ROOT
from whimbrel_websocket_client import accept_key

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
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        requests = data.count(b"\r\n\r\n")
        self._tail = data[data.rfind(b"\r\n\r\n") + 4 :] if requests else data
        self._transport.write(RESPONSE * requests)


class _Echo(asyncio.Protocol):
    """Agrees to any WebSocket, then sends each frame back, unmasked, whatever is in it.

    A compressed message stays one: what expands the client's at the client is its own context. So
    permessage-deflate is agreed on without parameters, whenever it is offered.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(2**24)
        self._data = bytearray()
        self._is_open = False

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            self._shake_hands()
            return
        while (end := self._echo_frame()) > 0:
            del self._data[:end]

    def _shake_hands(self) -> None:
        head, end, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")[1:]
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(fields['sec-websocket-key'])}",
        ]
        if "permessage-deflate" in fields.get("sec-websocket-extensions", ""):
            answer.append("Sec-WebSocket-Extensions: permessage-deflate")
        self._transport.write("\r\n".join([*answer, "", ""]).encode("latin-1"))
        self._is_open = True
        del self._data[:]
        if rest:
            self.data_received(rest)

    def _echo_frame(self) -> int:
        """Send the first frame back, and return how long it was; 0 when it is not all there."""
        data = self._data
        if len(data) < 6:
            return 0
        length, start = data[1] & 0x7F, 6
        if length >= 126:
            start = 8 if length == 126 else 14
            length = int.from_bytes(data[2 : start - 4], "big")
        if len(data) < start + length:
            return 0
        key = bytes(data[start - 4 : start])
        payload = _unmasked(data[start : start + length], key)
        header = bytes([data[0], data[1] & 0x7F]) + data[2 : start - 4]
        self._transport.write(header + payload)
        if data[0] & 0x0F == 8:
            self._transport.close()
        return start + length


def _unmasked(data: bytearray, key: bytes) -> bytes:
    length = len(data)
    keys = key * (length // 4 + 1)
    number = int.from_bytes(data, "big") ^ int.from_bytes(keys[:length], "big")
    return number.to_bytes(length, "big")


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(protocol, "127.0.0.1", 0, backlog=1000)
        for protocol in (_Canned, _Echo)
    ]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
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


def _main() -> None:
    # The faster loop where there is one: whoever waits less for its answer sleeps less.
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop  # noqa: PLC0415 - only where it exists

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve())


if __name__ == "__main__":
    _main()
