"""Any bytes are requests within the limits or a documented error, however they are cut.

And what was read can be written, and is then read again as the same.
"""

from __future__ import annotations

from tools.fuzz.targets._messages import LIMITS, check_end, check_events, check_same
from tools.fuzz.targets._pieces import pieces_of
from whimbrel_http_parser import (
    NEED_DATA,
    STRICT,
    Data,
    EndOfMessage,
    Framing,
    Leniency,
    LocalProtocolError,
    Request,
    RequestReader,
    decode_headers,
    request_body,
    request_head,
)
from whimbrel_http_parser.testing import Feeding, feed

__all__ = ["check_request_reader"]

_LENIENT = Leniency(bare_lf=True, obs_fold=True, leading_empty_line=True)
_ROUNDS = 8
"""How many requests to read from one input at most."""


def check_request_reader(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose leniency, end of file and the cuts.

    Raises:
        AssertionError: a bound was passed, content appeared from nowhere, the outcome depends on
            how the bytes were cut, or what was read is not read again when it is written.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    leniency = _LENIENT if choice & 4 else STRICT
    eof = bool(choice & 8)

    for _ in range(_ROUNDS):

        def outcome(how: str, pieces: list[bytes]) -> tuple[Feeding, bool]:
            reader = RequestReader(limits=LIMITS, leniency=leniency)
            feeding = feed(how, pieces, reader, eof=eof)
            check_end(reader, feeding)
            return feeding, reader.close_reason is None

        whole, goes_on = outcome("whole", [stream] if stream else [])
        check_events(whole, len(stream))
        cut, _ = outcome(f"pieces of {size}", pieces_of(stream, bytes([size or 1])))
        check_same(whole, cut)
        if whole.error is None:
            _check_writing(whole)
        stream = whole.trailing_data
        if not goes_on or not stream:
            return


def _check_writing(feeding: Feeding) -> None:
    """Write the request that was read, and read that."""
    if not feeding.events or not isinstance(feeding.events[-1], EndOfMessage):
        return
    request = feeding.events[0]
    assert isinstance(request, Request)
    assert request.framing is not Framing.SWITCHED
    fields = list(request.headers.items())
    body = request_body(request.method, fields, request.version)
    written = request_head(request.method, request.target, fields, request.version)
    for event in feeding.events:
        if isinstance(event, Data):
            written += b"".join(bytes(part) for part in body.data(event.data))
    trailers = feeding.events[-1].trailers
    try:
        written += body.end(decode_headers(trailers).items())
    except LocalProtocolError:
        assert trailers, "what was read cannot be written"
        return
    reader = RequestReader()
    again = feed("written", [written], reader)
    assert again.error is None, (again, written)
    assert again.events[0] == request
    assert again.events[-1] == feeding.events[-1]
    assert again.trailing_data == b""
    assert reader.next_event() is not NEED_DATA
