"""Any bytes are a response within the limits or a documented error, however they are cut."""

from __future__ import annotations

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_http_parser import (
    STRICT,
    Data,
    EndOfMessage,
    InformationalResponse,
    Leniency,
    Limits,
    ProtocolError,
    RawHeaders,
    Response,
    ResponseReader,
)
from whimbrel_http_parser.testing import Feeding, feed

__all__ = ["LIMITS", "check_response_reader"]

LIMITS = Limits(
    start_line=64,
    field_line=96,
    fields=6,
    head=400,
    chunk_line=24,
    chunk_extensions=48,
    trailers=120,
    informational=3,
)
"""Small, so that inputs of a few hundred bytes reach every bound."""

_METHODS = ("GET", "HEAD", "CONNECT", "POST")
_LENIENT = Leniency(bare_lf=True, obs_fold=True, leading_empty_line=True)


def check_response_reader(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose method, leniency, end of file and the cuts.

    Raises:
        AssertionError: a bound was passed, content appeared from nowhere, or the outcome depends
            on how the bytes were cut.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    method = _METHODS[choice & 3]
    leniency = _LENIENT if choice & 4 else STRICT
    eof = bool(choice & 8)

    def outcome(how: str, pieces: list[bytes]) -> Feeding:
        reader = ResponseReader(method, limits=LIMITS, leniency=leniency)
        feeding = feed(how, pieces, reader, eof=eof)
        _check_end(reader, feeding)
        return feeding

    whole = outcome("whole", [stream] if stream else [])
    _check_events(whole, len(stream))
    cut = outcome(f"pieces of {size}", pieces_of(stream, bytes([size or 1])))
    if whole.error is None or cut.error is None:
        assert whole.outcome == cut.outcome, (whole, cut)
    else:
        # What precedes the error in the same piece may be given or not, and which of two faults
        # in one line is named first may differ.
        assert (whole.trailing_data, whole.paused) == (cut.trailing_data, cut.paused), (whole, cut)


def _check_events(feeding: Feeding, received: int) -> None:
    informational = content = 0
    for event in feeding.events:
        if isinstance(event, InformationalResponse):
            informational += 1
            _check_fields(event.raw_headers, LIMITS.head)
        elif isinstance(event, Response):
            _check_fields(event.raw_headers, LIMITS.head)
            assert len(event.headers) == len(event.raw_headers)
        elif isinstance(event, Data):
            content += len(event.data)
            assert all(0 <= end <= len(event.data) for end in event.chunk_ends)
            assert list(event.chunk_ends) == sorted(event.chunk_ends)
        elif isinstance(event, EndOfMessage):
            _check_fields(event.trailers, LIMITS.trailers)
            assert event is feeding.events[-1]
    assert informational <= LIMITS.informational
    assert content + len(feeding.trailing_data) <= received


def _check_fields(fields: RawHeaders, size: int) -> None:
    assert len(fields) <= LIMITS.fields
    assert sum(len(name) + len(value) + 3 for name, value in fields) <= size
    for name, value in fields:
        assert name
        assert not set(name) & set(b"\0\r\n :"), name
        assert not set(value) & set(b"\0\r\n"), value
        assert value == value.strip(b" \t"), value


def _check_end(reader: ResponseReader, feeding: Feeding) -> None:
    reason = reader.close_reason
    if reason is None:
        assert feeding.error is None
        assert any(isinstance(event, EndOfMessage) for event in feeding.events)
        assert feeding.trailing_data == b""
    if feeding.error is not None:
        assert len(str(feeding.error)) < 1000
        assert _error_of(reader) == str(feeding.error), "an error was forgotten"


def _error_of(reader: ResponseReader) -> str | None:
    try:
        reader.next_event()
    except ProtocolError as error:
        return str(error)
    return None
