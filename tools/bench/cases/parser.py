"""Reading one response: its head, and a chunked body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import httptools
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpResponseParser
from multidict import CIMultiDict

from tools.bench.harness import Case, Operations, Variant
from whimbrel_http_parser import NEED_DATA, PAUSED, Data, Response, ResponseReader

__all__ = ["CASES"]

HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: 0\r\n"
    b"Connection: keep-alive\r\n"
    b"Server: nginx/1.28.0\r\n"
    b"Cache-Control: private, no-store, max-age=0\r\n"
    b'ETag: W/"3f80f-1b6-3e1cb03b"\r\n'
    b"Vary: Accept-Encoding, Origin\r\n"
    b"Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"X-Request-Id: 7b1a9b5e-6a0e-4b5f-9c6e-2f3f1c1d9a10\r\n"
    b"Set-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly\r\n"
    b"Access-Control-Allow-Origin: *\r\n"
    b"\r\n"
)
"""13 fields, as an API behind nginx sends them; without content, so that the head is measured."""

_CHUNKS, _CHUNK = 200, b"x" * 1024
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + (b"400\r\n" + _CHUNK + b"\r\n") * _CHUNKS
    + b"0\r\n\r\n"
)
_READ = 64 * 1024
"""What one read of a socket brings."""
PIECES = [_CHUNKED[i : i + _READ] for i in range(0, len(_CHUNKED), _READ)]
CONTENT = _CHUNKS * len(_CHUNK)


def _whimbrel_head(*, headers: bool) -> int:
    reader = ResponseReader()
    reader.receive_data(HEAD)
    response = reader.next_event()
    assert isinstance(response, Response)
    while reader.next_event() is not PAUSED:
        pass
    return len(response.headers if headers else response.raw_headers)


def _whimbrel_chunked() -> int:
    reader = ResponseReader()
    received = 0
    for piece in PIECES:
        reader.receive_data(piece)
        while (event := reader.next_event()) is not NEED_DATA and event is not PAUSED:
            if isinstance(event, Data):
                received += len(event.data)
    return received


def _h11_connection() -> h11.Connection:
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "example.com")]))
    connection.send(h11.EndOfMessage())
    return connection


def _h11_head() -> int:
    connection = _h11_connection()
    connection.receive_data(HEAD)
    response = connection.next_event()
    assert isinstance(response, h11.Response)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    return len(response.headers)


def _h11_chunked() -> int:
    connection = _h11_connection()
    received = 0
    for piece in PIECES:
        connection.receive_data(piece)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Data):
                received += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return received
    return received


class _Collector:
    """What httptools calls; gathers what the other parsers give."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.received = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        self.headers = CIMultiDict(self.pairs)

    def on_body(self, body: bytes) -> None:
        self.received += len(body)


def _httptools_head() -> int:
    collector = _Collector()
    httptools.HttpResponseParser(collector).feed_data(HEAD)
    return len(collector.headers)


def _httptools_chunked() -> int:
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    for piece in PIECES:
        parser.feed_data(piece)
    return collector.received


def _repeated(once: Callable[[], int], expected: int) -> Callable[[], Any]:
    @contextmanager
    def opened() -> Iterator[Operations]:
        assert once() == expected

        def run(count: int) -> None:
            for _ in range(count):
                once()

        yield run

    return opened


@contextmanager
def _aiohttp(pieces: list[bytes], fields: int, content: int) -> Iterator[Operations]:
    # As aiohttp's client does: a new parser for each response on the connection's protocol.
    loop = asyncio.new_event_loop()
    protocol = BaseProtocol(loop)

    def once() -> tuple[int, int]:
        parser = HttpResponseParser(protocol, loop, 2**16)
        [(message, payload)], _, _ = parser.feed_data(pieces[0])
        received = len(payload.read_nowait(-1))
        for piece in pieces[1:]:
            parser.feed_data(piece)
            received += len(payload.read_nowait(-1))
        return len(message.headers), received

    assert once() == (fields, content)

    def run(count: int) -> None:
        for _ in range(count):
            once()

    yield run
    loop.close()


CASES = (
    Case(
        "parser-head",
        "one response of 13 fields and no content",
        (
            Variant("whimbrel", _repeated(lambda: _whimbrel_head(headers=False), 13)),
            Variant("aiohttp (C)", lambda: _aiohttp([HEAD], 13, 0)),
            Variant(
                "whimbrel, multidict built", _repeated(lambda: _whimbrel_head(headers=True), 13)
            ),
            Variant("httptools + multidict", _repeated(_httptools_head, 13)),
            Variant("h11", _repeated(_h11_head, 13)),
        ),
    ),
    Case(
        "parser-chunked",
        f"one response of {_CHUNKS} chunks of 1 KiB, in reads of 64 KiB",
        (
            Variant("whimbrel", _repeated(_whimbrel_chunked, CONTENT)),
            Variant("aiohttp (C)", lambda: _aiohttp(PIECES, 1, CONTENT)),
            Variant("httptools", _repeated(_httptools_chunked, CONTENT)),
            Variant("h11", _repeated(_h11_chunked, CONTENT)),
        ),
    ),
)
