"""What the targets of both readers check alike."""

from __future__ import annotations

from collections.abc import Callable

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_http_parser import (
    BodyWriter,
    Data,
    EndOfMessage,
    Event,
    InformationalResponse,
    Leniency,
    Limits,
    LocalProtocolError,
    ProtocolError,
    RawHeaders,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    decode_headers,
)
from whimbrel_http_parser.testing import Feeding, feed

__all__ = ["LENIENT", "LIMITS", "check_messages", "write_body"]

LENIENT = Leniency(missing_reason_phrase=True, bare_lf=True, obs_fold=True, leading_empty_line=True)
"""Everything that can be tolerated."""

_ROUNDS = 8
"""How many messages to read from one input at most."""

LIMITS = Limits(
    start_line=160,
    field_line=160,
    fields=6,
    head=300,
    chunk_line=24,
    chunk_extensions=48,
    trailers=120,
    informational=3,
)
"""Small, so that inputs of a few hundred bytes reach every bound, and large enough for most heads
to be recognised at once."""


def check_messages(
    stream: bytes,
    *,
    size: int,
    eof: bool,
    make_reader: Callable[[], RequestReader | ResponseReader],
    write: Callable[[list[Event]], bytes | None],
    make_default_reader: Callable[[], RequestReader | ResponseReader],
) -> None:
    """Read message after message, each whole and in pieces; then write it, and read that.

    Args:
        stream: what is received.
        size: how many bytes a piece has; 0 is 1.
        eof: whether the stream ends behind it.
        make_reader: makes the reader of each message.
        write: returns the message that has these events, or `None` where that cannot be written.
        make_default_reader: makes the reader of what was written.
    """
    for _ in range(_ROUNDS):
        reader = make_reader()
        whole = feed("whole", [stream] if stream else [], reader, eof=eof)
        _check_end(reader, whole)
        _check_events(whole, len(stream))
        other = make_reader()
        cut = feed(f"pieces of {size}", pieces_of(stream, bytes([size or 1])), other, eof=eof)
        _check_end(other, cut)
        _check_same(whole, cut)
        if whole.events and isinstance(whole.events[-1], EndOfMessage):
            _check_writing(whole, write, make_default_reader())
        stream = whole.trailing_data
        if not stream or not _goes_on(reader):
            return


def write_body(writer: BodyWriter, events: list[Event]) -> bytes | None:
    """Write the rest of a message: `Data`, and its end; `None` for a trailer that is refused."""
    *content, end = events
    assert isinstance(end, EndOfMessage)
    written = b""
    for event in content:
        assert isinstance(event, Data)
        written += b"".join(bytes(part) for part in writer.data(event.data))
    try:
        return written + writer.end(decode_headers(end.trailers).items())
    except LocalProtocolError:
        assert end.trailers, "what was read cannot be written"
        return None


def _check_writing(
    read: Feeding,
    write: Callable[[list[Event]], bytes | None],
    reader: RequestReader | ResponseReader,
) -> None:
    written = write(read.events.copy())
    if written is None:
        return
    again = feed("written", [written], reader, eof=True)
    assert again.error is None, (again, written)
    assert _without_chunks(again.events) == _without_chunks(read.events), (again, written)
    assert again.trailing_data == b""
    assert again.paused


def _without_chunks(events: list[Event]) -> list[Event]:
    """Return the events as they are when nobody asks how the content was chunked."""
    return [Data(event.data) if isinstance(event, Data) else event for event in events]


def _goes_on(reader: RequestReader | ResponseReader) -> bool:
    try:
        reader.start_next_cycle()
    except LocalProtocolError:
        return False
    return True


def _check_same(whole: Feeding, cut: Feeding) -> None:
    """Check that the outcome does not depend on how the bytes were cut."""
    if whole.error is None or cut.error is None:
        assert whole.outcome == cut.outcome, (whole, cut)
    else:
        # What precedes the error in the same piece may be given or not, and which of two faults
        # in one line is named first may differ.
        assert (whole.trailing_data, whole.paused) == (cut.trailing_data, cut.paused), (whole, cut)


def _check_events(feeding: Feeding, received: int) -> None:
    """Check that events hold nothing that was not received, and keep the limits."""
    informational = content = 0
    for event in feeding.events:
        if isinstance(event, (InformationalResponse, Response, Request)):
            informational += isinstance(event, InformationalResponse)
            _check_head(event)
        elif isinstance(event, Data):
            content += len(event.data)
            assert all(0 <= end <= len(event.data) for end in event.chunk_ends)
            assert list(event.chunk_ends) == sorted(event.chunk_ends)
        elif isinstance(event, EndOfMessage):
            _check_fields(event.trailers, LIMITS.trailers)
            assert event is feeding.events[-1]
    assert informational <= LIMITS.informational
    assert content + len(feeding.trailing_data) <= received


def _check_end(reader: ResponseReader | RequestReader, feeding: Feeding) -> None:
    """Check that a reader that says all is well has reason to, and that it forgets no error."""
    if reader.close_reason is None:
        assert feeding.error is None
        assert any(isinstance(event, EndOfMessage) for event in feeding.events)
        # What follows an answer that nobody asked for must not be taken for the next one.
        assert isinstance(reader, RequestReader) or feeding.trailing_data == b""
    if feeding.error is not None:
        assert len(str(feeding.error)) < 1000
        assert _error_of(reader) == str(feeding.error), "an error was forgotten"


def _check_head(head: InformationalResponse | Response | Request) -> None:
    # `values` and `headers` do without the split fields, and must say the same.
    names = {name.lower() for name, _ in head.raw_headers}
    for name in names | {b"content-length", b"host", b"x"}:
        expected = [value for raw, value in head.raw_headers if raw.lower() == name]
        assert head.values(name) == expected
    assert head.headers == decode_headers(head.raw_headers)
    _check_fields(head.raw_headers, LIMITS.head)


def _check_fields(fields: RawHeaders, size: int) -> None:
    assert len(fields) <= LIMITS.fields
    assert sum(len(name) + len(value) + 3 for name, value in fields) <= size
    for name, value in fields:
        assert name
        assert not set(name) & set(b"\0\r\n :"), name
        assert not set(value) & set(b"\0\r\n"), value
        assert value == value.strip(b" \t"), value


def _error_of(reader: ResponseReader | RequestReader) -> str | None:
    try:
        reader.next_event()
    except ProtocolError as error:
        return str(error)
    return None
