"""Any bytes of a server are messages within the limit or one error, however they are cut."""

from __future__ import annotations

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_websocket_client import NEED_DATA, State, WebSocketProtocol, WSMessage, WSMsgType

__all__ = ["check_websocket_frames"]

_MAX_SIZE = 200
_LARGEST_ANSWER = 8 + 125
"""A masked Close or Pong frame: two octets, the mask, and at most 125 octets of payload."""


def check_websocket_frames(data: bytes) -> None:
    """Feed `data[2:]`; the first two bytes choose the end of file and the cuts.

    Raises:
        AssertionError: a message is too large, something follows the last event, the protocol
            answers without bounds, or the outcome depends on how the bytes were cut.
    """
    if len(data) < 2:
        return
    eof, size, stream = bool(data[0] & 1), data[1], data[2:]
    whole = _run([stream] if stream else [], eof=eof)
    cut = _run(pieces_of(stream, bytes([size or 1])), eof=eof)
    assert whole == cut, (whole, cut)


def _run(pieces: list[bytes], *, eof: bool) -> tuple[object, ...]:
    protocol = WebSocketProtocol(max_msg_size=_MAX_SIZE)
    events: list[tuple[object, object, object]] = []
    for piece in pieces:
        protocol.receive_data(piece)
        _drain(protocol, events)
        # A Pong may wait for every piece: what is answered is bounded for each.
        assert len(protocol.data_to_send()) <= _LARGEST_ANSWER
    if eof:
        protocol.receive_eof()
        _drain(protocol, events)
        assert protocol.state is State.CLOSED
        assert protocol.close_code is not None
    if protocol.state is State.CLOSED:
        assert protocol.next_event() is NEED_DATA
        protocol.receive_data(b"\x81\x01x")
        assert protocol.next_event() is NEED_DATA
    return tuple(events), protocol.state, protocol.close_code, protocol.close_reason


def _drain(protocol: WebSocketProtocol, events: list[tuple[object, object, object]]) -> None:
    while True:
        event = protocol.next_event()
        if event is NEED_DATA:
            return
        assert isinstance(event, WSMessage)
        last = events[-1][0] if events else None
        assert last not in {WSMsgType.CLOSE, WSMsgType.ERROR}, "something follows the last event"
        _check_event(event)
        data = type(event.data).__name__ if event.type is WSMsgType.ERROR else event.data
        events.append((event.type, data, event.extra))


def _check_event(event: WSMessage) -> None:
    if event.type is WSMsgType.TEXT:
        assert isinstance(event.data, str)
        assert len(event.data.encode()) <= _MAX_SIZE
    elif event.type is WSMsgType.BINARY:
        assert isinstance(event.data, bytes)
        assert len(event.data) <= _MAX_SIZE
    elif event.type in {WSMsgType.PING, WSMsgType.PONG}:
        assert len(event.data) <= 125
    elif event.type is WSMsgType.CLOSE:
        assert event.data not in {1004, 1006, 1015}
    else:
        assert event.type is WSMsgType.ERROR
        assert isinstance(event.data, Exception)
        assert len(str(event.data)) < 1000
