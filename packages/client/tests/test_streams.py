from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whimbrel.errors import ClientPayloadError
from whimbrel.streams import BodySource, StreamReader
from whimbrel_http_parser import (
    ContentCodingError,
    DecodingLimits,
    LimitExceeded,
    decoder_for,
    encoder_for,
)

Piece = tuple[bytes, tuple[int, ...]]
MIB = 2**20


def encode(coding: str, body: bytes) -> bytes:
    encoder = encoder_for(coding)
    return encoder.encode(body) + encoder.finish()


class Source:
    """A body's source that notes what its reader tells it."""

    def __init__(self) -> None:
        self.paused = False
        self.pauses = 0
        self.resumes = 0
        self.abandoned = False

    def pause_body(self) -> None:
        assert not self.paused
        self.paused = True
        self.pauses += 1

    def resume_body(self) -> None:
        assert self.paused
        self.paused = False
        self.resumes += 1

    def abandon_body(self) -> None:
        self.abandoned = True


def test_the_source_is_one() -> None:
    source: BodySource = Source()
    assert source is not None


def make(
    *pieces: bytes, limit: int = 2**16, coding: bytes | None = None, eof: bool = False
) -> StreamReader:
    reader = StreamReader(Source(), limit, None if coding is None else decoder_for([coding]))
    for piece in pieces:
        reader.feed_data(piece)
    if eof:
        reader.feed_eof()
    return reader


async def turns(n: int = 3) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def waiting(call: Awaitable[Any]) -> asyncio.Future[Any]:
    """Start a read that has nothing to read yet."""
    task = asyncio.ensure_future(call)
    await turns()
    assert not task.done()
    return task


# Against a simple model: a body is bytes, reading moves a position through them


@dataclass
class Model:
    """What reading must do, said on the whole body."""

    body: bytes
    chunk_ends: list[int]
    position: int = 0
    forgotten: int = 0
    """Up to here an interrupted read may have passed the ends of chunks."""

    @property
    def rest(self) -> bytes:
        return self.body[self.position :]

    def took(self, data: bytes) -> None:
        assert data == self.rest[: len(data)]
        self.position += len(data)

    def until(self, separator: bytes) -> bytes:
        found = self.rest.find(separator)
        return self.rest if found < 0 else self.rest[: found + len(separator)]


@dataclass
class Feed:
    """Gives a reader one piece after the other, then the end."""

    reader: StreamReader
    source: Source
    pieces: deque[Piece]
    ended: bool = False

    def once(self) -> None:
        if self.pieces:
            self.reader.feed_data(*self.pieces.popleft())
        elif not self.ended:
            self.ended = True
            self.reader.feed_eof()

    async def until_done(self, call: Awaitable[Any]) -> Any:
        """Run a read, and feed while it waits; the source must not be held back then."""
        task = asyncio.ensure_future(call)
        await turns()
        while not task.done():
            assert not self.source.paused, "waits for data and does not let any come"
            assert not self.ended
            self.once()
            await turns(2)
        return task.result()


async def _read(model: Model, feed: Feed, n: int) -> None:
    data = await feed.until_done(feed.reader.read(n))
    assert len(data) <= n
    assert data or not n or not model.rest
    model.took(data)


async def _readany(model: Model, feed: Feed, _: int) -> None:
    data = await feed.until_done(feed.reader.readany())
    assert data or not model.rest
    model.took(data)


async def _readexactly(model: Model, feed: Feed, n: int) -> None:
    if len(model.rest) < n:
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await feed.until_done(feed.reader.readexactly(n))
        assert (caught.value.partial, caught.value.expected) == (model.rest, n)
        model.took(model.rest)
    else:
        data = await feed.until_done(feed.reader.readexactly(n))
        assert len(data) == n
        model.took(data)


