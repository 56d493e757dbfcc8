"""Reading requests: the server's half."""

from typing import assert_never

import pytest

from whimbrel_http_parser import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Framing,
    IncompleteMessage,
    Leniency,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    MalformedMessage,
    RawHeaders,
    RemoteProtocolError,
    Request,
    RequestEvent,
    RequestReader,
    Signal,
)
from whimbrel_http_parser.testing import feed, feed_every_way

V11 = (1, 1)
END = EndOfMessage()
HOST = (b"Host", b"a")


def request(
    method: str = "GET",
    target: str = "/",
    framing: Framing = Framing.NONE,
    length: int | None = None,
    raw_headers: RawHeaders = (HOST,),
) -> Request:
    return Request(method, target, V11, raw_headers, framing, length)


@pytest.mark.parametrize("rest", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_follows_connect_is_for_the_tunnel(rest: bytes) -> None:
    head = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"
    for feeding in feed_every_way(head + rest, RequestReader):
        assert feeding.error is None
        (event,) = feeding.events
        assert isinstance(event, Request)
        assert event.framing is Framing.SWITCHED
        assert feeding.paused
        assert feeding.trailing_data == rest


def test_after_connect_there_is_no_other_request() -> None:
    reader = RequestReader()
    feed("whole", [b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"], reader)
    assert reader.close_reason == "the request asked for a tunnel"
    with pytest.raises(LocalProtocolError, match="switched"):
        reader.start_next_cycle()


def test_requests_that_came_together_are_read_one_by_one() -> None:
    one = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    reader = RequestReader()
    reader.receive_data(b"".join(one % n for n in range(3)))
    for number in range(3):
        event = reader.next_event()
        assert isinstance(event, Request)
        assert event.target == f"/{number}"
        assert "not complete" in str(reader.close_reason)
        assert [reader.next_event(), reader.next_event()] == [Data(b"x"), END]
        assert reader.next_event() is PAUSED
        assert reader.close_reason is None
        reader.start_next_cycle()
    assert reader.next_event() is NEED_DATA
    reader.receive_eof()
    assert reader.next_event() is CLOSED
    assert reader.next_event() is CLOSED


@pytest.mark.parametrize(
    ("fields", "version", "reason"),
    [
        (b"", b"1.1", None),
        (b"Connection: keep-alive, X\r\n", b"1.1", None),
        (b"Connection: x\r\nConnection: close\r\n", b"1.1", "the client sent Connection: close"),
        (b"", b"1.0", "HTTP/1.0 without keep-alive"),
        (b"Connection: Keep-Alive\r\n", b"1.0", None),
    ],
)
def test_whether_another_request_may_come(
    fields: bytes, version: bytes, reason: str | None
) -> None:
    reader = RequestReader()
    feed("whole", [b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, fields)], reader)
    assert reader.close_reason == reason
    if reason is None:
        reader.start_next_cycle()
    else:
        with pytest.raises(LocalProtocolError, match=reason):
            reader.start_next_cycle()


@pytest.mark.parametrize(
    ("leniency", "data", "name"),
    [
        (Leniency(bare_lf=True), b"GET / HTTP/1.1\nHost: a\n\n", "bare_lf"),
        (Leniency(obs_fold=True), b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "obs_fold"),
        (
            Leniency(leading_empty_line=True),
            b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "leading_empty_line",
        ),
    ],
)
def test_a_connection_is_not_used_again_when_a_leniency_mattered(
    leniency: Leniency, data: bytes, name: str
) -> None:
    for feeding in feed_every_way(data, lambda: RequestReader(leniency=leniency)):
        assert feeding.events[-1] == END
    reader = RequestReader(leniency=leniency)
    feed("whole", [data], reader)
    assert reader.close_reason == f"the leniency {name} was needed"


@pytest.mark.parametrize(
    ("data", "part", "received"),
    [
        (b"G", "head", 1),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", "head", 25),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", "body", 1),
    ],
)
def test_a_stream_that_ends_within_a_request(data: bytes, part: str, received: int) -> None:
    for feeding in feed_every_way(data, RequestReader, eof=True):
        assert isinstance(feeding.error, IncompleteMessage)
        assert (feeding.error.part, feeding.error.received) == (part, received)
        assert feeding.error.started


def test_one_empty_line_may_be_tolerated_and_no_more() -> None:
    leniency = Leniency(leading_empty_line=True, bare_lf=True)
    for lines in (b"\r\n\r\n", b"\n\n", b"\n\r\n"):
        for feeding in feed_every_way(lines + b"GET", lambda: RequestReader(leniency=leniency)):
            assert isinstance(feeding.error, MalformedMessage)
    reader = RequestReader(leniency=leniency)
    assert not feed("closed", [b"\r\n"], reader, eof=True).paused
    assert reader.next_event() is CLOSED
    assert reader.close_reason == "the client closed the connection"


def test_a_stream_that_ends_before_a_request_is_closed() -> None:
    reader = RequestReader()
    assert reader.next_event() is NEED_DATA
    reader.receive_eof()
    assert reader.next_event() is CLOSED
    assert reader.close_reason == "the client closed the connection"


@pytest.mark.parametrize(
    ("limits", "data", "limit", "status"),
    [
        (Limits(start_line=20), b"GET /" + b"a" * 100, "start_line", 414),
        (Limits(field_line=8), b"GET / HTTP/1.1\r\nHost: abc\r\n", "field_line", 431),
        (Limits(fields=1), b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", "fields", 431),
        (Limits(head=30), b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", "head", 431),
    ],
)
def test_a_limit_is_named_and_has_its_status(
    limits: Limits, data: bytes, limit: str, status: int
) -> None:
    for feeding in feed_every_way(data, lambda: RequestReader(limits=limits)):
        assert isinstance(feeding.error, LimitExceeded), feeding
        assert feeding.error.limit == limit
        assert feeding.error.status_hint == status


def test_an_error_is_raised_again_and_again() -> None:
    reader = RequestReader()
    reader.receive_data(b"\x16\x03\x01")
    with pytest.raises(RemoteProtocolError) as first:
        reader.next_event()
    reader.receive_eof()
    with pytest.raises(RemoteProtocolError) as second:
        reader.next_event()
    assert str(first.value) == str(second.value)
    assert str(reader.close_reason).startswith("the request is broken: expected a request line")


@pytest.mark.parametrize(
    ("head", "expects"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: other\r\n", False),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: a, 100-continue\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n", False),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            b"Expect:\r\nExpect: 100-continue\r\n",
            True,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n", False),
        (b"POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n", False),
    ],
)
def test_who_waits_for_100(head: bytes, expects: bool) -> None:
    reader = RequestReader()
    reader.receive_data(head + b"\r\n")
    event = reader.next_event()
    assert isinstance(event, Request)
    assert event.expects_continue is expects


def name_of(found: RequestEvent | Signal) -> str:
    """Tell what it is; the type checker insists that there is nothing else."""
    match found:
        case Request() | Data() | EndOfMessage():
            return type(found).__name__
        case Signal():
            return found.name
        case _:
            assert_never(found)


def test_what_next_event_returns_can_be_matched_exhaustively() -> None:
    reader = RequestReader()
    reader.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    names = [name_of(reader.next_event()) for _ in range(4)]
    assert names == ["Request", "Data", "EndOfMessage", "PAUSED"]
