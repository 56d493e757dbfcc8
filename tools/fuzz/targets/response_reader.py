"""Any bytes are responses within the limits or a documented error, however they are cut.

And what was read can be written, and is then read again as the same.
"""

from __future__ import annotations

from tools.fuzz.targets._messages import LENIENT, LIMITS, check_messages, write_body
from whimbrel_http_parser import (
    DEFAULT_LENIENCY,
    Event,
    InformationalResponse,
    LocalProtocolError,
    Response,
    ResponseReader,
    response_body,
    response_head,
)

__all__ = ["check_response_reader"]

_METHODS = ("GET", "HEAD", "CONNECT", "POST")


def check_response_reader(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose method, leniency, end of file and the cuts.

    Raises:
        AssertionError: a bound was passed, content appeared from nowhere, the outcome depends on
            how the bytes were cut, or what was read is not read again when it is written.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    method = _METHODS[choice & 3]
    leniency = LENIENT if choice & 4 else DEFAULT_LENIENCY
    check_messages(
        stream,
        size=size,
        eof=bool(choice & 8),
        make_reader=lambda: ResponseReader(method, limits=LIMITS, leniency=leniency),
        write=lambda events: _write(method, events),
        make_default_reader=lambda: ResponseReader(method),
    )


def _write(method: str, events: list[Event]) -> bytes | None:
    """Write a response with the 1xx before it; `None` when the writer rightly refuses."""
    written = b""
    while isinstance(event := events.pop(0), InformationalResponse):
        written += response_head(event.status, event.reason, event.headers.items(), event.version)
    assert isinstance(event, Response)
    fields = list(event.headers.items())
    written += response_head(event.status, event.reason, fields, event.version)
    try:
        writer = response_body(method, event.status, fields)
    except LocalProtocolError:
        announces = {"content-length", "transfer-encoding"} & {name.lower() for name, _ in fields}
        assert event.status == 204, "what was read cannot be written"
        assert announces, "what was read cannot be written"
        return None
    assert writer.framing is event.framing
    body = write_body(writer, events)
    return None if body is None else written + body
