"""What reading a response and reading a request have in common: the buffer, the body, the end."""

import copy
from collections import deque
from typing import Final

from whimbrel_http_parser._chunked import ChunkedBody
from whimbrel_http_parser._scan import KnownFields
from whimbrel_http_parser._section import Section
from whimbrel_http_parser.errors import IncompleteMessage, LocalProtocolError, ProtocolError
from whimbrel_http_parser.events import (
    NEED_DATA,
    PAUSED,
    BodySignal,
    Data,
    EndOfMessage,
    Framing,
    ReadableBuffer,
)
from whimbrel_http_parser.limits import DEFAULT_LIMITS, Leniency, Limits

HEAD: Final = 0
LENGTH: Final = 1
CHUNKED: Final = 2
UNTIL_CLOSE: Final = 3
END: Final = 4  # the body is complete, EndOfMessage is due
DONE: Final = 5  # EndOfMessage was delivered
SWITCHED: Final = 6
FAILED: Final = 7


# So that a sum of it and a position is a machine integer, whatever the limits.
_MOST: Final = 2**31


def _plain_head(limits: Limits) -> int:
    """Return how many bytes a head may have without having to be measured line by line."""
    return min(limits.start_line, limits.field_line, limits.head, _MOST)


_DEFAULT_PLAIN_HEAD: Final = _plain_head(DEFAULT_LIMITS)


