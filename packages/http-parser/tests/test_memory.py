"""Flat memory, however much comes; and work that grows no faster than what comes.

Nothing here looks at the clock: memory is what tracemalloc saw, work is calls and bytes allocated.
"""

import contextlib
import functools
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

import pytest

from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Limits,
    ProtocolError,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    Signal,
)

Reader = RequestReader | ResponseReader

HEADS = 10_000
GIB = 2**30
PIECE = 128 * 1024
CHUNK = 32 * 1024


def check_flat(step: Callable[[int], None], steps: int, bound: int) -> None:
    """Run `step` for each number below `steps`, and see that nine tenths need what one needs.

    Args:
        step: does a part of the work.
        steps: how many parts there are.
        bound: how many bytes may be in use at any time.
    """
    for number in range(10):
        step(number)  # what is made once and kept is made now
    tracemalloc.start()
    try:
        for number in range(10, steps // 10):
            step(number)
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for number in range(steps // 10, steps):
            step(number)
        kept_at_last, peak_at_last = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bound
    assert peak_at_last < bound
    # Not the number of bytes, which depends on the numbers in them; but nothing per message.
    assert kept_at_last < kept + 2048


def look(event: object) -> None:
    assert isinstance(event, Request | Response)
    assert event.headers["X-Number"].isdigit()
    assert len(event.raw_headers) == 9
    assert event.values(b"x-padding") == [b"a" * 40] * 6


FIELDS = b"X-Padding: %b\r\n" % (b"a" * 40) * 6 + b"Content-Length: 0\r\nX-Number: %d\r\n\r\n"
STARTS = {"request": b"GET /%d HTTP/1.1\r\nHost: a\r\n", "response": b"HTTP/1.1 %d \r\nHost: a\r\n"}


@pytest.mark.parametrize("role", ["request", "response"])
def test_ten_thousand_heads_on_one_reader(role: str) -> None:
    reader = RequestReader() if role == "request" else ResponseReader()

    def step(number: int) -> None:
        if number:
            reader.start_next_cycle()
        data = STARTS[role] % (205 + number % 700) + FIELDS % number
        if number % 8 < 2:  # it comes in two pieces
            cut = number % 150
            reader.receive_data(data[:cut])
            assert reader.next_event() is NEED_DATA
            data = data[cut:]
        reader.receive_data(data)
        event = reader.next_event()
        assert isinstance(event, Request | Response)
        if number % 8 in (1, 5):  # one of two pieces, and one of one
            look(event)
        assert isinstance(reader.next_event(), EndOfMessage)
        assert reader.next_event() is PAUSED
        assert reader.close_reason is None

    check_flat(step, HEADS, 16 * 1024)


HEAD = {
    "request": b"POST / HTTP/1.1\r\nHost: a\r\n",
    "response": b"HTTP/1.1 200 OK\r\n",
}


@pytest.mark.parametrize("role", ["request", "response"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_one_gigabyte(role: str, chunked: bool) -> None:
    reader = RequestReader() if role == "request" else ResponseReader()
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n\r\n"
        period = (b"%x\r\n" % CHUNK + b"x" * CHUNK + b"\r\n") * (PIECE // CHUNK)
    else:
        framing = b"Content-Length: %d\r\n\r\n" % GIB
        period = b"x" * PIECE
    # Cut in the middle of a chunk, so that no piece begins where a chunk does.
    first, piece, last = period[:100], period[100:] + period[:100], period[100:]
    steps = GIB // PIECE
    received = 0

    def step(number: int) -> None:
        nonlocal received
        if number == 0:
            reader.receive_data(HEAD[role] + framing + first)
            assert isinstance(reader.next_event(), Request | Response)
        reader.receive_data(piece if number < steps - 1 else last)
        while isinstance(event := reader.next_event(), Data):
            received += len(event.data)
        assert event is NEED_DATA or received == GIB

    check_flat(step, steps, 4 * PIECE)
    assert received == GIB
    if chunked:
        reader.receive_data(b"0\r\n\r\n")
        assert isinstance(reader.next_event(), EndOfMessage)
    assert reader.next_event() is PAUSED
    assert reader.close_reason is None


BROKEN = {
    "in a head": b"nonsense\r\n\r\n",
    "in a body": b"%b" + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    "in a trailer": b"%b" + b"Transfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n",
}


@pytest.mark.parametrize("role", ["request", "response"])
@pytest.mark.parametrize("where", BROKEN)
def test_nothing_is_kept_of_what_comes_behind_an_error(role: str, where: str) -> None:
    reader = RequestReader() if role == "request" else ResponseReader()
    message = BROKEN[where].replace(b"%b", HEAD[role])

    def step(_number: int) -> None:
        reader.receive_data(message + b"x" * PIECE)
        # Raised again and again, the error must not gather the places where it was raised.
        for _ in range(10):
            with contextlib.suppress(ProtocolError):
                while reader.next_event() is not NEED_DATA:
                    pass
                pytest.fail("the error was forgotten")

    check_flat(step, 1000, 3 * PIECE)
    assert reader.trailing_data == b""


# How much work it is to read a message. What came in several pieces must be put together before
# anything can look at it as a whole, so that looking twice shows in the bytes that are allocated.

ENDLESS = Limits(
    start_line=GIB, field_line=GIB, fields=GIB, head=GIB, chunk_line=GIB, chunk_extensions=GIB,
    trailers=GIB, informational=GIB,
)  # fmt: skip
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MESSAGES: dict[str, Callable[[int], bytes]] = {
    "a long reason": lambda n: b"HTTP/1.1 204 " + b"a" * n + b"\r\n\r\n",
    "a long name": lambda n: OK + b"a" * n + b": b\r\nContent-Length: 0\r\n\r\n",
    "a long value": lambda n: OK + b"A: " + b"b" * n + b"\r\nContent-Length: 0\r\n\r\n",
    "whitespace": lambda n: OK + b"A:" + b" " * n + b"b\r\nContent-Length: 0\r\n\r\n",
    "whitespace behind": lambda n: OK + b"A: b" + b" " * n + b"\r\nContent-Length: 0\r\n\r\n",
    "many fields": lambda n: OK + b"A: b\r\n" * (n // 6) + b"Content-Length: 0\r\n\r\n",
    "many options": lambda n: OK + b"Connection: a\r\n" * (n // 15) + b"Content-Length: 0\r\n\r\n",
    "many 1xx": lambda n: b"HTTP/1.1 103 \r\n\r\n" * (n // 17) + b"HTTP/1.1 204 \r\n\r\n",
    "a body": lambda n: OK + b"Content-Length: %d\r\n\r\n" % n + b"a" * n,
    "one chunk": lambda n: CHUNKED + b"%x\r\n" % n + b"a" * n + b"\r\n0\r\n\r\n",
    "many chunks": lambda n: CHUNKED + b"1\r\na\r\n" * (n // 6) + b"0\r\n\r\n",
    "many extensions": lambda n: CHUNKED + b"1;b\r\na\r\n" * (n // 8) + b"0\r\n\r\n",
    "a long extension": lambda n: CHUNKED + b"1;" + b"b" * n + b"\r\na\r\n0\r\n\r\n",
    "many trailers": lambda n: CHUNKED + b"0\r\n" + b"A: b\r\n" * (n // 6) + b"\r\n",
    "a long trailer": lambda n: CHUNKED + b"0\r\nA: " + b"b" * n + b"\r\n\r\n",
}


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def work_of(steps: Iterable[Callable[[], None]]) -> tuple[int, int]:
    """Count the calls, and the bytes allocated, at most, in each step."""
    calls = allocated = 0

    def count(_frame: FrameType, kind: str, _argument: object) -> None:
        nonlocal calls
        calls += kind in {"call", "c_call"}

    tracemalloc.start()
    sys.setprofile(count)
    try:
        for step in steps:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            step()
            allocated += tracemalloc.get_traced_memory()[1] - before
    finally:
        sys.setprofile(None)
        tracemalloc.stop()
    return calls, allocated


def work_of_reading(data: bytes, size: int) -> tuple[int, int]:
    reader = ResponseReader(limits=ENDLESS)
    events: list[object] = []

    def take(piece: bytes) -> None:
        reader.receive_data(piece)
        while not isinstance(event := reader.next_event(), Signal):
            events.append(event)

    work = work_of(functools.partial(take, piece) for piece in pieces_of(data, size))
    assert isinstance(events[-1], EndOfMessage)
    return work


def work_of_a_backlog(size: int) -> tuple[int, int]:
    """Let a client send a request for each one that is read, with `size` bytes of them waiting."""
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    reader = RequestReader()
    waiting = size // len(request)
    reader.receive_data(request * waiting)

    def cycle() -> None:
        reader.receive_data(request)
        assert isinstance(reader.next_event(), Request)
        assert isinstance(reader.next_event(), EndOfMessage)
        assert reader.next_event() is PAUSED
        reader.start_next_cycle()

    work = work_of([cycle] * waiting)
    assert isinstance(reader.next_event(), Request)  # none was lost
    return work


@pytest.mark.parametrize("size", [16, GIB], ids=["small pieces", "whole"])
@pytest.mark.parametrize("kind", MESSAGES)
def test_twice_as_long_is_twice_the_work(kind: str, size: int) -> None:
    length = 4000
    calls, allocated = work_of_reading(MESSAGES[kind](length), size)
    more_calls, more_allocated = work_of_reading(MESSAGES[kind](2 * length), size)
    # Four times would be quadratic. The beginning costs the same for both.
    assert more_calls < 2.2 * calls
    assert more_allocated < 2.5 * allocated


def test_requests_that_wait_cost_each_other_nothing() -> None:
    calls, allocated = work_of_a_backlog(10_000)
    more_calls, more_allocated = work_of_a_backlog(20_000)
    assert more_calls < 2.2 * calls
    assert more_allocated < 2.5 * allocated
