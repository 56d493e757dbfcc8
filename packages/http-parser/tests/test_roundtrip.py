"""What the writer writes, the readers read: many messages behind one another, cut anywhere."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    BodyWriter,
    Data,
    EndOfMessage,
    Event,
    Framing,
    InformationalResponse,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    Signal,
    chunked_body,
    decode_headers,
    length_body,
    request_head,
    response_head,
)

Fields = list[tuple[str, str]]
Reader = RequestReader | ResponseReader

_TCHARS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The fields that the reader must know.
_SPECIAL = {"connection", "content-length", "host", "transfer-encoding"}
_NAMES = st.text(_TCHARS, min_size=1, max_size=12).filter(lambda name: name.lower() not in _SPECIAL)
# Every byte but the controls, as the headers are decoded: UTF-8, and the rest as surrogates.
_VALUES = st.binary(max_size=24).map(
    lambda raw: bytes(b for b in raw if b >= 32 and b != 127).strip(b" ").decode(
        "utf-8", "surrogateescape"
    )
)  # fmt: skip
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES), max_size=4)
# The writer refuses as a trailer what has a meaning in the header.
_TRAILERS = st.lists(st.tuples(_NAMES.map("X-".__add__), _VALUES), max_size=2)
_PIECES = st.lists(st.binary(max_size=40), max_size=4)
# Visible ASCII, but for what no form of a target has.
_TARGET_CHARACTERS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#\\")
_VERSIONS = st.sampled_from([(1, 1), (1, 1), (1, 0)])


@dataclass
class Message:
    """A message to write, or what was read of one."""

    start: tuple[object, ...]
    fields: Fields
    framing: Framing
    content: bytes
    trailers: Fields
    informational: tuple[tuple[int, Fields], ...] = ()
    written: bytes = b""
    request_method: str = "GET"


def _body(
    draw: st.DrawFn, version: tuple[int, int], fields: Fields
) -> tuple[Framing, bytes, Fields, bytes]:
    """Draw a body, announce it in `fields`, and write it."""
    pieces = draw(_PIECES)
    content = b"".join(pieces)
    chunked = version == (1, 1) and draw(st.booleans())
    trailers = draw(_TRAILERS) if chunked else []
    line = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(content)))
    fields.insert(draw(st.integers(0, len(fields))), line)
    writer: BodyWriter = chunked_body() if chunked else length_body(len(content))
    parts = [bytes(part) for piece in pieces for part in writer.data(piece)]
    written = b"".join(parts) + writer.end(trailers)
    return writer.framing, content, trailers, written


@st.composite
def requests(draw: st.DrawFn) -> Message:
    version = draw(_VERSIONS)
    method = draw(st.text(_TCHARS, min_size=1, max_size=8).filter(lambda m: m != "CONNECT"))
    target = "/" + draw(st.text(_TARGET_CHARACTERS, max_size=9))
    fields = [*draw(_FIELDS), ("Host", "example.org:80")]
    if version == (1, 0):
        fields.append(("Connection", "keep-alive"))
    framing, content, body = Framing.NONE, b"", b""
    trailers: Fields = []
    if draw(st.booleans()):
        framing, content, trailers, body = _body(draw, version, fields)
    written = request_head(method, target, fields, version) + body
    return Message(
        (method, target, version), fields, framing, content, trailers, written=written
    )  # fmt: skip


@st.composite
def responses(draw: st.DrawFn) -> Message:
    version = draw(_VERSIONS)
    status = draw(st.integers(200, 999))
    reason = draw(_VALUES)
    fields = draw(_FIELDS)
    if version == (1, 0):
        fields.append(("Connection", "keep-alive"))
    codes = st.integers(100, 199).filter(lambda code: code != 101)
    informational = tuple(draw(st.lists(st.tuples(codes, _FIELDS), max_size=2)))
    written = b"".join(response_head(code, "", lines) for code, lines in informational)
    method = draw(st.sampled_from(["GET", "POST", "HEAD"]))
    framing, content, body = Framing.NONE, b"", b""
    trailers: Fields = []
    if method != "HEAD" and status not in (204, 304):
        framing, content, trailers, body = _body(draw, version, fields)
    written += response_head(status, reason, fields, version) + body
    return Message(
        (status, reason, version), fields, framing, content, trailers, informational, written,
        method,
    )  # fmt: skip


def decoded(lines: tuple[tuple[bytes, bytes], ...]) -> Fields:
    return list(decode_headers(lines).items())


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, *(cut % len(data) for cut in cuts), len(data)})
    return [data[places[i] : places[i + 1]] for i in range(len(places) - 1)]


def message_of(events: list[Event]) -> Message:
    """Put together what one cycle brought."""
    informational: list[tuple[int, Fields]] = []
    message = Message((), [], Framing.NONE, b"", [])
    for event in events:
        if isinstance(event, InformationalResponse):
            informational.append((event.status, decoded(event.raw_headers)))
        elif isinstance(event, Request):
            message.start = (event.method, event.target, event.version)
        elif isinstance(event, Response):
            message.start = (event.status, event.reason, event.version)
        elif isinstance(event, Data):
            message.content += event.data
        elif isinstance(event, EndOfMessage):
            message.trailers = decoded(event.trailers)
        if isinstance(event, Request | Response):
            message.framing = event.framing
            message.fields = list(event.headers.items())
            assert decoded(event.raw_headers) == message.fields
    message.informational = tuple(informational)
    return message


def read_back(
    messages: list[Message], reader: Reader, next_cycle: Callable[[int], None], cuts: list[int]
) -> None:
    stream = b"".join(message.written for message in messages)
    found: list[Message] = []
    events: list[Event] = []
    for piece in pieces_of(stream, cuts):
        reader.receive_data(piece)
        while (event := reader.next_event()) is not NEED_DATA:
            if not isinstance(event, Signal):
                events.append(event)
                continue
            assert event is PAUSED
            found.append(message_of(events))
            events = []
            if len(found) == len(messages):
                break
            next_cycle(len(found))
    assert not events
    for message, read in zip(messages, found, strict=True):
        read.written, read.request_method = message.written, message.request_method
        assert read == message
    assert reader.trailing_data == b""
    assert reader.close_reason is None


_CUTS = st.lists(st.integers(0, 2000), max_size=12)
_TIMES = st.sampled_from([1, 1, 1, 50])


@given(st.lists(requests(), min_size=1, max_size=3), _TIMES, _CUTS)
def test_requests_are_read_as_they_were_written(
    messages: list[Message], times: int, cuts: list[int]
) -> None:
    messages = messages * times
    reader = RequestReader()
    read_back(messages, reader, lambda _: reader.start_next_cycle(), cuts)
    reader.start_next_cycle()
    reader.receive_eof()
    assert reader.next_event() is CLOSED


@given(st.lists(responses(), min_size=1, max_size=3), _TIMES, _CUTS)
def test_responses_are_read_as_they_were_written(
    messages: list[Message], times: int, cuts: list[int]
) -> None:
    messages = messages * times
    reader = ResponseReader(messages[0].request_method)
    read_back(
        messages,
        reader,
        lambda number: reader.start_next_cycle(messages[number].request_method),
        cuts,
    )