async def _readuntil(model: Model, feed: Feed, n: int) -> None:
    separator = [b"\n", b"\r\n", b"ab", b"aab", b"\r\n\r\n", b"aaaa"][n % 6]
    max_size = [5, 40, 10_000][n % 3]
    expected = model.until(separator)
    call = feed.reader.readuntil(separator, max_size=max_size)
    if len(expected) > max_size:
        with pytest.raises(ValueError, match="within"):  # and nothing is taken
            await feed.until_done(call)
        model.forgotten = feed.reader.total_bytes
    else:
        assert await feed.until_done(call) == expected
        model.took(expected)


async def _readline(model: Model, feed: Feed, _: int) -> None:
    expected = model.until(b"\n")
    assert await feed.until_done(feed.reader.readline()) == expected
    model.took(expected)


async def _readchunk(model: Model, feed: Feed, _: int) -> None:
    data, ends = await feed.until_done(feed.reader.readchunk())
    assert data or ends or not model.rest
    inner = bisect_right(model.chunk_ends, model.position)
    model.took(data)
    crossed = [end for end in model.chunk_ends[inner:] if end < model.position]
    assert not [end for end in crossed if end > model.forgotten]
    if ends:
        assert model.position in model.chunk_ends


async def _read_nowait(model: Model, feed: Feed, n: int) -> None:
    data = feed.reader.read_nowait(n - 1)
    assert n == 0 or len(data) <= n - 1
    model.took(data)


async def _cancelled(model: Model, feed: Feed, n: int) -> None:
    reader = feed.reader
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: reader.read(-1),
        lambda: reader.read(n + 1),
        reader.readany,
        lambda: reader.readexactly(len(model.rest) + 1),
        lambda: reader.readuntil(b"never"),
        reader.wait_eof,
    ]
    task = asyncio.ensure_future(calls[n % len(calls)]())
    await turns()
    feed.once()  # so that a waiting read may have been woken already when it is cancelled
    task.cancel()
    model.forgotten = reader.total_bytes
    result: Any = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(result, asyncio.IncompleteReadError):
        model.took(result.partial)
    elif isinstance(result, bytes):
        model.took(result)
    else:
        assert result is None or isinstance(result, asyncio.CancelledError)


async def _feed(model: Model, feed: Feed, n: int) -> None:
    for _ in range(n):
        if not feed.source.paused:
            feed.once()


STEPS = {
    step.__name__: step
    for step in (
        _read,
        _readany,
        _readexactly,
        _readuntil,
        _readline,
        _readchunk,
        _read_nowait,
        _cancelled,
        _feed,
    )
}
bodies = st.lists(
    st.sampled_from([b"a", b"b", b"\n", b"\r\n", b"ab", b"aab", b"\r", bytes(20)]), max_size=60
).map(b"".join)
steps = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 30)), max_size=25)


@st.composite
def cuts(draw: st.DrawFn, size: int) -> list[int]:
    """Places in 1..size, the last one always."""
    places = draw(st.sets(st.integers(1, size), max_size=20)) if size else set()
    return sorted(places | ({size} if size else set()))


def pieces_of(coded: bytes, at: list[int], chunk_ends: list[int], *, late: bool) -> deque[Piece]:
    """Cut `coded`; a chunk's end at a cut is told with the piece before, or (late) after it."""
    pieces: deque[Piece] = deque()
    start = 0
    for stop in at:
        inside = [e for e in chunk_ends if (start <= e < stop if late else start < e <= stop)]
        pieces.append((coded[start:stop], tuple(e - start for e in inside)))
        start = stop
    if late and start in chunk_ends:
        pieces.append((b"", (0,)))
    return pieces


@st.composite
def scenarios(draw: st.DrawFn, coding: str | None) -> tuple[bytes, deque[Piece], list[int]]:
    body = draw(bodies)
    coded = body
    if coding is not None:
        half = len(body) // 2 if coding in {"gzip", "zstd"} and draw(st.booleans()) else 0
        coded = encode(coding, body[half:])
        if half:  # many members, or frames
            coded = encode(coding, body[:half]) + encode(coding, b"") + coded
    chunk_ends = draw(cuts(len(coded)))
    pieces = pieces_of(coded, draw(cuts(len(coded))), chunk_ends, late=draw(st.booleans()))
    return body, pieces, chunk_ends


