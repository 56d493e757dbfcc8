"""The WebSocket protocol as a state machine (RFC 6455): bytes in, messages out; no I/O, no clock.

The reader shares its vocabulary with the family's HTTP reader: `receive_data`, `receive_eof`, and
`next_event`, which returns an event or `NEED_DATA`. What the application sends is returned as bytes
by the method that sends it; what the protocol itself has to send is fetched with `data_to_send`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from whimbrel_websocket_client._assembly import MessageAssembler
from whimbrel_websocket_client._heartbeat import Heartbeat, Verdict
from whimbrel_websocket_client.errors import HeartbeatError, StateError, WebSocketError
from whimbrel_websocket_client.frames import (
    OP_BINARY,
    OP_CLOSE,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    FrameDecoder,
    FrameHeader,
    decode_close,
    encode_close,
    encode_frame,
)
from whimbrel_websocket_client.messages import Role, WSCloseCode, WSMessage, WSMsgType

__all__ = ["NEED_DATA", "Role", "Signal", "State", "WebSocketProtocol"]

# A close reason that this side writes about the peer's violation: it fits into every Close frame.
_REASON_CHARACTERS: Final = 120


class Signal(Enum):
    """What `next_event` returns when there is no event."""

    NEED_DATA = "NEED_DATA"


NEED_DATA: Final = Signal.NEED_DATA


class State(Enum):
    """States of the connection (RFC 6455, sections 4.1 and 7.1)."""

    OPEN = "open"
    CLOSING = "closing"
    """One side has sent its Close frame, the other one has not."""
    CLOSED = "closed"
    """The closing handshake is over or the connection has failed; nothing more is read."""


class WebSocketProtocol:
    """One side of an open WebSocket connection, after the opening handshake.

    Call `receive_data` with what came, take events with `next_event` until it returns `NEED_DATA`,
    then write what `data_to_send` returns. When `state` has become `CLOSED`, write once more and
    close the connection. Whoever wants heartbeat and closing deadline kept calls `handle_timeout`
    at the time that `next_timeout` names.

    Events are `WSMessage` values of the types TEXT, BINARY, PING, PONG, CLOSE (data is the status
    code, extra the reason) and ERROR (data is the exception); CLOSE and ERROR are last.

    Attributes:
        state: whether the connection is open.
        close_code: the status code with which the connection was closed: the peer's, else the one
            of this side's failure, 1006 without any Close frame; `None` while there is none.
        close_reason: the reason that the peer gave, `None` while there is none.
        failure: the exception of the ERROR event, else `None`.
    """

    __slots__ = (
        "_assembler",
        "_autoclose",
        "_autopong",
        "_close_at",
        "_close_sent",
        "_close_timeout",
        "_decoder",
        "_eof",
        "_failed",
        "_frame",
        "_heartbeat",
        "_masks",
        "_out",
        "_ping_due",
        "_pong",
        "_reading",
        "close_code",
        "close_reason",
        "failure",
        "state",
    )

    def __init__(
        self,
        role: Role = Role.CLIENT,
        *,
        max_msg_size: int = 4 * 1024 * 1024,
        decode_text: bool = True,
        autoclose: bool = True,
        autopong: bool = True,
        heartbeat: float | None = None,
        close_timeout: float | None = 10.0,
        now: float = 0.0,
    ) -> None:
        """Begin with an open connection.

        Args:
            role: a client masks and must not get masked frames; a server the other way round.
            max_msg_size: octets that a message may have, over all its fragments; 0 for no limit.
            decode_text: whether texts are `str`, else `bytes`. They are held to UTF-8 in any case.
            autoclose: whether the peer's Close frame is answered at once.
            autopong: whether Pings are answered; of several at a time, the last one is.
            heartbeat: seconds of silence before a Ping is sent; after half as many more the peer
                is taken for gone. `None` for never.
            close_timeout: seconds that the peer has for its Close frame; `None` for ever.
            now: the clock's time in seconds; it matters with a heartbeat only.

        Raises:
            ValueError: the heartbeat is not positive, or a limit is negative.
        """
        if max_msg_size < 0:
            raise ValueError(f"max_msg_size must not be negative, but is {max_msg_size}")
        self.state = State.OPEN
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.failure: Exception | None = None
        self._masks = role is Role.CLIENT
        self._autoclose = autoclose
        self._autopong = autopong
        self._decoder = FrameDecoder(masked=not self._masks)
        self._assembler = MessageAssembler(max_size=max_msg_size, decode_text=decode_text)
        self._frame: FrameHeader | None = None
        self._heartbeat = None if heartbeat is None else Heartbeat(heartbeat, now)
        self._close_timeout = close_timeout
        self._close_at: float | None = None
        self._close_sent = False
        self._reading = True
        self._eof = False
        self._failed = False
        self._out = b""
        self._ping_due = False
        self._pong: bytes | None = None

    # Receiving

    def receive_data(self, data: bytes, now: float = 0.0) -> None:
        """Take what came from the peer; ignored after the last event.

        Args:
            data: octets, in any division.
            now: the clock's time in seconds; it matters with a heartbeat only.
        """
        if self._reading:
            if self._heartbeat is not None:
                self._heartbeat.heard(now)
            self._decoder.feed(data)

    def receive_eof(self) -> None:
        """Learn that nothing more will come; the events before it can still be taken."""
        self._eof = True

    def next_event(self) -> WSMessage | Literal[Signal.NEED_DATA]:
        """Return the next message, or `NEED_DATA`.

        Whatever breaks the protocol is returned as an ERROR, the last event: the Close frame that
        says so is in `data_to_send`, and nothing that came afterwards is looked at.
        """
        if self._failed:
            self._failed = False
            return WSMessage(self.failure, None, WSMsgType.ERROR)
        if not self._reading:
            if self._eof and self.state is State.CLOSING:
                # The peer has closed and gone: there is nobody left to be answered.
                self._end()
            return NEED_DATA
        try:
            event = self._read()
        except WebSocketError as error:
            self._answer_close(error.code, str(error)[:_REASON_CHARACTERS])
            return self._fail(error, error.code)
        if event is NEED_DATA and self._eof:
            return self._fail(self._truncation(), WSCloseCode.ABNORMAL_CLOSURE)
        return event

    def _read(self) -> WSMessage | Literal[Signal.NEED_DATA]:
        decoder = self._decoder
        assembler = self._assembler
        while True:
            frame = self._frame
            if frame is None:
                frame = decoder.next_header()
                if frame is None:
                    return NEED_DATA
                if frame.opcode < OP_CLOSE:
                    assembler.begin(frame)
                self._frame = frame
            if frame.opcode >= OP_CLOSE:
                payload = decoder.take_whole()
                if payload is None:
                    return NEED_DATA
                self._frame = None
                return self._control(frame.opcode, payload)
            chunk = decoder.take()
            complete = decoder.remaining == 0
            message = assembler.add(chunk, last=complete and frame.fin)
            if not complete:
                return NEED_DATA
            self._frame = None
            if message is not None:
                return message

    def _control(self, opcode: int, payload: bytes) -> WSMessage:
        """Act on a control frame (section 5.5) and return its event."""
        if opcode == OP_PONG:
            return WSMessage(payload, None, WSMsgType.PONG)
        if opcode == OP_PING:
            if self._autopong:
                # An earlier Pong that was not fetched yet is not owed any more (section 5.5.3).
                self._pong = payload
            return WSMessage(payload, None, WSMsgType.PING)
        code, reason = decode_close(payload)
        self.close_code = code
        self.close_reason = reason
        self._reading = False
        if self._close_sent:
            self._end()
        elif self._autoclose:
            self._answer_close(code, "")
            self._end()
        else:
            self.state = State.CLOSING
        return WSMessage(code, reason, WSMsgType.CLOSE)

    def _answer_close(self, code: int, reason: str) -> None:
        """Send a Close frame, unless there was one; it echoes the peer's code (section 5.5.1)."""
        if not self._close_sent:
            self._close_sent = True
            empty = code == WSCloseCode.NO_STATUS_RECEIVED
            payload = b"" if empty else encode_close(code, reason)
            self._out += encode_frame(OP_CLOSE, payload, masked=self._masks)

    def _truncation(self) -> WebSocketError:
        where = ""
        if self._assembler.in_message:
            where = f" in the middle of a message, after {self._assembler.size} octets of it"
        return WebSocketError(
            WSCloseCode.ABNORMAL_CLOSURE, f"the connection ended without a Close frame{where}"
        )

    def _fail(self, error: Exception, code: int) -> WSMessage:
        """Fail the connection (section 7.1.7): no more reading, no more sending."""
        self.failure = error
        self.close_code = code
        self._end()
        return WSMessage(error, None, WSMsgType.ERROR)

    def _end(self) -> None:
        self.state = State.CLOSED
        self._reading = False
        self._close_at = None

    # Sending

    def send_text(self, data: str | bytes) -> bytes:
        """Return the frame of a text message.

        Args:
            data: the text, or its UTF-8.

        Raises:
            ValueError: a lone surrogate, or octets that are not UTF-8.
            StateError: the connection is not open.
        """
        if isinstance(data, str):
            data = data.encode()
        elif not data.isascii():
            data.decode()
        return self._send(OP_TEXT, data)

    def send_binary(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the frame of a binary message.

        Raises:
            StateError: the connection is not open.
        """
        return self._send(OP_BINARY, data)

    def ping(self, data: bytes = b"") -> bytes:
        """Return a Ping frame.

        Raises:
            ValueError: more than 125 octets.
            StateError: the connection is not open.
        """
        return self._send(OP_PING, data)

    def pong(self, data: bytes = b"") -> bytes:
        """Return a Pong frame, which needs no Ping (section 5.5.3).

        Raises:
            ValueError: more than 125 octets.
            StateError: the connection is not open.
        """
        return self._send(OP_PONG, data)

    def _send(self, opcode: int, payload: bytes | bytearray | memoryview) -> bytes:
        if self.state is not State.OPEN:
            raise StateError(
                f"cannot send: the connection is {self.state.value}, close code {self.close_code}"
            )
        if isinstance(payload, memoryview):
            payload = payload.cast("B") if payload.c_contiguous else payload.tobytes()
        return encode_frame(opcode, payload, masked=self._masks)

    def close(self, code: int = WSCloseCode.OK, reason: str = "", now: float = 0.0) -> bytes:
        """Begin the closing handshake, or complete it when the peer began it (section 7.1.2).

        Args:
            code: status code.
            reason: for the peer's log; at most 123 octets of UTF-8.
            now: the clock's time in seconds; the closing deadline counts from it.

        Returns:
            The Close frame; nothing when one was sent already or the connection has ended.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        if self._close_sent or self.state is State.CLOSED:
            return b""
        frame = encode_frame(OP_CLOSE, encode_close(code, reason), masked=self._masks)
        self._close_sent = True
        if self.state is State.CLOSING:
            self._end()
        else:
            self.state = State.CLOSING
            if self._close_timeout is not None:
                self._close_at = now + self._close_timeout
        return frame

    def data_to_send(self) -> bytes:
        """Return what the protocol itself has to send, and forget it.

        Bounded however much the peer sends: at most one Pong and one Ping of the heartbeat, or one
        Close frame, after which nothing is sent (section 5.5.1).
        """
        data = self._out
        self._out = b""
        if self.state is not State.OPEN:
            return data
        if self._ping_due:
            data += encode_frame(OP_PING, b"", masked=self._masks)
            self._ping_due = False
        if self._pong is not None:
            data += encode_frame(OP_PONG, self._pong, masked=self._masks)
            self._pong = None
        return data

    # Time

    def hold_heartbeat(self) -> None:
        """Suspend the heartbeat, because nothing is read: silence says nothing about the peer."""
        if self._heartbeat is not None:
            self._heartbeat.hold()

    def release_heartbeat(self, now: float) -> None:
        """Resume the heartbeat, because reading goes on.

        Args:
            now: the clock's time in seconds.
        """
        if self._heartbeat is not None:
            self._heartbeat.release(now)

    def next_timeout(self) -> float | None:
        """Return the time in seconds at which to call `handle_timeout`; `None` for never.

        The time moves when something is received. A timer that fires too early does no harm.
        """
        if self.state is State.OPEN and self._heartbeat is not None:
            return self._heartbeat.deadline()
        return self._close_at

    def handle_timeout(self, now: float) -> None:
        """Act on a deadline, if one has passed: there may be data to send, or an ERROR event.

        Args:
            now: the clock's time in seconds.
        """
        if self.state is State.OPEN and self._heartbeat is not None:
            verdict = self._heartbeat.check(now)
            if verdict is Verdict.PING:
                self._ping_due = True
            elif verdict is Verdict.DEAD:
                silence = self._heartbeat.interval + self._heartbeat.patience
                self._give_up(
                    HeartbeatError(
                        f"nothing came for {silence:g} s, not even an answer to the last Ping"
                    )
                )
        elif self._close_at is not None and now >= self._close_at:
            self._give_up(
                WebSocketError(
                    WSCloseCode.ABNORMAL_CLOSURE,
                    f"the peer sent no Close frame within {self._close_timeout:g} s",
                )
            )

    def _give_up(self, error: Exception) -> None:
        self._fail(error, WSCloseCode.ABNORMAL_CLOSURE)
        self._failed = True
