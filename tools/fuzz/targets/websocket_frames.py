"""Any bytes of a peer are messages within the limit or one error, however they are cut."""

from __future__ import annotations

from typing import Any

from tools.fuzz.targets._pieces import pieces_of
from whimbrel_websocket_client import (
    NEED_DATA,
    DeflateParameters,
    Role,
    State,
    WebSocketError,
    WebSocketProtocol,
    WSCloseCode,
    WSMessage,
    WSMsgType,
)

__all__ = ["check_websocket_deflate", "check_websocket_frames"]

_MAX_SIZE = 200
_MAX_EXPANDED = 20_000
"""With compression: much more than an input has octets."""
_LARGEST_ANSWER = 16 * (8 + 125)
"""Masked Pong frames: two octets, the key, and at most 125 octets of payload."""
_ENDS = (WSMsgType.CLOSE, WSMsgType.ERROR)
_UTF8 = 4

_Event = tuple[WSMsgType, Any, Any]
_Outcome = tuple[tuple[_Event, ...], State, int | None, str | None]

_PARAMETERS = (
    DeflateParameters(),
    DeflateParameters(9, 9),
    DeflateParameters(8, 15, server_no_context_takeover=True),
    DeflateParameters(15, 8, client_no_context_takeover=True),
)
_NARROW = _PARAMETERS[1:]


def check_websocket_frames(data: bytes) -> None:
    """Feed `data[3:]`; the first three bytes choose the options, the cuts, and the parts.

    Raises:
        AssertionError: a message is too large, something follows the last event, the protocol
            answers without bounds, or the outcome depends on how the bytes were cut, on whether
            messages were taken in parts, or on whether a violation was held.
    """
    _check(data, deflate=None, limit=_MAX_SIZE)


def check_websocket_deflate(data: bytes) -> None:
    """Do the same where permessage-deflate is agreed; the fourth byte chooses with what.

    Raises:
        AssertionError: as above.
    """
    if len(data) < 4:
        return
    _check(
        data[:3] + data[4:],
        deflate=_PARAMETERS[data[3] % len(_PARAMETERS)],
        limit=_MAX_EXPANDED,
    )


def _check(data: bytes, *, deflate: DeflateParameters | None, limit: int) -> None:
    if len(data) < 3:
        return
    flags, size, hold, stream = data[0], data[1], data[2], data[3:]
    options: dict[str, Any] = {
        "role": Role.SERVER if flags & 2 else Role.CLIENT,
        "decode_text": not flags & 4,
        "autoclose": not flags & 8,
        "deflate": deflate,
        "max_msg_size": limit,
    }
    pieces = pieces_of(stream, bytes([size or 1]))
    eof = bool(flags & 1)
    whole = _Run(options).outcome([stream] if stream else [], eof=eof)
    cut = _Run(options, hold=hold).outcome(pieces, eof=eof)
    held = _Run({**options, "hold_violations": True}).outcome(pieces, eof=eof)
    outcomes = whole, cut, held
    if deflate in _NARROW and any(outcome[2] == WSCloseCode.INVALID_TEXT for outcome in outcomes):
        # A peer that refers to more than the agreed window is noticed when zlib has no more than
        # that; which is not so for what it expanded in the same call.
        return
    assert whole == cut == held, outcomes


class _Run:
    """One protocol, and what it makes of the pieces that it is given."""

    def __init__(self, options: dict[str, Any], *, hold: int = 0) -> None:
        self._protocol = WebSocketProtocol(**options)
        self._limit: int = options["max_msg_size"]
        self._hold = hold
        self._parts: list[Any] = []
        self._events: list[_Event] = []

    def outcome(self, pieces: list[bytes], *, eof: bool) -> _Outcome:
        protocol = self._protocol
        for piece in pieces:
            protocol.receive_data(piece)
            self._drain(len(piece))
            # Pongs may wait for every piece: what is answered is bounded for each.
            assert len(protocol.data_to_send()) <= _LARGEST_ANSWER
        if protocol.violation is not None:
            self._act_upon_the_violation()
        if eof:
            protocol.receive_eof()
            self._drain(0)
            assert protocol.state is State.CLOSED or not self._events_go_on()
            assert protocol.close_code is not None
        if protocol.state is State.CLOSED:
            assert protocol.next_event() is NEED_DATA
            protocol.receive_data(b"\x81\x01x")
            assert protocol.next_event() is NEED_DATA
            assert protocol.incomplete_size == 0
        return tuple(self._events), protocol.state, protocol.close_code, protocol.close_reason

    def _events_go_on(self) -> bool:
        return not self._events or self._events[-1][0] not in _ENDS

    def _act_upon_the_violation(self) -> None:
        protocol = self._protocol
        assert protocol.next_timeout() is not None
        protocol.send_binary(b"answer")
        protocol.fail()
        assert protocol.violation is None
        self._drain(0)
        assert protocol.state is State.CLOSED

    def _drain(self, fed: int) -> None:
        protocol = self._protocol
        while True:
            event = protocol.next_event(self._hold)
            if event is not NEED_DATA:
                self._note(event)
                continue
            held = protocol.incomplete_size
            assert held <= self._limit
            if not self._hold:
                return
            # What was held already, and what has come; or what a block was expanded to.
            assert held <= self._hold + fed + _UTF8, (held, self._hold, fed)
            part = protocol.take_part() if held >= self._hold else None
            if part is None:
                return
            self._parts.append(part)

    def _note(self, event: WSMessage) -> None:
        assert self._events_go_on(), "something follows the last event"
        data: Any = event.data
        if event.type in (WSMsgType.TEXT, WSMsgType.BINARY) and self._parts:
            data = type(data)().join([*self._parts, data])
            self._parts.clear()
        _check_event(event.type, data, self._limit)
        if event.type is WSMsgType.ERROR:
            data = type(data).__name__, getattr(data, "code", None)
        self._events.append((event.type, data, event.extra))


def _check_event(kind: WSMsgType, data: Any, limit: int) -> None:
    if kind is WSMsgType.TEXT:
        octets = data.encode() if isinstance(data, str) else data
        octets.decode()
        assert len(octets) <= limit
    elif kind is WSMsgType.BINARY:
        assert isinstance(data, bytes)
        assert len(data) <= limit
    elif kind in {WSMsgType.PING, WSMsgType.PONG}:
        assert len(data) <= 125
    elif kind is WSMsgType.CLOSE:
        assert data not in {1004, 1006, 1015}
    else:
        assert kind is WSMsgType.ERROR
        assert isinstance(data, WebSocketError)
        assert data.code in {1002, 1006, 1007, 1009}
        assert len(str(data)) < 1000