async def play(
    model: Model, pieces: deque[Piece], limit: int, script: list[tuple[str, int]], *codings: bytes
) -> None:
    source = Source()
    reader = StreamReader(source, limit, decoder_for(codings))
    total = sum(len(piece) for piece, _ in pieces)
    feed = Feed(reader, source, pieces)
    for name, n in script:
        await STEPS[name](model, feed, n)
        assert reader.total_bytes >= model.position
        if reader.at_eof():
            assert not model.rest
    rest = await feed.until_done(reader.read())
    model.took(rest)
    assert not model.rest
    while not feed.ended:
        feed.once()
    assert await reader.read() == b""
    assert reader.at_eof()
    assert reader.is_eof()
    # It may have ended while it was paused: nothing more comes of it, so nobody resumes it.
    assert source.pauses - source.resumes == source.paused
    assert (reader.total_bytes, reader.total_raw_bytes) == (len(model.body), total)


@given(scenarios(None), st.integers(1, 40), steps)
@settings(max_examples=300, deadline=None)
def test_reading_moves_through_the_body_in_any_way(
    scenario: tuple[bytes, deque[Piece], list[int]], limit: int, script: list[tuple[str, int]]
) -> None:
    body, pieces, chunk_ends = scenario
    asyncio.run(play(Model(body, chunk_ends), pieces, limit, script))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@given(st.data(), st.integers(1, 40), steps.filter(lambda s: all(n != "_readchunk" for n, _ in s)))
@settings(max_examples=60, deadline=None)
def test_reading_moves_through_a_coded_body_in_any_way(
    coding: str, data: st.DataObject, limit: int, script: list[tuple[str, int]]
) -> None:
    body, pieces, _ = data.draw(scenarios(coding))
    asyncio.run(play(Model(body, []), pieces, limit, script, coding.encode()))


