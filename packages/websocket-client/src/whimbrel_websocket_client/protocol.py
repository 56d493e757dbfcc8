"""The WebSocket protocol as a state machine (RFC 6455): bytes in, messages out; no I/O, no clock.

The reader shares its vocabulary with the family's HTTP reader: `receive_data`, `receive_eof`, and
`next_event`, which returns an event or `NEED_DATA`. What the application sends is returned as bytes
by the method that sends it; what the protocol itself has to send is fetched with `data_to_send`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from whimbrel_websocket_client._assembly import MessageAssembler
from whimbrel_websocket_client._deflate import Deflater, Inflater
from whimbrel_websocket_client._heartbeat import Heartbeat, RoundTrips, Verdict
from whimbrel_websocket_client._outgoing import OutgoingMessages, octets
from whimbrel_websocket_client.errors import HeartbeatError, StateError, WebSocketError
from whimbrel_websocket_client.frames import (
    OP_BINARY,
    OP_CLOSE,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    FrameDecoder,
    decode_close,
    encode_close,
    encode_frame,
)
from whimbrel_websocket_client.messages import Role, WSCloseCode, WSMessage, WSMsgType

if TYPE_CHECKING:
    from whimbrel_websocket_client._deflate import ZlibBackend
    from whimbrel_websocket_client.extensions import DeflateParameters

__all__ = ["NEED_DATA", "Role", "Signal", "State", "WebSocketProtocol"]

# A close reason that this side writes about the peer's violation: it fits into every Close frame.
_REASON_CHARACTERS: Final = 120
# Pongs that are owed at most; further Pings displace the earliest (section 5.5.3 allows it).
_PONGS: Final = 16


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


_OPEN: Final = State.OPEN


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
        violation: what `fail` is to act upon, if violations are held; else `None`.
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
        "_heard_at",
        "_heartbeat",
        "_hold_violations",
        "_in_frame",
        "_masks",
        "_out",
        "_outgoing",
        "_ping_due",
        "_pongs",
        "_reading",
        "_round_trips",
        "close_code",
        "close_reason",
        "failure",
        "state",
        "violation",
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
        deflate: DeflateParameters | None = None,
        zlib: ZlibBackend | None = None,
        hold_violations: bool = False,
        now: float = 0.0,
    ) -> None:
        """Begin with an open connection.

        Args:
            role: a client masks and must not get masked frames; a server the other way round.
            max_msg_size: octets that a message may have, over all its fragments and expanded; 0 for
                no limit.
            decode_text: whether texts are `str`, else `bytes`. They are held to UTF-8 in any case.
            autoclose: whether the peer's Close frame is answered at once.
            autopong: whether Pings are answered; of more than 16 at a time, the last 16 are.
            heartbeat: seconds of silence before a Ping is sent; after half as many more the peer
                is taken for gone. `None` for never.
            close_timeout: seconds that the peer has for its Close frame, and `fail` for being
                called; `None` for ever.
            deflate: what permessage-deflate was agreed with; `None` when it was not.
            zlib: what to compress with; `None` for the standard library's.
            hold_violations: whether a violation of the protocol by the peer is held in `violation`
                until `fail`, so that what came before can still be answered.
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
        self.violation: WebSocketError | None = None
        self._masks = role is Role.CLIENT
        self._autoclose = autoclose
        self._autopong = autopong
        self._hold_violations = hold_violations
        self._decoder = FrameDecoder(masked=not self._masks, deflate=deflate is not None)
        self._outgoing = OutgoingMessages(
            masked=self._masks,
            deflater=None if deflate is None else Deflater(deflate, role, zlib=zlib),
        )
        self._assembler = MessageAssembler(
            max_size=max_msg_size,
            decode_text=decode_text,
            inflater=None if deflate is None else Inflater(deflate, role, zlib=zlib),
        )
        self._in_frame = False
        self._heartbeat = None if heartbeat is None else Heartbeat(heartbeat, now)
        self._round_trips = RoundTrips()
        self._heard_at = now
        self._close_timeout = close_timeout
        self._close_at: float | None = None
        self._close_sent = False
        self._reading = True
        self._eof = False
        self._failed = False
        self._out = b""
        self._ping_due: bytes | None = None
        # Payloads of Pings without an answer; `None` is lighter than an empty list.
        self._pongs: list[bytes] | None = None

    # Receiving

    def receive_data(self, data: bytes, now: float = 0.0) -> None:
        """Take what came from the peer; ignored after the last event.

        Args:
            data: octets, in any division.
            now: the clock's time in seconds; it matters for the heartbeat, the round trip's time,
                and violations that are held.
        """
        if self._reading:
            self._heard_at = now
            if self._heartbeat is not None:
                self._heartbeat.heard(now)
            self._decoder.feed(data)

    def receive_eof(self) -> None:
        """Learn that nothing more will come; the events before it can still be taken."""
        self._eof = True
        # Nobody is left who would wait for an answer.
        self.fail()

    def next_event(self, hold: int = 0) -> WSMessage | Literal[Signal.NEED_DATA]:
        """Return the next message, or `NEED_DATA`.

        Whatever breaks the protocol is returned as an ERROR, the last event: the Close frame that
        says so is in `data_to_send`, and nothing that came afterwards is looked at.

        Args:
            hold: octets of an unfinished message; when `incomplete_size` has reached them,
                `NEED_DATA` is returned, also if more has come: `take_part`, or a larger number,
                lets it go on. 0 for any number.
        """
        if not self._reading:
            return self._event_after_reading()
        try:
            event = self._read(hold)
        except WebSocketError as error:
            return self._violated(error)
        if event is NEED_DATA and self._eof and not self._assembler.held >= hold > 0:
            return self._fail(self._truncation(), WSCloseCode.ABNORMAL_CLOSURE)
        return event

    def _event_after_reading(self) -> WSMessage | Literal[Signal.NEED_DATA]:
        if self._failed:
            self._failed = False
            return WSMessage(self.failure, None, WSMsgType.ERROR)
        if self._eof and self.state is State.CLOSING:
            # The peer has closed and gone: there is nobody left to be answered.
            self._end()
        return NEED_DATA

    def _read(self, hold: int) -> WSMessage | Literal[Signal.NEED_DATA]:
        decoder = self._decoder
        assembler = self._assembler
        while not assembler.held >= hold > 0:
            if not self._in_frame:
                if not decoder.next_header():
                    break
                if decoder.opcode < OP_CLOSE:
                    assembler.begin(decoder.opcode, decoder.length, compressed=decoder.compressed)
                self._in_frame = True
            if decoder.opcode >= OP_CLOSE:
                payload = decoder.take_whole()
                if payload is None:
                    break
                self._in_frame = False
                return self._control(decoder.opcode, payload)
            message = self._read_data(decoder, assembler, hold)
            if message is not None:
                return message
            if self._in_frame and not (assembler.pending or decoder.has_payload):
                break
        return NEED_DATA

    def _read_data(
        self, decoder: FrameDecoder, assembler: MessageAssembler, hold: int
    ) -> WSMessage | None:
        """Take payload of a data frame, and leave the frame when there is no more of it."""
        # Only what is held back while compressed can grow beyond what has come.
        room = hold - assembler.held if hold else 0
        if assembler.pending:
            message = assembler.resume(room)
        else:
            chunk = decoder.take()
            last = decoder.fin and decoder.remaining == 0
            message = assembler.add(chunk, last=last, room=room)
        self._in_frame = decoder.remaining > 0 or assembler.pending
        return message

    def _control(self, opcode: int, payload: bytes) -> WSMessage:
        """Act on a control frame (section 5.5) and return its event."""
        if opcode == OP_PONG:
            self._round_trips.answered(payload, self._heard_at)
            return WSMessage(payload, None, WSMsgType.PONG)
        if opcode == OP_PING:
            if self._autopong:
                self._owe_pong(payload)
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

    def _owe_pong(self, payload: bytes) -> None:
        pongs = self._pongs
        if pongs is None:
            self._pongs = [payload]
            return
        if len(pongs) == _PONGS:
            del pongs[0]
        pongs.append(payload)

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

    def _violated(self, error: WebSocketError) -> WSMessage | Literal[Signal.NEED_DATA]:
        if not self._hold_violations or self._eof or self.state is not _OPEN:
            self._answer_close(error.code, str(error)[:_REASON_CHARACTERS])
            return self._fail(error, error.code)
        self.violation = error
        self._reading = False
        if self._close_timeout is not None:
            self._close_at = self._heard_at + self._close_timeout
        return NEED_DATA

    def fail(self) -> None:
        """Act upon the violation that is held, if there is one: `next_event` is an ERROR then."""
        error, self.violation = self.violation, None
        if error is not None:
            self._answer_close(error.code, str(error)[:_REASON_CHARACTERS])
            self._fail(error, error.code)
            self._failed = True

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
        self.release()

    def release(self) -> None:
        """Free what is held of messages, and the compression's memory, because the end has come.

        The protocol does so by itself when its state becomes `CLOSED`. What has not been read by
        `next_event` is lost, and there is nothing more to read.
        """
        self._reading = False
        self._pongs = None
        self._decoder.clear()
        self._assembler.clear()
        self._outgoing.clear()

    # Messages that are not complete

    @property
    def incomplete_type(self) -> WSMsgType | None:
        """TEXT or BINARY, when a message has begun that has not ended; else `None`."""
        return self._assembler.type

    @property
    def incomplete_size(self) -> int:
        """Octets of that message that are held, expanded if it is compressed."""
        return self._assembler.held

    def take_part(self) -> str | bytes | None:
        """Return what is held of the message that has not ended, and hold it no more.

        The event of the message has what came after the last part: maybe nothing. The limit counts
        the whole message. A text that is decoded is cut between characters.

        Returns:
            The next part, or `None` when there is nothing of one.
        """
        return self._assembler.take()

    # Sending

    def send_text(self, data: str | bytes, compress: int | None = None) -> bytes:
        """Return the frame of a text message.

        Args:
            data: the text, or its UTF-8.
            compress: level of compression, 0 for none, `None` for the usual one where compression
                was agreed on. Short messages are compressed as well: with context takeover they
                gain most.

        Raises:
            ValueError: a lone surrogate, octets that are not UTF-8, a level that there is not, or
                one without an agreement.
            StateError: the connection is not open, or a message is sent in parts.
        """
        if isinstance(data, str):
            data = data.encode()
        elif not data.isascii():
            data.decode()
        return self._send_message(OP_TEXT, data, compress)

    def send_binary(
        self, data: bytes | bytearray | memoryview, compress: int | None = None
    ) -> bytes:
        """Return the frame of a binary message.

        Args:
            data: the payload.
            compress: as for `send_text`.

        Raises:
            ValueError: a level that there is not, or one without an agreement.
            StateError: the connection is not open, or a message is sent in parts.
        """
        return self._send_message(OP_BINARY, octets(data), compress)

    def _send_message(
        self, opcode: int, payload: bytes | bytearray | memoryview, compress: int | None
    ) -> bytes:
        if self.state is not _OPEN:
            raise self._refusal()
        return self._outgoing.message(opcode, payload, compress)

    def send_part(
        self,
        data: str | bytes | bytearray | memoryview,
        *,
        last: bool,
        compress: int | None = None,
    ) -> bytes:
        """Return the frame of the next part of a message (section 5.4); the first one begins it.

        Until the last one no other message can be sent; Pings, Pongs and the Close frame can.

        Args:
            data: `str` for a text, bytes-like for a binary message; all parts are of one kind.
            last: whether the message ends with it.
            compress: as for `send_text`, of the first part; it counts for the whole message.

        Returns:
            The frame; nothing for an empty part that is not the last.

        Raises:
            TypeError: the kind is not that of the message's first part.
            ValueError: a lone surrogate, or a level of compression that cannot be.
            StateError: the connection is not open.
        """
        if self.state is not _OPEN:
            raise self._refusal()
        return self._outgoing.part(data, last, compress)

    @property
    def in_parts(self) -> bool:
        """Whether a message that is sent in parts has begun and not ended."""
        return self._outgoing.in_parts

    def ping(self, data: bytes = b"", now: float = 0.0) -> bytes:
        """Return a Ping frame.

        Args:
            data: payload.
            now: the clock's time in seconds, for `round_trip_time`.

        Raises:
            ValueError: more than 125 octets.
            StateError: the connection is not open.
        """
        frame = self._send_control(OP_PING, data)
        self._round_trips.sent(data, now)
        return frame

    def pong(self, data: bytes = b"") -> bytes:
        """Return a Pong frame, which needs no Ping (section 5.5.3).

        Raises:
            ValueError: more than 125 octets.
            StateError: the connection is not open.
        """
        return self._send_control(OP_PONG, data)

    @property
    def round_trip_time(self) -> float | None:
        """Seconds until the last own Ping that was answered was; `None` before the first."""
        return self._round_trips.last

    def _send_control(self, opcode: int, payload: bytes) -> bytes:
        if self.state is not _OPEN:
            raise self._refusal()
        return encode_frame(opcode, payload, masked=self._masks)

    def _refusal(self) -> StateError:
        return StateError(
            f"cannot send: the connection is {self.state.value}, close code {self.close_code}"
        )

    def close(self, code: int = WSCloseCode.OK, reason: str = "", now: float = 0.0) -> bytes:
        """Begin the closing handshake, or complete it when the peer began it (section 7.1.2).

        Args:
            code: status code.
            reason: for the peer's log; at most 123 octets of UTF-8.
            now: the clock's time in seconds; the closing deadline counts from it.

        Returns:
            The Close frame; nothing when one was sent already or the connection has ended. If a
            violation is held, it is acted upon: the Close frame is in `data_to_send`.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        if self._close_sent or self.state is State.CLOSED:
            return b""
        payload = encode_close(code, reason)
        if self.violation is not None:
            self.fail()
            return b""
        self._close_sent = True
        if self.state is State.CLOSING:
            self._end()
        else:
            self.state = State.CLOSING
            if self._close_timeout is not None:
                self._close_at = now + self._close_timeout
        return encode_frame(OP_CLOSE, payload, masked=self._masks)

    def data_to_send(self) -> bytes:
        """Return what the protocol itself has to send, and forget it.

        Bounded however much the peer sends: at most 16 Pongs and one Ping of the heartbeat, or one
        Close frame, after which nothing is sent (section 5.5.1).
        """
        data, self._out = self._out, b""
        if self.state is not _OPEN:
            return data
        if self._ping_due is not None:
            data += encode_frame(OP_PING, self._ping_due, masked=self._masks)
            self._ping_due = None
        if self._pongs is not None:
            for payload in self._pongs:
                data += encode_frame(OP_PONG, payload, masked=self._masks)
            self._pongs = None
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
        if self._is_listening() and self._heartbeat is not None:
            return self._heartbeat.deadline()
        return self._close_at

    def _is_listening(self) -> bool:
        """Tell whether silence means something."""
        return self.state is _OPEN and self.violation is None

    def handle_timeout(self, now: float) -> None:
        """Act on a deadline, if one has passed: there may be data to send, or an ERROR event.

        Args:
            now: the clock's time in seconds.
        """
        if self._is_listening():
            if self._heartbeat is not None:
                self._beat(self._heartbeat, now)
        elif self._close_at is None or now < self._close_at:
            return
        elif self.violation is not None:
            self.fail()
        else:
            self._give_up(
                WebSocketError(
                    WSCloseCode.ABNORMAL_CLOSURE,
                    f"the peer sent no Close frame within {self._close_timeout:g} s",
                )
            )

    def _beat(self, heartbeat: Heartbeat, now: float) -> None:
        verdict = heartbeat.check(now)
        if verdict is Verdict.PING:
            if self._ping_due is None:
                self._ping_due = self._round_trips.next_payload()
                self._round_trips.sent(self._ping_due, now)
        elif verdict is Verdict.DEAD:
            silence = heartbeat.interval + heartbeat.patience
            self._give_up(
                HeartbeatError(
                    f"nothing came for {silence:g} s, not even an answer to the last Ping"
                )
            )

    def _give_up(self, error: Exception) -> None:
        self._fail(error, WSCloseCode.ABNORMAL_CLOSURE)
        self._failed = True
