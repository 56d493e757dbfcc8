"""What the targets of both readers check alike."""

from __future__ import annotations

from whimbrel_http_parser import (
    Data,
    EndOfMessage,
    InformationalResponse,
    Limits,
    ProtocolError,
    RawHeaders,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    decode_headers,
)
from whimbrel_http_parser.testing import Feeding

__all__ = ["LIMITS", "check_end", "check_events", "check_same"]

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


def check_same(whole: Feeding, cut: Feeding) -> None:
    """Check that the outcome does not depend on how the bytes were cut."""
    if whole.error is None or cut.error is None:
        assert whole.outcome == cut.outcome, (whole, cut)
    else:
        # What precedes the error in the same piece may be given or not, and which of two faults
        # in one line is named first may differ.
        assert (whole.trailing_data, whole.paused) == (cut.trailing_data, cut.paused), (whole, cut)


def check_events(feeding: Feeding, received: int) -> None:
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


def check_end(reader: ResponseReader | RequestReader, feeding: Feeding) -> None:
    """Check that a reader that says all is well has reason to, and that it forgets no error."""
    if reader.close_reason is None:
        assert feeding.error is None
        assert any(isinstance(event, EndOfMessage) for event in feeding.events)
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