class MessageReader:
    """Reads the messages on one connection, one cycle at a time; a subclass reads their heads."""

    __slots__ = (
        "_chunked",
        "_data",
        "_eof",
        "_error",
        "_expected",
        "_fields",
        "_left",
        "_leniency",
        "_leniency_used",
        "_limits",
        "_most_fields",
        "_pending",
        "_plain_head",
        "_pos",
        "_state",
    )

    def __init__(self, limits: Limits, leniency: Leniency) -> None:
        self._limits = limits
        self._leniency = leniency
        self._most_fields = min(limits.fields, _MOST)
        self._plain_head = _DEFAULT_PLAIN_HEAD if limits is DEFAULT_LIMITS else _plain_head(limits)
        self._data = b""  # what is being read, from _pos on
        self._pos = 0
        self._pending: deque[bytes] = deque()  # the pieces that came after it
        self._eof = False
        self._error: ProtocolError | None = None
        self._begin_message()

    def _begin_message(self) -> None:
        self._state: int = HEAD
        self._fields: KnownFields | None = None  # of the head, once there is one
        self._chunked: ChunkedBody | None = None
        self._left = 0  # bytes of the body that are to come
        self._expected = 0  # and that there are altogether
        self._leniency_used: str | None = None

    def receive_data(self, data: ReadableBuffer) -> None:
        """Take bytes from the peer. Nothing is parsed before `next_event`.

        Args:
            data: what was received; `bytes` are taken without a copy. Empty data mean nothing.

        Raises:
            LocalProtocolError: the end of the stream was received already.
        """
        if self._eof:
            raise LocalProtocolError("data received after the end of the stream")
        if not data or self._state == FAILED:
            return
        # A view first: bytes(5) would be five zeros.
        received = data if isinstance(data, bytes) else bytes(memoryview(data))
        if self._pos == len(self._data) and not self._pending:
            self._data = received
            self._pos = 0
        else:
            self._pending.append(received)

    def receive_eof(self) -> None:
        """Learn that the peer will send no more; repeating it is harmless."""
        self._eof = True

    def _next_behind_head(self) -> Data | EndOfMessage | BodySignal:
        """Return the next event of the body, or what there is behind it."""
        state = self._state
        try:
            if state == LENGTH:
                return self._read_length()
            if state == CHUNKED:
                return self._read_chunked()
            if state == UNTIL_CLOSE:
                return self._read_until_close()
        except ProtocolError as error:
            self._fail(error)
            raise
        if state == END:
            return self._end_message()
        if self._error is not None:
            raise copy.copy(self._error)
        return PAUSED

    @property
    def trailing_data(self) -> bytes:
        """What was received behind the end of the message or the switch; empty before that.

        It is not consumed. After a switch it is the beginning of the other protocol.
        """
        if self._state not in (DONE, SWITCHED):
            return b""
        return b"".join([self._data[self._pos :], *self._pending])

    @property
    def _has_data(self) -> bool:
        return self._pos < len(self._data) or bool(self._pending)

    def _persistence_reason(self) -> str | None:
        """Say what in the head speaks against another message on the same connection."""
        raise NotImplementedError

    def _lasting_close_reason(self) -> str | None:
        """Say what in the message speaks against another one on the same connection."""
        if self._leniency_used is not None:
            return f"the leniency {self._leniency_used} was needed"
        return self._persistence_reason()

    def _close_reason(self, message: str, switched: str) -> str | None:
        """Say why the message does not let another one follow.

        Args:
            message: what it is, in a word.
            switched: the reason when what follows it is not HTTP.
        """
        if self._error is not None:
            return f"the {message} is broken: {self._error}"
        if self._state == SWITCHED:
            return switched
        if self._state != DONE:
            return f"the {message} is not complete"
        return self._lasting_close_reason()

    def _check_next_cycle(self) -> None:
        if self._state != DONE:
            state = "the protocol was switched" if self._state == SWITCHED else "not complete"
            raise LocalProtocolError(f"no next cycle: {self._error or state}")
        reason = self._lasting_close_reason()
        if reason is not None:
            raise LocalProtocolError("no next cycle: " + reason)

    def _take_piece(self) -> bool:
        """Go on with the next piece that was received, all of this one being read.

        Returns:
            Whether there is one.
        """
        self._pos = 0
        if self._pending:
            self._data = self._pending.popleft()
            return True
        self._data = b""
        return False

    def _feed_head(self, head: Section) -> bool:
        """Go on with a head that comes in pieces.

        Returns:
            Whether it is complete.
        """
        self._pos = head.feed(self._data, self._pos)
        while not head.complete:
            if not self._take_piece():
                return False
            self._pos = head.feed(self._data, self._pos)
        if head.leniency_used is not None:
            self._leniency_used = head.leniency_used
        return True

    def _fail(self, error: ProtocolError) -> None:
        # A copy, because what is raised refers to this reader by its traceback.
        self._error = copy.copy(error)
        self._state = FAILED
        self._data = b""
        self._pos = 0
        self._pending.clear()
        self._chunked = None

    def _expect_body(self, framing: Framing, length: int | None, fields: KnownFields) -> None:
        """Learn from the head how the body is to be read."""
        self._fields = fields
        if framing is Framing.LENGTH:
            assert length is not None
            self._expected = self._left = length
            self._state = LENGTH if length else END
        elif framing is Framing.CHUNKED:
            self._chunked = ChunkedBody(self._limits, self._leniency)
            self._state = CHUNKED
        elif framing is Framing.NONE:
            self._state = END
        elif framing is Framing.UNTIL_CLOSE:
            self._state = UNTIL_CLOSE
        else:
            self._state = SWITCHED

    def _end_message(self) -> EndOfMessage:
        self._state = DONE
        if self._pos == len(self._data) and not self._pending:
            self._data = b""  # an idle reader holds no buffer
            self._pos = 0
        if self._chunked is None:
            return EndOfMessage()
        trailers = self._chunked.trailers
        if trailers.leniency_used is not None:
            self._leniency_used = trailers.leniency_used
        return EndOfMessage(tuple(trailers.lines))

    def _rest(self, maximum: int) -> bytes:
        """Take at most `maximum` of the bytes that are there; all of a piece without a copy."""
        data = self._data
        pos = self._pos
        available = len(data) - pos
        if available <= maximum:
            self._data = b""
            self._pos = 0
            return data[pos:] if pos else data
        self._pos = pos + maximum
        return data[pos : pos + maximum]

    def _read_length(self) -> Data | BodySignal:
        if self._pos < len(self._data) or self._take_piece():
            content = self._rest(self._left)
            self._left -= len(content)
            if self._left == 0:
                self._state = END
            return Data(content)
        if self._eof:
            raise IncompleteMessage("body", self._expected - self._left, self._expected)
        return NEED_DATA

    def _read_chunked(self) -> Data | EndOfMessage | BodySignal:
        body = self._chunked
        assert body is not None
        while body.failure is None and not body.complete:
            if self._pos == len(self._data) and not self._take_piece():
                break
            self._pos = body.feed(self._data, self._pos)
            content = body.take_data()
            if content is not None:
                return content
        if body.failure is not None:
            raise body.failure
        if body.complete:
            return self._end_message()
        if self._eof:
            if body.in_trailers:
                raise IncompleteMessage("trailers", body.trailers.received)
            raise IncompleteMessage("body", body.received)
        return NEED_DATA

    def _read_until_close(self) -> Data | EndOfMessage | BodySignal:
        if self._pos < len(self._data) or self._take_piece():
            return Data(self._rest(len(self._data)))
        if self._eof:
            return self._end_message()
        return NEED_DATA
