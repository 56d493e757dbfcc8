import sys
from typing import Any, assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    BodySignal,
    Data,
    EndOfMessage,
    Framing,
    IncompleteMessage,
    InformationalResponse,
    KeepAlive,
    Leniency,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    MalformedMessage,
    ProtocolError,
    RawHeaders,
    Response,
    ResponseEvent,
    ResponseReader,
    Signal,
)
from whimbrel_http_parser.testing import feed, feed_every_way

V11 = (1, 1)
END = EndOfMessage()


def response(
    status: int = 200,
    framing: Framing = Framing.NONE,
    length: int | None = None,
    raw_headers: RawHeaders = (),
) -> Response:
    return Response(status, "OK", V11, raw_headers, framing, length)


def cl(value: bytes) -> RawHeaders:
    return ((b"Content-Length", value),)


def test_a_body_until_close_ends_with_the_stream() -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\nsome\r\n\r\nbody"
    for feeding in feed_every_way(data, ResponseReader):
        assert feeding.events[-1] == Data(b"some\r\n\r\nbody")
        assert not feeding.paused
    for feeding in feed_every_way(data, ResponseReader, eof=True):
        assert feeding.events[-2:] == [Data(b"some\r\n\r\nbody"), END]
        assert feeding.paused


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 101), ("CONNECT", 200), ("CONNECT", 204), ("HEAD", 101)]
)
def test_a_switch_leaves_everything_behind_it(method: str, status: int) -> None:
    head = b"HTTP/1.1 %d OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    rest = b"\x81\x05hello\r\n\r\n"
    for feeding in feed_every_way(head + rest, lambda: ResponseReader(method)):
        assert feeding.error is None
        (event,) = feeding.events
        assert isinstance(event, Response)
        assert event.framing is Framing.SWITCHED
        assert event.content_length is None
        assert feeding.paused
        assert feeding.trailing_data == rest


def test_an_error_is_raised_again_and_again() -> None:
    reader = ResponseReader()
    reader.receive_data(b"nonsense\r\n")
    with pytest.raises(MalformedMessage) as first:
        reader.next_event()
    reader.receive_data(b"HTTP/1.1 200 OK\r\n\r\n")
    reader.receive_eof()
    with pytest.raises(MalformedMessage) as second:
        reader.next_event()
    assert str(first.value) == str(second.value)
    assert first.value is not second.value  # whose traceback would keep the reader alive
    assert reader.trailing_data == b""
    assert reader.close_reason is not None
    assert reader.close_reason.startswith("the response is broken: expected a status line")
    with pytest.raises(LocalProtocolError):
        reader.start_next_cycle()


@pytest.mark.parametrize(
    ("data", "part", "received", "expected", "started"),
    [
        (b"", "head", 0, None, False),
        (b"H", "head", 1, None, True),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "head", 23, None, True),
        (b"HTTP/1.1 100 OK\r\n\r\n", "head", 0, None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "body", 0, 5, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "body", 3, 5, True),
    ],
)
def test_a_stream_that_ends_early_is_told(
    *, data: bytes, part: str, received: int, expected: int | None, started: bool
) -> None:
    for feeding in feed_every_way(data, ResponseReader, eof=True):
        error = feeding.error
        assert isinstance(error, IncompleteMessage), feeding
        found = (error.part, error.received, error.expected, error.started)
        assert found == (part, received, expected, started)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("limits", "good", "bad", "limit"),
    [
        (
            Limits(start_line=17),
            b"HTTP/1.1 204 None\r\n\r\n",
            b"HTTP/1.1 204 Nones\r\n\r\n",
            "start_line",
        ),
        (
            Limits(field_line=6),
            b"HTTP/1.1 204 No\r\nA: bcd\r\n\r\n",
            b"HTTP/1.1 204 No\r\nA: bcde\r\n\r\n",
            "field_line",
        ),
        (
            Limits(fields=1),
            b"HTTP/1.1 204 No\r\nA: b\r\n\r\n",
            b"HTTP/1.1 204 No\r\nA: b\r\nA: b\r\n\r\n",
            "fields",
        ),
        (
            Limits(head=25),
            b"HTTP/1.1 204 No\r\nA: b\r\n\r\n",
            b"HTTP/1.1 204 No\r\nA: bc\r\n\r\n",
            "head",
        ),
        (
            Limits(informational=1),
            b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n",
            b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n",
            "informational",
        ),
    ],
)
def test_each_limit_is_exact_however_it_comes(
    limits: Limits, good: bytes, bad: bytes, limit: str
) -> None:
    def make() -> ResponseReader:
        return ResponseReader(limits=limits)

    for feeding in feed_every_way(good, make):
        assert feeding.paused, feeding
    for feeding in feed_every_way(bad, make):
        assert isinstance(feeding.error, LimitExceeded), feeding
        assert feeding.error.limit == limit