@given(scenarios(None), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_iterating_over_chunks_gives_back_the_chunks(
    scenario: tuple[bytes, deque[Piece], list[int]], limit: int
) -> None:
    body, pieces, chunk_ends = scenario

    async def chunks() -> list[bytes]:
        source = Source()
        reader = StreamReader(source, limit)
        feed, found, open_chunk = Feed(reader, source, pieces), [], b""
        iterator = reader.iter_chunks()
        while piece := await feed.until_done(anext(iterator, None)):
            open_chunk += piece[0]
            if piece[1]:
                found.append(open_chunk)
                open_chunk = b""
        assert open_chunk == b""
        return found

    starts = [0, *chunk_ends[:-1]]
    expected = [body[a:b] for a, b in zip(starts, chunk_ends, strict=True)] if body else []
    assert asyncio.run(chunks()) == expected


@given(scenarios("gzip"), st.integers(1, 40))
@settings(max_examples=80, deadline=None)
def test_chunks_of_a_coded_body_are_told_where_their_output_ends(
    scenario: tuple[bytes, deque[Piece], list[int]], limit: int
) -> None:
    body, pieces, chunk_ends = scenario

    async def chunks() -> tuple[bytes, int, bool]:
        source = Source()
        reader = StreamReader(source, limit, decoder_for([b"gzip"]))
        feed, found, count, last = Feed(reader, source, pieces), b"", 0, False
        iterator = reader.iter_chunks()
        while piece := await feed.until_done(anext(iterator, None)):
            last = piece[1]
            found += piece[0]
            count += last
        return found, count, last

    found, count, last = asyncio.run(chunks())
    assert found == body
    assert 1 <= count <= len(chunk_ends)
    assert last


# Each way of reading


async def test_read_returns_what_is_there_and_then_nothing() -> None:
    reader = make(b"abc", b"def", eof=True)
    assert await reader.read(2) == b"ab"
    assert await reader.read(0) == b""
    assert await reader.read(100) == b"cdef"
    assert await reader.read(100) == b""
    assert await reader.read() == b""


async def test_a_complete_body_is_read_without_suspending() -> None:
    with pytest.raises(StopIteration) as stopped:
        make(b"abc", b"def", eof=True).read().send(None)
    assert stopped.value.value == b"abcdef"


async def test_a_body_in_one_piece_is_not_copied() -> None:
    piece = bytes(1000)
    assert await make(piece, eof=True).read() is piece
    assert await make(piece).readany() is piece


@pytest.mark.parametrize(
    ("start", "first", "second"),
    [
        ("read", b"xy", b""),
        ("readany", b"x", b"y"),
        ("readline", b"xy", b""),
        ("readchunk", (b"x", False), (b"y", False)),
    ],
)
async def test_a_read_waits_for_data(start: str, first: object, second: object) -> None:
    reader = make()
    task = await waiting(getattr(reader, start)())
    reader.feed_data(b"x")
    await turns()
    reader.feed_data(b"y")
    reader.feed_eof()
    assert await task == first
    assert await getattr(reader, start)() == second


@pytest.mark.parametrize(
    ("pieces", "separator", "found"),
    [
        ([b"a\nb\n"], b"\n", [b"a\n", b"b\n"]),
        ([b"a\r", b"\nb"], b"\r\n", [b"a\r\n", b"b"]),
        ([b"a\r", b"\r\nb"], b"\r\n", [b"a\r\r\n", b"b"]),
        ([b"x-", b"-", b"-", b"e"], b"---", [b"x---", b"e"]),
        ([b"aab", b"aaab"], b"aaa", [b"aabaaa", b"b"]),
        ([b"a", b"a", b"a", b"a"], b"aa", [b"aa", b"aa"]),
        ([b"a-", b"b-c", b"-d"], b"-c-d", [b"a-b-c-d"]),
        ([b"abcabd"], b"abd", [b"abcabd"]),
        ([b"abca", b"bd"], b"abcabd", [b"abcabd"]),
        ([], b"\n", []),
    ],
)
async def test_readuntil_finds_separators_across_pieces(
    pieces: list[bytes], separator: bytes, found: list[bytes]
) -> None:
    for fed in (pieces, [b"".join(pieces)], [bytes([b]) for b in b"".join(pieces)]):
        reader = make(*(p for p in fed if p), eof=True)
        for expected in found:
            assert await reader.readuntil(separator) == expected
        assert await reader.readuntil(separator) == b""


async def test_a_line_that_is_too_long_is_an_error_and_stays_to_be_read() -> None:
    reader = make(b"aaa", b"aaa\n", eof=True)
    with pytest.raises(ValueError, match="within 6 bytes"):
        await reader.readline(max_line_length=6)
    assert await reader.readline(max_line_length=7) == b"aaaaaa\n"


async def test_a_line_of_a_body_that_goes_on_is_given_up_at_the_limit() -> None:
    reader = make(b"a" * 10)
    with pytest.raises(ValueError, match="within 9 bytes"):
        await reader.readuntil(b"\n", max_size=9)
    assert await reader.read(3) == b"aaa"


async def test_an_empty_separator_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one-byte"):
        await make(b"a", eof=True).readuntil(b"")


async def test_readexactly_says_what_came_of_a_body_that_is_too_short() -> None:
    reader = make(b"abc", eof=True)
    assert await reader.readexactly(0) == b""
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        await reader.readexactly(4)
    assert (caught.value.partial, caught.value.expected) == (b"abc", 4)


async def test_a_body_is_iterated_by_lines() -> None:
    assert [line async for line in make(b"a\nb", b"c\n\nd", eof=True)] == [
        b"a\n",
        b"bc\n",
        b"\n",
        b"d",
    ]


async def test_a_body_is_iterated_by_size_and_as_it_comes() -> None:
    assert [p async for p in make(b"abc", b"de", eof=True).iter_chunked(2)] == [b"ab", b"cd", b"e"]
    assert [p async for p in make(b"abc", b"de", eof=True).iter_any()] == [b"abcde"]


@pytest.mark.parametrize("n", [0, -1])
async def test_pieces_of_no_size_would_end_before_the_body(n: int) -> None:
    with pytest.raises(ValueError, match="never come to the end"):
        make(b"abc", eof=True).iter_chunked(n)


async def test_read_nowait_takes_what_is_there() -> None:
    reader = make(b"abc", b"de")
    assert reader.read_nowait(2) == b"ab"
    assert reader.read_nowait() == b"cde"
    assert reader.read_nowait() == b""
    task = await waiting(reader.read(1))
    with pytest.raises(RuntimeError, match="waiting"):
        reader.read_nowait()
    reader.feed_data(b"x")
    assert await task == b"x"


async def test_read_nowait_comes_to_the_end_of_a_coded_body() -> None:
    body = bytes(range(256)) * 100
    reader = make(gzip.compress(body), limit=100, coding=b"gzip", eof=True)
    found = b""
    for _ in range(len(body)):  # each call makes progress
        if reader.at_eof():
            break
        found += reader.read_nowait()
    assert found == body


async def test_only_one_may_wait() -> None:
    reader = make()
    task = await waiting(reader.read())
    for call in (reader.read(), reader.readany(), reader.readchunk(), reader.wait_eof()):
        with pytest.raises(RuntimeError, match="already waiting"):
            await call
    reader.feed_eof()
    assert await task == b""


async def test_wait_eof_waits_for_the_end_or_the_error() -> None:
    reader = make(b"abc")
    task = await waiting(reader.wait_eof())
    reader.feed_data(b"d")
    await turns()
    assert not task.done()
    reader.feed_eof()
    await task
    await reader.wait_eof()
    assert not reader.at_eof()
    failing = make(b"abc")
    task = await waiting(failing.wait_eof())
    failing.set_exception(ClientPayloadError("cut"))
    with pytest.raises(ClientPayloadError):
        await task
    with pytest.raises(ClientPayloadError):
        await failing.wait_eof()


@pytest.mark.parametrize("n", [1, 2, 5])
async def test_the_end_of_a_chunk_may_be_told_late(n: int) -> None:
    reader = make()
    reader.feed_data(b"abcde")
    assert await reader.readchunk() == (b"abcde", False)
    task = await waiting(reader.readchunk())
    reader.feed_data(b"", (0,))
    assert await task == (b"", True)
    reader.feed_data(b"x" * n, (n,))
    assert await reader.readchunk() == (b"x" * n, True)
    reader.feed_eof()
    assert await reader.readchunk() == (b"", False)


async def test_chunks_that_were_read_past_are_not_told() -> None:
    reader = make()
    reader.feed_data(b"abcdef", (2, 4, 6))
    assert await reader.read(3) == b"abc"
    assert await reader.readchunk() == (b"d", True)
    assert await reader.readchunk() == (b"ef", True)


def test_repr_says_how_much_waits() -> None:
    assert repr(make(b"abc")) == "<StreamReader 3 bytes, open>"
    reader = make(b"abc", eof=True)
    assert repr(reader) == "<StreamReader 3 bytes, eof>"
    reader.set_exception(ClientPayloadError("x" * 1000))
    assert repr(reader) == "<StreamReader 3 bytes, failed: ClientPayloadError>"


# Errors come behind the data

Read = Callable[[StreamReader], Awaitable[bytes]]
READS: dict[str, Read] = {
    "read(1)": lambda r: r.read(1),
    "readany": lambda r: r.readany(),
    "readexactly(1)": lambda r: r.readexactly(1),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("coding", [None, b"gzip"])
async def test_what_came_before_an_error_is_read_first(read: Read, coding: bytes | None) -> None:
    body = bytes(range(200))
    compress = zlib.compressobj(wbits=31)
    coded = compress.compress(body) + compress.flush(zlib.Z_SYNC_FLUSH)
    reader = make(body if coding is None else coded, limit=7, coding=coding)
    error = ClientPayloadError("cut")
    reader.set_exception(error)
    reader.set_exception(ClientPayloadError("a later one"))
    found = bytearray()

    async def read_on() -> None:
        while True:
            found.extend(await read(reader))

    with pytest.raises(ClientPayloadError) as caught:
        await read_on()
    assert caught.value is error is reader.exception()
    assert found == body
    assert not reader.at_eof()
    with pytest.raises(ClientPayloadError):
        reader.read_nowait()


@pytest.mark.parametrize("read", ["read", "readline"])
async def test_a_read_of_more_than_came_fails_and_leaves_what_came(read: str) -> None:
    reader = make(b"abc")
    task = await waiting(getattr(reader, read)())
    reader.feed_data(b"def")
    reader.set_exception(ClientPayloadError("cut"))
    with pytest.raises(ClientPayloadError):
        await task
    assert reader.read_nowait() == b"abcdef"
    with pytest.raises(ClientPayloadError):
        await getattr(reader, read)()


async def test_data_behind_an_error_is_dropped() -> None:
    reader = make()
    reader.set_exception(ClientPayloadError("cut"))
    reader.feed_data(b"abc")
    with pytest.raises(ClientPayloadError):
        await reader.read()
    assert reader.total_bytes == 0


@pytest.mark.parametrize(
    ("coded", "good"),
    [
        (b"not gzip at all", b""),
        (gzip.compress(b"abc" * 50)[:-1], b"abc" * 50),
        (gzip.compress(b"abc" * 50)[:-9], b"abc" * 50),
        (gzip.compress(b"abc" * 50)[:-8] + bytes(8), b"abc" * 50),
        (gzip.compress(b"abc" * 50) + b"junk", b"abc" * 50),
        (b"\x1f", b""),
    ],
    ids=["no gzip", "less 1", "less 9", "wrong check", "more", "1 byte"],
)
@pytest.mark.parametrize("limit", [1, 10, 150, 10_000])
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_broken_coding_is_an_error_behind_what_was_good(
    coded: bytes, good: bytes, limit: int, size: int
) -> None:
    source = Source()
    reader = StreamReader(source, limit, decoder_for([b"gzip"]))
    for start in range(0, len(coded), size):
        reader.feed_data(coded[start : start + size])
    reader.feed_eof()
    found = bytearray()

    async def read_to_the_end() -> None:
        while not reader.at_eof():
            found.extend(await reader.readany())

    # It must come to the error, or a truncated body would pass for a complete one.
    with pytest.raises(ClientPayloadError, match="Cannot decode the body") as caught:
        await read_to_the_end()
    assert isinstance(caught.value.__cause__, ContentCodingError)
    assert good.startswith(found)
    if limit == 1:
        assert len(found) >= len(good) - 32  # of the broken step nothing comes
    assert not reader.at_eof()


async def test_the_rest_of_a_broken_coding_is_abandoned() -> None:
    source = Source()
    reader = StreamReader(source, 100, decoder_for([b"gzip"]))
    reader.feed_data(b"this is no gzip member, and more is to come")
    assert source.abandoned
    with pytest.raises(ClientPayloadError, match="Cannot decode the body"):
        await reader.read()


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd"])
@pytest.mark.parametrize("limit", [1, 10, 10_000])
async def test_a_body_that_was_cut_is_an_error_in_every_coding(coding: str, limit: int) -> None:
    body = bytes(range(256))
    coded = encode(coding, body)
    for length in range(1, len(coded), 7):
        reader = make(coded[:length], limit=limit, coding=coding.encode(), eof=True)
        with pytest.raises(ClientPayloadError, match=f"Cannot decode the body.*{coding}.*early"):
            await reader.read()
        assert body.startswith(reader.read_nowait() if reader.total_bytes else b"")


@pytest.mark.parametrize(
    ("limits", "limit", "good"),
    [
        (DecodingLimits(total=1000), "total", 1000),
        (DecodingLimits(ratio=2, grace=3000), "ratio", 3000),
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_that_expands_too_far_is_refused(
    coding: str, limits: DecodingLimits, limit: str, good: int
) -> None:
    source = Source()
    reader = StreamReader(source, 400, decoder_for([coding.encode()], limits=limits))
    reader.feed_data(encode(coding, bytes(MIB)))
    reader.feed_eof()
    found = 0

    async def read_to_the_end() -> None:
        nonlocal found
        while piece := await reader.readany():
            found += len(piece)

    with pytest.raises(ClientPayloadError, match=f"Cannot decode the body.*{limit}") as caught:
        await read_to_the_end()
    assert isinstance(caught.value.__cause__, LimitExceeded)
    assert found == good
    assert not reader.at_eof()


async def test_the_rest_of_what_expands_too_far_is_abandoned() -> None:
    source = Source()
    limits = DecodingLimits(total=10)
    reader = StreamReader(source, 100, decoder_for([b"zstd"], limits=limits))
    reader.feed_data(encode("zstd", bytes(100)))
    assert source.abandoned
    with pytest.raises(ClientPayloadError, match="exceeds the limit 'total' of 10"):
        await reader.read()
    assert reader.read_nowait() == bytes(10)


async def test_an_earlier_error_is_not_replaced_by_one_of_decoding() -> None:
    reader = make(b"\x1f", coding=b"gzip")
    error = ClientPayloadError("the connection was closed")
    reader.set_exception(error)
    reader.feed_eof()
    with pytest.raises(ClientPayloadError) as caught:
        await reader.read()
    assert caught.value is error


async def test_a_coded_body_of_nothing_is_complete() -> None:
    reader = make(coding=b"gzip", eof=True)
    assert reader.at_eof()
    assert await reader.read() == b""


@pytest.mark.parametrize("limit", [0, -5])
async def test_a_limit_of_nothing_still_lets_a_body_through(limit: int) -> None:
    reader = make(gzip.compress(b"abc"), limit=limit, coding=b"gzip", eof=True)
    assert await reader.read() == b"abc"
    assert reader.at_eof()


# Flow control


async def test_the_source_is_held_back_above_twice_the_limit_and_let_go_at_it() -> None:
    source = Source()
    reader = StreamReader(source, 10)
    reader.feed_data(bytes(20))
    assert (reader.paused, source.paused) == (False, False)
    reader.feed_data(b"x")
    assert (reader.paused, source.paused) == (True, True)
    reader.feed_data(b"what was on its way")
    assert (source.pauses, source.resumes) == (1, 0)
    while len(await reader.read(1)) and reader.total_bytes - reader_position(reader) > 11:
        assert source.paused
    await reader.read(1)
    assert (reader.paused, source.paused) == (False, False)
    assert (source.pauses, source.resumes) == (1, 1)


def reader_position(reader: StreamReader) -> int:
    """How many bytes were read, by what `repr` says is left."""
    return reader.total_bytes - int(repr(reader).split()[1])


async def test_a_source_that_delivers_as_soon_as_it_is_let_go() -> None:
    class Eager(Source):
        def __init__(self) -> None:
            super().__init__()
            self.left = 50

        def resume_body(self) -> None:
            super().resume_body()
            while self.left and not self.paused:
                self.left -= 1
                reader.feed_data(b"x" * 7)
            if not self.left:
                reader.feed_eof()

    source = Eager()
    reader = StreamReader(source, 10)
    reader.feed_data(bytes(21))
    found = b""
    while piece := await reader.read(5):
        found += piece
    assert found == bytes(21) + b"x" * 350


@dataclass
class Peak:
    """The most decoded bytes that stood in a reader."""

    reader: StreamReader
    taken: int = 0
    most: int = 0
    sizes: list[int] = field(default_factory=list)

    def look(self) -> None:
        self.most = max(self.most, self.reader.total_bytes - self.taken)

    def took(self, data: bytes) -> None:
        self.look()
        assert data.count(0) == len(data)
        self.taken += len(data)
        self.sizes.append(len(data))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    compress = zlib.compressobj(1, wbits=31)
    zeros = bytes(MIB)
    return b"".join([*(compress.compress(zeros) for _ in range(100)), compress.flush()])


@pytest.mark.parametrize("way", ["readany", "read", "iter_chunked", "readchunk", "read_nowait"])
async def test_a_body_that_decodes_to_a_huge_one_never_stands_in_memory(
    bomb: bytes, way: str
) -> None:
    limit = 2**16
    source = Source()
    reader = StreamReader(source, limit, decoder_for([b"gzip"]))
    peak = Peak(reader)
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "readany": reader.readany,
        "read": lambda: reader.read(2**18),
        "iter_chunked": lambda: anext(reader.iter_chunked(50_000), b""),
        "readchunk": reader.readchunk,
        "read_nowait": lambda: asyncio.sleep(0, reader.read_nowait()),
    }
    tracemalloc.start()
    try:
        fed = 0
        while not reader.at_eof():
            while fed < len(bomb) and not source.paused:
                reader.feed_data(bomb[fed : fed + 16_384], (16_384,) if way == "readchunk" else ())
                fed += 16_384
                peak.look()
            if fed >= len(bomb) and not reader.is_eof():
                reader.feed_eof()
            piece = await ways[way]()
            peak.took(piece[0] if isinstance(piece, tuple) else piece)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak.taken == 100 * MIB
    assert peak.most <= 3 * limit
    assert max(peak.sizes) <= 2 * limit
    assert most < 2 * MIB


async def test_a_bomb_that_nobody_reads_is_held_back(bomb: bytes) -> None:
    source = Source()
    reader = StreamReader(source, 1000, decoder_for([b"gzip"]))
    fed = 0
    while not source.paused:
        reader.feed_data(bomb[fed : fed + 500])
        fed += 500
    assert fed <= 5000
    assert reader.total_bytes <= 2000
    reader.set_exception(ClientPayloadError("closed"))


# Work and memory in proportion


class Counted(bytes):
    """Bytes that count how many of them were copied by slicing."""

    copied = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        Counted.copied += len(found) if isinstance(found, bytes) else 1
        return found


@pytest.mark.parametrize("way", ["single bytes", "lines"])
async def test_one_big_piece_is_copied_once(way: str) -> None:
    # Copying what is left each time would move 1.4 GB.
    body = b"ab\n" * 25_000
    reader = make(Counted(body), eof=True)
    Counted.copied = 0
    pieces = reader.iter_chunked(1) if way == "single bytes" else reader
    assert b"".join([piece async for piece in pieces]) == body
    assert Counted.copied <= len(body)


async def test_a_long_line_may_come_in_single_bytes() -> None:
    reader = make(*[b"a"] * 200_000, eof=True)
    assert len(await reader.readuntil(b"\r\n\r\n", max_size=10**6)) == 200_000


@pytest.mark.parametrize("way", ["read", "readany", "readexactly"])
def test_a_million_ends_of_chunks_do_not_pile_up(way: str) -> None:
    reader = make()
    ends = tuple(range(1, 1001))
    data = bytes(1000)

    async def consume() -> None:
        calls: dict[str, Callable[[], Awaitable[bytes]]] = {
            "read": lambda: reader.read(1000),
            "readany": reader.readany,
            "readexactly": lambda: reader.readexactly(1000),
        }
        for _ in range(1000):
            reader.feed_data(data, ends)
            assert await calls[way]() == data

    tracemalloc.start()
    try:
        asyncio.run(consume())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 300_000


async def test_chunks_that_decode_to_nothing_do_not_pile_up() -> None:
    # RFC 1952 section 2.3: a member's header may hold a name of any length.
    reader = make(b"\x1f\x8b\x08\x08" + bytes(6), coding=b"gzip")
    task = await waiting(reader.read())
    tracemalloc.start()
    try:
        for _ in range(300):
            reader.feed_data(b"n" * 500, tuple(range(1, 501)))
            await turns(1)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 100_000
    assert not task.done()
    rest = gzip.compress(b"abc")[10:]
    reader.feed_data(b"\0" + rest)
    reader.feed_eof()
    assert await task == b"abc"
