"""Whether work grows in proportion: the same bytes as one large thing and as eight small ones.

Here both variants are ours, and a ratio near 1 is what is wanted; quadratic work would give 8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tools.bench.harness import Case, Operations, Variant
from whimbrel import StreamReader
from whimbrel_http_parser import (
    Limits,
    Response,
    ResponseReader,
    Signal,
    parse_challenges,
    parse_content_disposition,
    parse_links,
)

__all__ = ["CASES"]

_LIMITS = Limits(
    start_line=2**30, head=2**30, field_line=2**30, fields=2**30, chunk_extensions=2**30
)
_PARTS = 8


class _Source:
    """A body's source that is never held back."""

    def pause_body(self) -> None:
        """Do nothing: the whole body is there."""

    def resume_body(self) -> None:
        """Do nothing."""

    def abandon_body(self) -> None:
        """Do nothing."""


def _head_bytewise(size: int) -> None:
    reader = ResponseReader(limits=_LIMITS)
    head = b"HTTP/1.1 200 OK\r\nX: " + b"a" * size + b"\r\nContent-Length: 0\r\n\r\n"
    for at in range(len(head)):
        reader.receive_data(head[at : at + 1])
        while not isinstance(reader.next_event(), Signal):
            pass
    assert reader.close_reason is None


def _chunked_bytewise(size: int) -> None:
    reader = ResponseReader(limits=_LIMITS)
    body = b"8;a=b\r\n01234567\r\n" * (size // 17)
    message = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    for at in range(len(message)):
        reader.receive_data(message[at : at + 1])
        while not isinstance(reader.next_event(), Signal):
            pass
    assert reader.close_reason is None


def _fields(size: int) -> None:
    reader = ResponseReader(limits=_LIMITS)
    lines = b"X-Name: value of it\r\n" * (size // 21)
    reader.receive_data(b"HTTP/1.1 204 OK\r\n" + lines + b"\r\n")
    response = reader.next_event()
    assert isinstance(response, Response)
    assert len(response.headers) == size // 21


def _field_values(size: int) -> None:
    # What is opened and never closed tempts a parser to look for the end again and again.
    for opening in ('Basic a="', "Basic a=\\", "</a>;b='", 'attachment; filename="'):
        text = opening * (size // len(opening))
        parse_challenges(text)
        parse_links(text)
        parse_content_disposition(text)


def _body(content: bytes) -> StreamReader:
    body = StreamReader(_Source())
    body.feed_data(content)
    body.feed_eof()
    return body


async def _lines(count: int) -> None:
    found = 0
    async for _ in _body(b"ab\n" * count):
        found += 1
    assert found == count


async def _single_bytes(count: int) -> None:
    found = 0
    async for _ in _body(bytes(count)).iter_chunked(1):
        found += 1
    assert found == count


def _variants(once: Callable[[int], None], size: int) -> tuple[Variant, ...]:
    def opened(parts: int) -> Callable[[], AbstractContextManager[Operations]]:
        @contextmanager
        def ready() -> Iterator[Operations]:
            def run(count: int) -> None:
                for _ in range(count * parts):
                    once(size // parts)

            yield run

        return ready

    return (
        Variant("one large", opened(1)),
        Variant(f"{_PARTS} small", opened(_PARTS)),
    )


CASES = (
    Case(
        "scaling-head-bytewise",
        "64 KiB of heads, byte by byte",
        _variants(_head_bytewise, 2**16),
    ),
    Case(
        "scaling-chunked-bytewise",
        "64 KiB of chunked bodies in small chunks with extensions, byte by byte",
        _variants(_chunked_bytewise, 2**16),
    ),
    Case(
        "scaling-fields",
        "128 KiB of heads in lines of 21 bytes, into multidicts",
        _variants(_fields, 2**17),
    ),
    Case(
        "scaling-field-values",
        "32 KiB each of quotes that do not end, in challenges, links and dispositions",
        _variants(_field_values, 2**15),
    ),
    Case(
        "scaling-lines",
        "80,000 short lines of bodies",
        _variants(lambda count: asyncio.run(_lines(count)), 80_000),
    ),
    Case(
        "scaling-single-bytes",
        "80,000 bytes of bodies, by iter_chunked(1)",
        _variants(lambda count: asyncio.run(_single_bytes(count)), 80_000),
    ),
)