@pytest.mark.parametrize(
    ("name", "data", "raw_headers"),
    [
        ("missing_reason_phrase", b"HTTP/1.1 204\r\nA: b\r\n\r\n", ((b"A", b"b"),)),
        ("bare_lf", b"HTTP/1.1 204 \nA: b\r\nC: d\n\n", ((b"A", b"b"), (b"C", b"d"))),
        ("obs_fold", b"HTTP/1.1 204 \r\nA: b\r\n c\r\n\r\n", ((b"A", b"b c"),)),
        ("leading_empty_line", b"\r\nHTTP/1.1 204 \r\nA: b\r\n\r\n", ((b"A", b"b"),)),
    ],
)
def test_each_leniency_is_told_when_it_mattered(
    name: str, data: bytes, raw_headers: RawHeaders
) -> None:
    off = Leniency(missing_reason_phrase=False)
    on = Leniency(**{"missing_reason_phrase": False, name: True})
    for feeding in feed_every_way(data, lambda: ResponseReader(leniency=off)):
        assert isinstance(feeding.error, MalformedMessage), feeding
    for feeding in feed_every_way(data, lambda: ResponseReader(leniency=on)):
        assert feeding.events == [Response(204, "", V11, raw_headers, Framing.NONE, None), END]
    reader = ResponseReader(leniency=on)
    feed("whole", [data], reader)
    assert reader.close_reason == f"the leniency {name} was needed"
    reader = ResponseReader(leniency=on)
    feed("correct", [b"HTTP/1.1 204 \r\nA: b\r\n\r\n"], reader)
    assert reader.close_reason is None


def test_only_one_leading_empty_line_is_tolerated() -> None:
    leniency = Leniency(leading_empty_line=True)
    for feeding in feed_every_way(b"\r\n\r\n" + OK, lambda: ResponseReader(leniency=leniency)):
        assert isinstance(feeding.error, MalformedMessage)


def test_a_leniency_needed_in_the_trailers_or_a_1xx_is_told() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for data in (head + b"1\r\na\r\n0\r\nA: b\n\r\n", head + b"0\r\n\n", b"HTTP/1.1 100 \n\n" + OK):
        reader = ResponseReader(leniency=Leniency(bare_lf=True))
        assert feed("whole", [data], reader).paused
        assert reader.close_reason == "the leniency bare_lf was needed"


@pytest.mark.parametrize(
    ("data", "eof", "reason"),
    [
        (b"", False, "the response is not complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", False, "the response is not complete"),
        (OK, False, None),
        (OK, True, "the server closed the connection"),
        (OK + b"H", False, "data after the end of the response"),
        (b"HTTP/1.1 204 \r\nConnection: close\r\n\r\n", False, "the server sent Connection: close"),
        (b"HTTP/1.0 204 \r\n\r\n", False, "HTTP/1.0 without keep-alive"),
        (b"HTTP/1.0 204 \r\nConnection: keep-alive\r\n\r\n", False, None),
        (b"HTTP/1.1 200 OK\r\n\r\nbody", True, "the body is delimited by close"),
        (b"HTTP/1.1 101 OK\r\n\r\n", False, "the protocol was switched"),
        (b"HTTP/1.1 204 \r\nContent-Length: 1\r\n\r\n", False, "a 204 response announced a body"),
        (b"HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n", False, None),
    ],
)
def test_the_reason_to_close(data: bytes, eof: bool, reason: str | None) -> None:
    reader = ResponseReader()
    feed("whole", [data], reader, eof=eof)
    assert reader.close_reason == reason


