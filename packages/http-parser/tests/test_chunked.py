import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    NEED_DATA,
    STRICT,
    Data,
    EndOfMessage,
    IncompleteMessage,
    LimitExceeded,
    Limits,
    MalformedMessage,
    ProtocolError,
    ResponseReader,
)
from whimbrel_http_parser._chunked import ChunkedBody
from whimbrel_http_parser.testing import feed, feed_every_way

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "content", "ends", "trailers"),
    [
        (b"0\r\n\r\n", b"", (), ()),
        (b"000\r\n\r\n", b"", (), ()),
        (b"1\r\na\r\n0\r\n\r\n", b"a", (1,), ()),
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world", (5, 11), ()),
        (b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", (5,), ()),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2, (10, 20), ()),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", (2,), ()),
        (b"5;a=b\r\nhello\r\n1 ; x\r\n!\r\n0;end\r\n\r\n", b"hello!", (5, 6), ()),
        (b"1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", b"a", (1,), ((b"X", b"y"), (b"Z", b""))),
    ],
)
def test_a_chunked_body_however_it_comes(
    body: bytes, content: bytes, ends: tuple[int, ...], trailers: tuple[tuple[bytes, bytes], ...]
) -> None:
    for feeding in feed_every_way(HEAD + body + b"rest", ResponseReader):
        assert feeding.error is None, feeding
        data = [event for event in feeding.events if isinstance(event, Data)]
        assert data == ([Data(content, ends)] if content else [])
        assert feeding.events[-1] == EndOfMessage(trailers)
        assert feeding.trailing_data == b"rest"


def test_what_came_before_a_fault_is_delivered_before_it() -> None:
    # However it comes; the malformed bodies are among the vectors.
    for feeding in feed_every_way(HEAD + b"2\r\nok\r\n1\r\n!\r\nx\r\n", ResponseReader):
        assert isinstance(feeding.error, MalformedMessage), feeding
        assert feeding.events[1:] == [Data(b"ok!", (2, 3))]


@pytest.mark.parametrize(
    ("limits", "good", "bad", "limit"),
    [
        (Limits(chunk_line=3), b"1;a\r\na\r\n", b"1;ab\r\na\r\n", "chunk_line"),
        (Limits(chunk_line=2), b"01\r\na\r\n", b"001\r\na\r\n", "chunk_line"),
        (Limits(chunk_extensions=4), b"1;a\r\na\r\n" * 2, b"1;a\r\na\r\n" * 3, "chunk_extensions"),
        (Limits(trailers=8), b"0\r\nA: b\r\n\r\n", b"0\r\nA: bc\r\n\r\n", "trailers"),
        (Limits(fields=1), b"0\r\nA: b\r\n\r\n", b"0\r\nA: b\r\nC:\r\n\r\n", "fields"),
    ],
)
def test_each_limit_is_exact_however_it_comes(
    limits: Limits, good: bytes, bad: bytes, limit: str
) -> None:
    def make() -> ResponseReader:
        return ResponseReader(limits=limits)

    for feeding in feed_every_way(HEAD + good, make):
        assert feeding.error is None, feeding
    for feeding in feed_every_way(HEAD + bad, make):
        assert isinstance(feeding.error, LimitExceeded), feeding
        assert feeding.error.limit == limit


def test_a_chunk_line_without_an_end_is_limited() -> None:
    reader = ResponseReader(limits=Limits(chunk_line=100))
    assert feed("head", [HEAD, b"1;"], reader).error is None
    feeding = feed("extension", [b"a"] * 1000, reader)
    assert isinstance(feeding.error, LimitExceeded)
    assert feeding.error.limit == "chunk_line"


@pytest.mark.parametrize(
    ("body", "part", "received"),
    [
        (b"", "body", 0),
        (b"5", "body", 0),
        (b"5\r\nhel", "body", 3),
        (b"5\r\nhello", "body", 5),
        (b"5\r\nhello\r\n", "body", 5),
        (b"5\r\nhello\r\n0", "body", 5),
        (b"5\r\nhello\r\n0\r\n", "trailers", 0),
        (b"5\r\nhello\r\n0\r\nA: b\r\n", "trailers", 6),
    ],
)
def test_a_truncated_body_is_told(body: bytes, part: str, received: int) -> None:
    for feeding in feed_every_way(HEAD + body, ResponseReader, eof=True):
        error = feeding.error
        assert isinstance(error, IncompleteMessage), feeding
        assert (error.part, error.received, error.expected) == (part, received, None)
        assert error.started


def test_one_data_carries_every_chunk_of_a_piece() -> None:
    reader = ResponseReader()
    reader.receive_data(HEAD + b"".join(b"3\r\nabc\r\n" for _ in range(100)) + b"4\r\nx")
    reader.next_event()
    event = reader.next_event()
    assert isinstance(event, Data)
    assert event.data == b"abc" * 100 + b"x"
    assert event.chunk_ends == tuple(range(3, 301, 3))
    assert reader.next_event() is NEED_DATA


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=10),
    st.lists(st.integers(0, 200), max_size=6),
    st.booleans(),
)
def test_any_chunks_in_any_pieces(chunks: list[bytes], cuts: list[int], upper: bool) -> None:
    form = b"%X\r\n%b\r\n" if upper else b"%x\r\n%b\r\n"
    body = b"".join(form % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    feeding = feed("pieces", [HEAD, *pieces], ResponseReader())
    assert feeding.error is None
    assert feeding.paused
    content = b"".join(chunks)
    ends = tuple(len(b"".join(chunks[: i + 1])) for i in range(len(chunks)))
    assert feeding.events[1:] == ([Data(content, ends)] if content else []) + [EndOfMessage()]


@given(st.binary(max_size=60), st.integers(1, 60))
def test_any_bytes_are_read_or_refused_alike(body: bytes, cut: int) -> None:
    whole = feed("whole", [HEAD + body], ResponseReader(), eof=True)
    parts = feed("cut", [HEAD + body[:cut], body[cut:]], ResponseReader(), eof=True)
    assert whole.outcome == parts.outcome
    assert whole.error is None or isinstance(whole.error, ProtocolError)


def test_a_large_body_takes_no_more_memory_than_a_piece() -> None:
    reader = ResponseReader()
    piece = (b"400\r\n" + b"x" * 1024 + b"\r\n") * 64
    feed("head", [HEAD], reader)
    tracemalloc.start()
    try:
        for _ in range(150):
            reader.receive_data(piece)
            event = reader.next_event()
            assert isinstance(event, Data)
            assert len(event.data) == 65536
            assert reader.next_event() is NEED_DATA
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * len(piece)


def test_a_body_knows_where_it_is() -> None:
    body = ChunkedBody(Limits(), STRICT)
    assert body.take_data() is None
    body.feed(b"1\r\na\r\n0\r\n", 0)
    assert body.take_data() == Data(b"a", (1,))
    assert body.take_data() is None
    assert body.in_trailers
    assert not body.complete
    assert body.feed(b"\r\nrest", 0) == 2
    assert body.complete
