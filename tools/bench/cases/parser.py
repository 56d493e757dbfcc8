"""Reading one response: its head, and a chunked body; and one request."""

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
from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    RequestReader,
    ResponseReader,
)

__all__ = ["CASES"]

_CONTENT = b'{"id": 1234, "name": "whimbrel", "legs": 2}'
RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
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
    b"\r\n%b"
) % (len(_CONTENT), _CONTENT)
"""13 fields and a small body, as an API behind nginx sends them."""

REQUEST = (
    b"GET /api/v1/birds/whimbrel?fields=name,legs HTTP/1.1\r\n"
    b"Host: api.example.org\r\n"
    b"User-Agent: whimbrel/1.0 python/3.13\r\n"
    b"Accept: application/json\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    b"\r\n"
)
"""Six fields, as an API client sends them."""

_CHUNKS, _CHUNK = 1000, b"x" * 1024
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + (b"400\r\n" + _CHUNK + b"\r\n") * _CHUNKS
    + b"0\r\n\r\n"
)
_READ = 64 * 1024
"""What one read of a socket brings."""
PIECES = [_CHUNKED[i : i + _READ] for i in range(0, len(_CHUNKED), _READ)]
CONTENT = _CHUNKS * len(_CHUNK)


# What is timed asks each parser for no more than a caller must; that it finds what it should is
# asserted once, before.


def _whimbrel_response() -> int:
    reader = ResponseReader()
    reader.receive_data(RESPONSE)
    response = reader.next_event()
    response.headers["Set-Cookie"]  # type: ignore[union-attr] # it is a Response
    data = reader.next_event()
    reader.next_event()
    return len(data.data)  # type: ignore[union-attr] # it is Data


def _whimbrel_unread_response() -> int:
    reader = ResponseReader()
    reader.receive_data(RESPONSE)
    reader.next_event()
    data = reader.next_event()
    reader.next_event()
    return len(data.data)  # type: ignore[union-attr] # it is Data


def _whimbrel_request() -> int:
    reader = RequestReader()
    reader.receive_data(REQUEST)
    request = reader.next_event()
    request.headers["Cookie"]  # type: ignore[union-attr] # it is a Request
    reader.next_event()
    return len(request.target)  # type: ignore[union-attr] # it is a Request


def _whimbrel_unread_request() -> int:
    reader = RequestReader()
    reader.receive_data(REQUEST)
    request = reader.next_event()
    reader.next_event()
    return len(request.target)  # type: ignore[union-attr] # it is a Request


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


def _h11_response() -> int:
    connection = _h11_connection()
    connection.receive_data(RESPONSE)
    assert isinstance(connection.next_event(), h11.Response)
    data = connection.next_event()
    assert isinstance(data, h11.Data)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    return len(data.data)


def _h11_request() -> int:
    connection = h11.Connection(our_role=h11.SERVER)
    connection.receive_data(REQUEST)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    return len(request.target)


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
        self.target = b""
        self.received = 0

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        self.headers = CIMultiDict(self.pairs)

    def on_body(self, body: bytes) -> None:
        self.received += len(body)


class _Counter:
    """What httptools calls when nobody looks at the fields."""

    def __init__(self) -> None:
        self.received = 0

    def on_body(self, body: bytes) -> None:
        self.received += len(body)


def _httptools_response() -> int:
    collector = _Collector()
    httptools.HttpResponseParser(collector).feed_data(RESPONSE)
    collector.headers["Set-Cookie"]
    return collector.received


def _httptools_unread_response() -> int:
    counter = _Counter()
    httptools.HttpResponseParser(counter).feed_data(RESPONSE)
    return counter.received


def _httptools_request() -> int:
    collector = _Collector()
    httptools.HttpRequestParser(collector).feed_data(REQUEST)
    collector.headers["Cookie"]
    return len(collector.target)


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
def _aiohttp(pieces: list[bytes], content: int, *, look: bool) -> Iterator[Operations]:
    # As aiohttp's client does: a new parser for each response on the connection's protocol. It
    # always makes the multidict.
    loop = asyncio.new_event_loop()
    protocol = BaseProtocol(loop)

    def once() -> int:
        parser = HttpResponseParser(protocol, loop, 2**16)
        [(message, payload)], _, _ = parser.feed_data(pieces[0])
        if look:
            message.headers["Set-Cookie"]
        received = len(payload.read_nowait(-1))
        for piece in pieces[1:]:
            parser.feed_data(piece)
            received += len(payload.read_nowait(-1))
        return received

    assert once() == content

    def run(count: int) -> None:
        for _ in range(count):
            once()

    yield run
    loop.close()


_SIZE = len(_CONTENT)
_TARGET = len(b"/api/v1/birds/whimbrel?fields=name,legs")

CASES = (
    Case(
        "parser-response",
        "one response of 13 fields and a small body, its headers read from a multidict",
        (
            Variant("whimbrel", _repeated(_whimbrel_response, _SIZE)),
            Variant("aiohttp (C)", lambda: _aiohttp([RESPONSE], _SIZE, look=True)),
            Variant("httptools + multidict", _repeated(_httptools_response, _SIZE)),
            Variant("h11", _repeated(_h11_response, _SIZE)),
        ),
    ),
    Case(
        "parser-unread-headers",
        "the same, and nobody looks at the headers",
        (
            Variant("whimbrel", _repeated(_whimbrel_unread_response, _SIZE)),
            Variant("aiohttp (C)", lambda: _aiohttp([RESPONSE], _SIZE, look=False)),
            Variant("httptools", _repeated(_httptools_unread_response, _SIZE)),
        ),
    ),
    Case(
        "parser-chunked",
        f"one response of {_CHUNKS} chunks of 1 KiB, in reads of 64 KiB",
        (
            Variant("whimbrel", _repeated(_whimbrel_chunked, CONTENT)),
            Variant("aiohttp (C)", lambda: _aiohttp(PIECES, CONTENT, look=False)),
            Variant("httptools", _repeated(_httptools_chunked, CONTENT)),
            Variant("h11", _repeated(_h11_chunked, CONTENT)),
        ),
    ),
    Case(
        "parser-request",
        "one request of 6 fields, its headers read from a multidict",
        (
            Variant("whimbrel", _repeated(_whimbrel_request, _TARGET)),
            Variant("httptools + multidict", _repeated(_httptools_request, _TARGET)),
            Variant(
                "whimbrel, headers unread",
                _repeated(_whimbrel_unread_request, _TARGET),
            ),
            Variant("h11", _repeated(_h11_request, _TARGET)),
        ),
    ),
)