def test_data_that_nobody_looked_at_yet_forbid_reuse() -> None:
    reader = ResponseReader()
    assert feed("whole", [OK], reader).paused
    reader.receive_data(b"HTTP/1.1 200 INJECTED\r\n\r\n")
    assert reader.close_reason == "data after the end of the response"
    assert reader.next_event() is PAUSED
    assert reader.trailing_data == b"HTTP/1.1 200 INJECTED\r\n\r\n"
    reader.receive_data(b"more")
    assert reader.trailing_data == b"HTTP/1.1 200 INJECTED\r\n\r\nmore"


def test_pipelined_responses_are_read_cycle_by_cycle() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: v\r\n\r\n"
    reader = ResponseReader("HEAD")
    assert feed("all", [head + chunked + head + b"hello"], reader).events[-1] == END
    reader.start_next_cycle()
    assert reader.trailing_data == b""
    assert reader.close_reason == "the response is not complete"
    assert feed("second", [], reader).events[1:] == [
        Data(b"a", (1,)),
        EndOfMessage(((b"T", b"v"),)),
    ]
    reader.start_next_cycle("GET")
    assert feed("third", [], reader).events[1:] == [Data(b"hello"), END]
    assert reader.close_reason is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not complete"),
        (b"HTTP/1.1 101 \r\n\r\n", "switched"),
        (b"HTTP/1.1 204 \r\nConnection: close\r\n\r\n", "Connection: close"),
        (b"HTTP/1.1 204\r\n\r\n", "missing_reason_phrase"),
    ],
)
def test_there_is_no_next_cycle_on_a_doubtful_connection(data: bytes, reason: str) -> None:
    reader = ResponseReader()
    feed("whole", [data], reader)
    with pytest.raises(LocalProtocolError, match=reason):
        reader.start_next_cycle()


def test_nothing_comes_behind_the_end_of_the_stream() -> None:
    reader = ResponseReader()
    reader.receive_eof()
    reader.receive_eof()
    with pytest.raises(LocalProtocolError):
        reader.receive_data(b"a")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_buffer_is_taken(kind: type) -> None:
    reader = ResponseReader()
    source = bytearray(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    reader.receive_data(kind(source))
    reader.receive_data(kind(b""))
    source[-2:] = b"XX"
    assert reader.next_event() == response(200, Framing.LENGTH, 2, cl(b"2"))
    assert reader.next_event() == Data(b"ok")


def test_the_keep_alive_field_is_of_the_final_response() -> None:
    reader = ResponseReader()
    assert reader.keep_alive == KeepAlive(None, None)
    feed("1xx", [b"HTTP/1.1 100 \r\nKeep-Alive: timeout=1\r\n\r\n"], reader)
    assert reader.keep_alive == KeepAlive(None, None)
    feed("final", [b"HTTP/1.1 204 \r\nKeep-Alive: timeout=5\r\nKeep-Alive: max=9\r\n\r\n"], reader)
    assert reader.keep_alive == KeepAlive(5, 9)


def test_pieces_received_together_are_read_one_by_one() -> None:
    reader = ResponseReader()
    for piece in (b"HTTP/1.1 2", b"00 OK\r\nContent-", b"Length: 6\r\n\r", b"\nab", b"cd"):
        reader.receive_data(piece)
    assert reader.next_event() == response(200, Framing.LENGTH, 6, cl(b"6"))
    reader.receive_data(b"ef")
    assert [reader.next_event() for _ in range(4)] == [Data(b"ab"), Data(b"cd"), Data(b"ef"), END]


def test_a_piece_that_is_all_body_is_not_copied() -> None:
    reader = ResponseReader()
    feed("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], reader)
    piece = b"x" * 50000
    reader.receive_data(piece)
    event = reader.next_event()
    assert isinstance(event, Data)
    assert event.data is piece


_TOKENS = st.sampled_from(
    [
        b"HTTP/1.1 ", b"200 OK", b"204 ", b"100 ", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b":",
        b"A: b\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"1", b"0", b"5\r\n",
        b"Connection: close\r\n", b"hello", b"\x00", b"\xff", b";x",
    ]
)  # fmt: skip


@given(
    st.lists(_TOKENS, max_size=14).map(b"".join),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]),
    st.lists(st.integers(0, 100), max_size=3),
    st.sampled_from(["GET", "HEAD", "CONNECT"]),
    st.booleans(),
)
def test_any_bytes_are_read_or_refused_alike(
    data: bytes, start: bytes, cuts: list[int], method: str, lenient: bool
) -> None:
    data = start + data
    leniency = Leniency(
        bare_lf=lenient, obs_fold=lenient, leading_empty_line=lenient, missing_reason_phrase=lenient
    )

    def make() -> ResponseReader:
        return ResponseReader(method, leniency=leniency)

    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[places[i] : places[i + 1]] for i in range(len(places) - 1)]
    whole = feed("whole", [data], make(), eof=True)
    assert feed("cut", pieces, make(), eof=True).outcome == whole.outcome
    single = [data[i : i + 1] for i in range(len(data))]
    assert feed("single", single, make(), eof=True).outcome == whole.outcome
    assert whole.error is None or isinstance(whole.error, ProtocolError)


