"""Any bytes are requests within the limits or a documented error, however they are cut.

And what was read can be written, and is then read again as the same.
"""

from __future__ import annotations

from tools.fuzz.targets._messages import LENIENT, LIMITS, check_messages, write_body
from whimbrel_http_parser import (
    DEFAULT_LENIENCY,
    Event,
    Request,
    RequestReader,
    request_body,
    request_head,
)

__all__ = ["check_request_reader"]


def check_request_reader(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose leniency, end of file and the cuts.

    Raises:
        AssertionError: a bound was passed, content appeared from nowhere, the outcome depends on
            how the bytes were cut, or what was read is not read again when it is written.
    """
    if len(data) < 2:
        return
    choice, size, stream = data[0], data[1], data[2:]
    leniency = LENIENT if choice & 4 else DEFAULT_LENIENCY
    check_messages(
        stream,
        size=size,
        eof=bool(choice & 8),
        make_reader=lambda: RequestReader(limits=LIMITS, leniency=leniency),
        write=_write,
        make_default_reader=RequestReader,
    )


def _write(events: list[Event]) -> bytes | None:
    """Write a request; `None` when the writer rightly refuses."""
    request = events.pop(0)
    assert isinstance(request, Request)
    fields = list(request.headers.items())
    writer = request_body(request.method, fields, request.version)
    assert writer.framing is request.framing
    body = write_body(writer, events)
    head = request_head(request.method, request.target, fields, request.version)
    return None if body is None else head + body