_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True).filter(
    lambda name: name.lower() not in ("content-length", "transfer-encoding")
)
_VALUES = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]),
    max_size=20,
).map(lambda value: value.strip(" "))


def test_nothing_is_said_before_anything_came() -> None:
    assert ResponseReader().next_event() is NEED_DATA


def name_of(found: ResponseEvent | BodySignal) -> str:
    """Tell what it is; the type checker insists that there is nothing else."""
    match found:
        case InformationalResponse() | Response() | Data() | EndOfMessage():
            return type(found).__name__
        case Signal.NEED_DATA | Signal.PAUSED:
            return found.name
        case _:
            assert_never(found)


def test_what_next_event_returns_can_be_matched_exhaustively() -> None:
    reader = ResponseReader()
    assert name_of(reader.next_event()) == "NEED_DATA"
    reader.receive_data(b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx")
    names = [name_of(reader.next_event()) for _ in range(5)]
    assert names == ["InformationalResponse", "Response", "Data", "EndOfMessage", "PAUSED"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (b"", None),
        (b"Connection: keep-alive\r\nContent-Length: 0\r\n", None),
        (b"Content-Length: 5\r\n", "a 1xx response announced a body"),
        (b"Content-Length: 5, 5\r\n", "a 1xx response announced a body"),
        (b"Transfer-Encoding: chunked\r\n", "a 1xx response announced a body"),
        (b"Connection: x, close\r\n", "the server sent Connection: close"),
    ],
)
def test_an_informational_response_may_speak_against_reuse(
    fields: bytes, reason: str | None
) -> None:
    final = b"HTTP/1.1 103 \r\n\r\nHTTP/1.1 204 \r\n\r\n"
    reader = ResponseReader()
    feed("whole", [b"HTTP/1.1 100 C\r\n%b\r\n" % fields + final], reader)
    assert reader.close_reason == reason
    if reason is None:
        reader.start_next_cycle()
        feed("whole", [final], reader)
        assert reader.close_reason is None


@pytest.mark.parametrize("option", [b"close x", b'"close"', b"close;x=1", b"clo\tse", b"a, b c"])
def test_a_connection_that_cannot_be_understood_is_not_used_again(option: bytes) -> None:
    reader = ResponseReader()
    feed("whole", [b"HTTP/1.1 204 \r\nConnection: " + option + b"\r\n\r\n"], reader)
    assert reader.close_reason == "the server sent a Connection that is no list of tokens"


def test_bounds_of_any_size_are_no_trouble() -> None:
    most = sys.maxsize
    limits = Limits(start_line=most, field_line=most, fields=2**70, head=most)
    reader = ResponseReader(limits=limits)
    reader.receive_data(b"HTTP/1.1 204 \r\nA: b\r\n\r\n" * 2)
    for _ in range(2):
        assert isinstance(reader.next_event(), Response)
        assert reader.next_event() == END
        if reader.trailing_data:
            reader.start_next_cycle()


@pytest.mark.parametrize("data", [5, "text", [1], memoryview(b"abcd")[::2].tolist()])
def test_what_is_no_buffer_is_no_data(data: Any) -> None:
    with pytest.raises(TypeError):
        ResponseReader().receive_data(data)


@pytest.mark.parametrize("method", [None, b"HEAD"])
def test_the_method_of_the_request_is_text(method: Any) -> None:
    with pytest.raises(TypeError):
        ResponseReader(method)
